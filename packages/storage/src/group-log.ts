import type {
  ConfState,
  EntriesAnswer,
  HardState,
  LocateAnswer,
  LogEntry,
  StateSnapshot,
  TermAnswer,
} from "./types.ts";

export interface GroupLog {
  readonly groupId: number;
  readonly replicaId: number;
  readonly kind: number;
  readonly description: Uint8Array;
  readonly hardState: HardState;
  readonly confState: ConfState;
  firstIndex(): number;
  lastIndex(): number;
  term(index: number): TermAnswer;
  entries(lo: number, hi: number, maxBytes: number): EntriesAnswer;
  fetchEntries(lo: number, hi: number, maxBytes: number): Promise<readonly LogEntry[]>;
  baseSnapshot(): StateSnapshot;
  recoveredState(): StateSnapshot;
  setStateProvider(provide: () => StateSnapshot): void;
  committed(index: number): void;
  locateOffset(offset: number): LocateAnswer;
  locateOffsetAsync(offset: number): Promise<number | undefined>;
  locateTime(arrivalMs: number): LocateAnswer;
  locateTimeAsync(arrivalMs: number): Promise<number | undefined>;
}
