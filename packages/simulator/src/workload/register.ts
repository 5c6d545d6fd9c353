/**
 * Writes and reads one tag of one stream: what clients see of cluster metadata must be one register.
 * A read takes a barrier first, as every answer does that says something does not exist (S12).
 */
import { asStreamError, ERROR_TRAITS, sleep } from "@millrace/base";

import type { History } from "../history.ts";
import { ACCOUNT } from "../node/addresses.ts";
import type { ClientProcess } from "./client-process.ts";

const TAG = "register";
const DEADLINE_MS = 4000;

export interface RegisterDeps {
  readonly process: ClientProcess;
  readonly history: History;
  readonly streamName: string;
  readonly nowMs: () => number;
  readonly stopped: () => boolean;
}

export async function useRegister(deps: RegisterDeps): Promise<void> {
  const { process, stopped } = deps;
  const { random, clock } = process;
  for (let count = 0; !stopped(); count++) {
    if (random.chance(0.5)) await write(deps, `${process.name}-r${count}`);
    else await read(deps);
    await sleep(clock, random.between(50, 1500));
  }
}

async function write(deps: RegisterDeps, value: string): Promise<void> {
  const { process, history, streamName, nowMs } = deps;
  const id = history.nextId();
  const told = () => ({ timeMs: nowMs(), process: process.name, id, op: "write" as const, value });
  history.add({ ...told(), kind: "invoke" });
  try {
    const request = { account: ACCOUNT, streamName, set: { [TAG]: value } };
    await process.client.admin.updateTags(request, DEADLINE_MS);
    history.add({ ...told(), kind: "ok" });
  } catch (error) {
    const { code } = asStreamError(error);
    if (code === "internal") throw error;
    const kind = ERROR_TRAITS[code].definite ? "fail" : "info";
    history.add({ ...told(), kind, error: code });
  }
}

async function read(deps: RegisterDeps): Promise<void> {
  const { process, history, streamName, nowMs } = deps;
  const id = history.nextId();
  const told = () => ({ timeMs: nowMs(), process: process.name, id, op: "read" as const });
  history.add({ ...told(), kind: "invoke" });
  try {
    await process.client.barrier(DEADLINE_MS);
    const value = process.client.view.stream(ACCOUNT, streamName)?.tags[TAG];
    history.add({ ...told(), kind: "ok", value });
  } catch (error) {
    const { code } = asStreamError(error);
    if (code === "internal") throw error;
    history.add({ ...told(), kind: "fail", error: code });
  }
}
