/** Version of this build, told to operators and kept in node records. */
export const VERSION = "0.1.0";
