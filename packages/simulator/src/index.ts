export { History } from "./history.ts";
export type { FetchEvent, HistoryEvent, HistoryKind, PutEvent } from "./history.ts";
