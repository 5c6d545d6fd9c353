export { History } from "./history.ts";
export type { FetchEvent, HistoryEvent, HistoryKind, PutEvent, RegisterEvent } from "./history.ts";
