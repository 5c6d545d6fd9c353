/**
 * Reads that wait until a quorum has confirmed that this node still leads.
 *
 * Every read gets a position, counted from the start of the leader's term. A heartbeat carries
 * the newest position; the answer acknowledges that position and all before it. So the positions
 * that a quorum has acknowledged are confirmed by the same arithmetic as a log index, and one
 * round of heartbeats serves any number of reads. A caller's context is never the key: two
 * reads with the same context would confirm each other, and a read could be stale.
 *
 *   R1  a read is answered with the commit index at its arrival, after a quorum has answered a
 *       heartbeat sent after its arrival
 *   R2  reads are answered in the order of arrival
 *
 * Source: Ongaro thesis 6.4; etcd-raft v3.7 `read_only`.
 */
import { jointCommittedIndex, type JointConfig } from "./quorum-joint.ts";
import type { AckedIndexer } from "./quorum-majority.ts";
import type { Message } from "./types.ts";

/**
 * How reads are confirmed: by asking a quorum, or by trusting the leader's lease and the clocks.
 */
export type ReadOnlyOption = "safe" | "lease-based";

/** Reads that may wait in one group; more are dropped, as a lost message would be. */
export const PENDING_READS_MAX = 16_384;

const CONTEXT_BYTES = 8;

export interface PendingRead {
  readonly request: Message;
  /** The commit index when the read arrived. */
  readonly index: number;
}

/** The reads of one leadership. */
export class ReadOnly implements AckedIndexer {
  readonly option: ReadOnlyOption;
  /** Highest position that each voter has acknowledged. */
  readonly #acks = new Map<number, number>();
  #waiting: PendingRead[] = [];
  #confirmed = 0;

  constructor(option: ReadOnlyOption) {
    this.option = option;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** True in the state of a new leadership. */
  isFresh(): boolean {
    return this.#acks.size === 0 && this.#waiting.length === 0 && this.#confirmed === 0;
  }

  add(index: number, request: Message): void {
    this.#waiting.push({ request, index });
  }

  /** Takes the position that a voter sent back. */
  acknowledge(from: number, context: Uint8Array | undefined): void {
    if (context === undefined || context.length !== CONTEXT_BYTES) return;
    this.#acks.set(from, Math.max(this.#acks.get(from) ?? 0, decodePosition(context)));
  }

  ackedIndex(id: number): number | undefined {
    return this.#acks.get(id);
  }

  /** Removes and returns the reads that are now confirmed, oldest first. */
  takeConfirmed(voters: JointConfig): readonly PendingRead[] {
    const newest = this.#confirmed + this.#waiting.length;
    const confirmed = Math.min(jointCommittedIndex(voters, this), newest);
    if (confirmed <= this.#confirmed) return [];
    const ready = this.#waiting.splice(0, confirmed - this.#confirmed);
    this.#confirmed = confirmed;
    return ready;
  }

  /** The context that a heartbeat must carry to confirm all waiting reads. */
  heartbeatContext(): Uint8Array | undefined {
    if (this.#waiting.length === 0) return undefined;
    return encodePosition(this.#confirmed + this.#waiting.length);
  }
}

function encodePosition(position: number): Uint8Array {
  const bytes = new Uint8Array(CONTEXT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, position >>> 0, true);
  view.setUint32(4, Math.floor(position / 2 ** 32), true);
  return bytes;
}

function decodePosition(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
}
