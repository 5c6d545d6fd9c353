/** Entry of the program: `bin/millrace.js` after a build, this file itself from sources. */
import { run } from "./main.ts";

await run(process.argv);
