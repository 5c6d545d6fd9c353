/** A process that runs one job at a time for its parent. */
import type { Job } from "./job.ts";
import { runJob } from "./job.ts";

process.on("message", (job: Job) => {
  void runJob(job).then((outcome) => process.send?.(outcome));
});
