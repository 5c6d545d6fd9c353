/** What a process tells the coordinator about itself at each start. */
import type { RegisterNode } from "@millrace/client";

import type { ProcessIdentity } from "./gateway-identity.ts";
import type { Settings } from "./settings.ts";
import { VERSION } from "./version.ts";

/** The ports that a process listens on; only those of its roles. */
export interface NodePortNumbers {
  readonly rpc: number;
  readonly admin: number;
  readonly data?: number;
  readonly aws?: number;
}

/** Address that others dial, without a port. */
export function advertised(settings: Settings): string {
  return settings.advertiseAddress || settings.bindAddress;
}

export function registrationOf(
  settings: Settings,
  identity: ProcessIdentity,
  ports: NodePortNumbers,
): RegisterNode {
  const at = (port: number) => `${advertised(settings)}:${port}`;
  return {
    nodeId: settings.nodeId,
    incarnation: identity.incarnation,
    bootEpoch: identity.bootEpoch,
    roles: settings.roles,
    host: settings.host,
    zone: settings.zone,
    addresses: {
      rpc: at(ports.rpc),
      admin: at(ports.admin),
      ...(ports.data === undefined ? {} : { data: at(ports.data) }),
      ...(ports.aws === undefined ? {} : { aws: at(ports.aws) }),
    },
    pid: process.pid,
    dataDir: settings.dataDir,
    version: VERSION,
  };
}
