import { StreamError } from "@millrace/base";

import { DEFAULT_DATA_DIRECTORY, environmentLines, readClusterFile } from "../cluster-file.ts";
import { write } from "../output.ts";

/** Prints the shell lines of a local cluster: `eval "$(millrace env)"`. */
export function printEnvironment(directory: string = DEFAULT_DATA_DIRECTORY): void {
  const cluster = readClusterFile(directory);
  if (cluster === undefined) {
    throw new StreamError(
      "not-found",
      `${directory}/cluster.json does not exist; run scripts/start first`,
    );
  }
  write(environmentLines(cluster).join("\n"));
}
