export { CLIENT_LIMITS } from "./options.ts";
export type { ClientLimits, ClientOptions, ClientPorts } from "./options.ts";
export type {
  EncodedRecords,
  FetchedSlice,
  FetchPage,
  FetchQuery,
  LocatedOffset,
  PutOutcome,
  ShardPosition,
} from "./types.ts";
