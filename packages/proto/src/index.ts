/**
 * Millrace's RPC definitions, loaded once. Definitions come from a generated constant, so a process
 * needs no .proto file beside it; types and constant are written by `npm run generate`.
 */
import { fromJSON } from "@grpc/proto-loader";

import { DESCRIPTORS } from "./gen/descriptors.ts";
import type {
  CoordinatorServiceDefinition,
  DataServiceDefinition,
  MetadataServiceDefinition,
  NodeServiceDefinition,
  ReplicationServiceDefinition,
} from "./gen/types.ts";

export type * from "./gen/types.ts";

/**
 * Must say the same as TYPE_OPTIONS of scripts/generate-proto.ts. 64-bit integers become numbers:
 * whoever reads one that was not made by this program checks it with `safeInteger`.
 */
const LOADER_OPTIONS = {
  keepCase: false,
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
} as const;

const loaded = fromJSON(DESCRIPTORS, LOADER_OPTIONS);

/** Each use below casts to the type that the same run of the generator wrote. */
function service(name: string): unknown {
  const definition = loaded[name];
  if (definition !== undefined) return definition;
  throw new Error(`service ${name} is not in the generated descriptors: run npm run generate`);
}

/**
 * A service definition is what grpc-js's servers and clients take; each of its methods carries `path`
 * and the (de)serializers of its request and response.
 */
export const CoordinatorService = service(
  "millrace.coordinator.v1.CoordinatorService",
) as CoordinatorServiceDefinition;
export const DataService = service("millrace.data.v1.DataService") as DataServiceDefinition;
export const MetadataService = service(
  "millrace.metadata.v1.MetadataService",
) as MetadataServiceDefinition;
export const NodeService = service("millrace.node.v1.NodeService") as NodeServiceDefinition;
export const ReplicationService = service(
  "millrace.replication.v1.ReplicationService",
) as ReplicationServiceDefinition;

/** `:path` of each method that the codec of packages/rpc serves. */
export const HOT_PATHS = {
  append: "/millrace.data.v1.DataService/Append",
  fetch: "/millrace.data.v1.DataService/Fetch",
  exchange: "/millrace.replication.v1.ReplicationService/Exchange",
} as const;
