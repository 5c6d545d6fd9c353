import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { RESTART_DELAY_MS, Supervisor } from "./supervisor.ts";

const directory = mkdtempSync(join(tmpdir(), "millrace-supervisor-"));
afterAll(() => rmSync(directory, { recursive: true }));

function supervise(restart: boolean, program: string) {
  const seen: { what: string; atMs: number; pid?: number }[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const note = (what: string, pid?: number) => {
    seen.push({ what, atMs: performance.now(), ...(pid === undefined ? {} : { pid }) });
    for (const one of waiting) if (seen.length >= one.count) one.resolve();
  };
  const supervisor = new Supervisor({
    restart,
    events: {
      started: (name, pid) => note(`started ${name}`, pid),
      ended: (name, how, restarting) => note(`${name} ended by ${how}, restarting ${restarting}`),
    },
  });
  const logFile = join(directory, "log");
  supervisor.start({
    name: "node-1",
    arguments: ["-e", program],
    environment: { WORD: "hello" },
    logFile,
  });
  const events = (count: number) =>
    seen.length >= count
      ? Promise.resolve()
      : new Promise<void>((resolve) => waiting.push({ count, resolve }));
  return { supervisor, seen, events, logFile };
}

describe("the supervisor of a local cluster", () => {
  it("starts a killed process again after two seconds, and stops it for good", async () => {
    const run = supervise(true, "console.log(process.env.WORD); setInterval(() => {}, 1000)");
    await run.events(1);
    process.kill(run.seen[0]?.pid ?? 0, "SIGKILL");
    await run.events(3);
    expect(run.seen.map((one) => one.what)).toEqual([
      "started node-1",
      "node-1 ended by signal SIGKILL, restarting true",
      "started node-1",
    ]);
    const pause = (run.seen[2]?.atMs ?? 0) - (run.seen[1]?.atMs ?? 0);
    expect(pause).toBeGreaterThanOrEqual(RESTART_DELAY_MS - 5);
    await run.supervisor.stop(5000);
    expect(run.seen).toHaveLength(3);
  });

  it("leaves a dead process dead when told so", async () => {
    const run = supervise(false, "console.log(process.env.WORD); process.exit(7)");
    await run.events(2);
    expect(run.seen[1]?.what).toBe("node-1 ended by exit code 7, restarting false");
    await run.supervisor.stop(100);
    expect(readFileSync(run.logFile, "utf8")).toContain("hello");
  });

  it("keeps a terminal's Ctrl-C from its processes, and can end them at once", async () => {
    const run = supervise(true, "setInterval(() => {}, 1000)");
    await run.events(1);
    const pid = run.seen[0]?.pid ?? 0;
    process.kill(-pid, 0); // throws unless the process leads a group of its own
    run.supervisor.kill();
    await run.supervisor.stop(5000);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  it("stops the gateway before the nodes that it needs", async () => {
    const supervisor = new Supervisor({ restart: false, events: { started() {}, ended() {} } });
    const logFile = join(directory, "order");
    const program = `
      console.log(process.env.NAME, "started");
      process.on("SIGTERM", () => setTimeout(() => {
        console.log(process.env.NAME, "stopped");
        process.exit(0);
      }, process.env.NAME === "gateway" ? 300 : 0));
      setInterval(() => {}, 1000);`;
    for (const name of ["node-1", "gateway", "node-2"]) {
      const stopsFirst = name === "gateway";
      const environment = { NAME: name };
      supervisor.start({ name, arguments: ["-e", program], environment, logFile, stopsFirst });
    }
    const lines = (word: string) =>
      readFileSync(logFile, "utf8")
        .split("\n")
        .filter((line) => line.endsWith(word));
    while (lines("started").length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
    await supervisor.stop(10_000);
    const stopped = lines("stopped");
    expect([stopped[0], stopped.toSorted()]).toEqual([
      "gateway stopped",
      ["gateway stopped", "node-1 stopped", "node-2 stopped"],
    ]);
  });
});
