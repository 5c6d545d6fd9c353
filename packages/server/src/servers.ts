/** The `rpc` port (control plane) and the `data` port (hot streams) of a process, with what its roles serve on them. */
import type { Clock, Logger } from "@millrace/base";
import { StreamError } from "@millrace/base";
import type { Broker } from "@millrace/broker";
import type { Coordinator } from "@millrace/coordinator";
import { controlServices } from "@millrace/coordinator";
import type { Principal } from "@millrace/model";
import { HOT_PATHS, NodeService } from "@millrace/proto";
import type { StatusResponse } from "@millrace/proto";
import type { ControlServer, ControlService, HotServer } from "@millrace/rpc";
import { controlService, createControlServer, createHotServer } from "@millrace/rpc";

import type { LaneRuntime } from "./lane-runtime.ts";
import type { Settings } from "./settings.ts";
import { VERSION } from "./version.ts";

type Authenticate = (call: {
  readonly path: string;
  readonly header: (name: string) => string | undefined;
}) => Principal;

interface Shared {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly authenticate: Authenticate;
  readonly broker?: Broker;
  readonly coordinator?: Coordinator;
}

export interface ControlServerDeps extends Shared {
  readonly runtime: LaneRuntime | undefined;
  readonly identity: { readonly incarnation: string; readonly bootEpoch: number };
  readonly state: () => string;
}

export function startControlServer(deps: ControlServerDeps): Promise<ControlServer> {
  const { settings, clock, logger, coordinator, authenticate } = deps;
  return createControlServer<Principal>({
    host: settings.bindAddress,
    port: settings.rpcPort,
    services: [
      nodeService(deps),
      ...(coordinator === undefined ? [] : controlServices(coordinator.services)),
    ],
    authenticate: (call) => authenticate({ path: call.path, header: (name) => call.header(name) }),
    clock,
    logger,
  });
}

function nodeService(deps: ControlServerDeps): ControlService<Principal> {
  return controlService<typeof NodeService, Principal>(NodeService, {
    unary: {
      Status: () => status(deps),
      Locate: (request, { principal }) => {
        if (deps.broker === undefined) {
          throw new StreamError("unsupported", "this process is no broker and holds no shards");
        }
        return deps.broker.handlers.locate(request, principal);
      },
    },
  });
}

function status({ settings, runtime, identity, state, broker }: ControlServerDeps): StatusResponse {
  return {
    nodeId: settings.nodeId,
    incarnation: identity.incarnation,
    bootEpoch: identity.bootEpoch,
    clusterId: runtime?.storage.identity.clusterId ?? "",
    roles: settings.roles,
    pid: process.pid,
    dataDir: settings.dataDir,
    state: state(),
    version: VERSION,
    groups: [...(broker?.handlers.groupStatuses() ?? [])],
  };
}

export interface DataServerDeps extends Shared {
  readonly runtime: LaneRuntime;
}

export function startDataServer(deps: DataServerDeps): Promise<HotServer> {
  const { settings, clock, logger, broker, runtime, authenticate } = deps;
  if (broker === undefined) throw new StreamError("internal", "a data port needs a broker");
  return createHotServer<Principal>({
    host: settings.bindAddress,
    port: settings.dataPort,
    services: {
      [HOT_PATHS.append]: (stream, call) => broker.handlers.appendStream(stream, call),
      [HOT_PATHS.fetch]: (stream, call) => broker.handlers.fetchStream(stream, call),
      [HOT_PATHS.exchange]: (stream, call) => {
        if (call.principal?.kind !== "cluster") {
          throw new StreamError("permission-denied", "replication is for processes of the cluster");
        }
        runtime.transport.acceptPeerStream(stream, call);
      },
    },
    authenticate: ({ path, headers }) => authenticate({ path, header: (name) => headers[name] }),
    clock,
    logger,
  });
}
