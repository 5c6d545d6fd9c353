export { createCoordinator } from "./coordinator.ts";
export type {
  Coordinator,
  CoordinatorConfig,
  CoordinatorOptions,
  CoordinatorStatus,
} from "./coordinator.ts";
export type {
  IdentityStore,
  MetadataGroup,
  MetadataLane,
  MetadataStateMachine,
} from "./group-port.ts";
export { controlServices } from "./handlers/mount.ts";
export type { VoterAddress } from "./handlers/form-cluster.ts";
export type {
  CoordinatorHandlers,
  CoordinatorServices,
  MetadataHandlers,
  Unary,
} from "./handlers/services.ts";
export type { TailSink } from "./tail.ts";
