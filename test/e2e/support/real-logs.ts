/**
 * Real log lines: what programs wrote about real work, with the lengths, characters and bursts that
 * made-up lines do not have.
 *
 * nginx (Debian's) serves the files of this repository to real requests and writes its access log;
 * npm writes its own debug log of real dependency resolutions; dpkg and apt wrote theirs when the
 * machine was set up. What a machine lacks is named and left out; the rest must still be enough.
 */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";

import { ROOT } from "@millrace/bench";

export interface LogLine {
  /** Where the line comes from; lines of one source keep their order. */
  readonly source: string;
  readonly text: Buffer;
}

/** At least `lines` lines, in order per source; throws when the machine's programs do not give so many. */
export async function collectRealLogs(
  directory: string,
  lines: number,
): Promise<readonly LogLine[]> {
  mkdirSync(directory, { recursive: true });
  const collected: LogLine[] = [...packageManagerLogs(directory)];
  const missing = Math.max(20_000, lines - collected.length);
  collected.push(...(await nginxAccessLog(directory, missing)));
  while (collected.length < lines) collected.push(...npmLog(directory, `npm-${collected.length}`));
  console.log(`real logs: ${summary(collected)}`);
  return collected;
}

function summary(lines: readonly LogLine[]): string {
  const counts = new Map<string, number>();
  for (const { source } of lines) counts.set(source, (counts.get(source) ?? 0) + 1);
  return [...counts].map(([source, count]) => `${count} lines of ${source}`).join(", ");
}

function linesOf(source: string, path: string): readonly LogLine[] {
  const content = readFileSync(path);
  const lines: LogLine[] = [];
  let start = 0;
  for (let end = content.indexOf(10); end >= 0; end = content.indexOf(10, start)) {
    // An empty record cannot carry a line's identity.
    if (end > start) lines.push({ source, text: content.subarray(start, end) });
    start = end + 1;
  }
  return lines;
}

function packageManagerLogs(directory: string): readonly LogLine[] {
  const system = ["/var/log/dpkg.log", "/var/log/apt/term.log", "/var/log/apt/history.log"]
    .filter((path) => existsSync(path))
    .flatMap((path) => linesOf(path.split("/").at(-1) ?? path, path));
  return [...system, ...npmLog(directory, "npm")];
}

/** npm's own debug log of resolving and listing this repository's dependencies. */
function npmLog(directory: string, source: string): readonly LogLine[] {
  const logs = join(directory, source);
  const words = [
    "ls",
    "--all",
    "--json",
    "--loglevel=silly",
    "--logs-max=10",
    `--logs-dir=${logs}`,
  ];
  const output = execFileSync("npm", words, {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
  });
  writeFileSync(join(directory, `${source}.out`), output);
  const debug = readdirSync(logs).flatMap((name) => linesOf(source, join(logs, name)));
  return [...debug, ...linesOf(`${source}-ls`, join(directory, `${source}.out`))];
}

async function nginxAccessLog(directory: string, requests: number): Promise<readonly LogLine[]> {
  const program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/opt/homebrew/bin/nginx"].find(
    existsSync,
  );
  if (program === undefined) {
    console.log(
      "real logs: nginx is not installed, its access log is left out (apt-get install nginx)",
    );
    return [];
  }
  const port = 21_000 + (process.pid % 8000);
  const log = join(directory, "access.log");
  const config = join(directory, "nginx.conf");
  writeFileSync(
    config,
    `daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/error.log;
events { worker_connections 512; }
http {
  access_log ${log}; keepalive_requests 1000000;
  client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi; uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
  server { listen 127.0.0.1:${port}; root ${ROOT}; location / { autoindex on; } }
}`,
  );
  const user = process.getuid?.() === 0 ? ["-g", "user root;"] : [];
  const nginx = spawn(program, ["-c", config, ...user], { stdio: "ignore" });
  try {
    await untilListening(port);
    await driveRequests(port, requests);
  } finally {
    const exited = new Promise((resolve) => nginx.once("exit", resolve));
    nginx.kill("SIGQUIT"); // finishes and writes out its log
    await exited;
  }
  return linesOf("nginx", log);
}

/** Requests for real paths, some of which do not exist, over 32 kept connections. */
async function driveRequests(port: number, count: number): Promise<void> {
  const tracked = execFileSync("git", ["ls-files"], { cwd: ROOT, encoding: "utf8" })
    .split("\n")
    .filter(Boolean);
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  let sent = 0;
  const worker = async () => {
    while (sent < count) {
      const number = sent++;
      const path = `/${tracked[number % tracked.length] ?? ""}?visit=${number}`;
      await head(agent, port, number % 50 === 0 ? `/no/such/page/${number}` : encodeURI(path));
    }
  };
  await Promise.all(Array.from({ length: 32 }, worker));
  agent.destroy();
}

function head(agent: Agent, port: number, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      "user-agent": `millrace-test/1.0 (request; "quoted")`,
      referer: `http://127.0.0.1/${path}`,
    };
    const call = request(
      { agent, port, path, host: "127.0.0.1", method: "HEAD", headers },
      (response) => {
        response.resume();
        response.once("end", resolve);
      },
    );
    call.once("error", reject);
    call.end();
  });
}

async function untilListening(port: number): Promise<void> {
  const agent = new Agent();
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      await head(agent, port, "/");
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 25)); // 5 s in all, then the test fails
    }
  }
  throw new Error(`nginx does not listen on port ${port}`);
}
