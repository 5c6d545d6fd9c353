/**
 * Puts the pieces of large snapshots together again.
 *
 * Pieces of one transfer arrive in order or not at all, so a gap ends the transfer: the sender
 * will start another. Memory is bounded over all transfers, because it is a peer that names the size.
 */
import type { SnapshotPart } from "./frame.ts";

interface Assembly {
  readonly transferId: number;
  readonly bytes: Uint8Array;
  filled: number;
  touchedMs: number;
}

/** Silence after which a transfer is given up. */
const ABANDONED_MS = 30_000;

export class SnapshotAssembly {
  readonly #bytesMax: number;
  readonly #assemblies = new Map<string, Assembly>();
  #bytes = 0;

  /** `bytesMax` bounds all transfers together. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes set aside for transfers that have begun. */
  get bytes(): number {
    return this.#bytes;
  }

  /** False if the piece fits to nothing and was dropped. */
  add(nodeId: number, part: SnapshotPart, nowMs: number): boolean {
    const key = keyOf(nodeId, part.groupId, part.to);
    let assembly = this.#assemblies.get(key);
    if (part.offset === 0) assembly = this.#begin(key, part, nowMs);
    const fits =
      assembly?.transferId === part.transferId &&
      assembly.filled === part.offset &&
      part.offset + part.data.length <= assembly.bytes.length;
    if (assembly === undefined || !fits) {
      this.#drop(key);
      return false;
    }
    assembly.bytes.set(part.data, part.offset);
    assembly.filled += part.data.length;
    assembly.touchedMs = nowMs;
    return true;
  }

  /** The whole state of a transfer; undefined if a piece of it was lost. */
  take(nodeId: number, groupId: number, to: number, transferId: number): Uint8Array | undefined {
    const key = keyOf(nodeId, groupId, to);
    const assembly = this.#assemblies.get(key);
    this.#drop(key);
    const isWhole =
      assembly?.transferId === transferId && assembly.filled === assembly.bytes.length;
    return isWhole ? assembly?.bytes : undefined;
  }

  /** Gives up what has stopped. */
  check(nowMs: number): void {
    for (const [key, { touchedMs }] of this.#assemblies) {
      if (nowMs - touchedMs > ABANDONED_MS) this.#drop(key);
    }
  }

  #begin(key: string, part: SnapshotPart, nowMs: number): Assembly | undefined {
    this.#drop(key);
    if (this.#bytes + part.totalBytes > this.#bytesMax) return undefined;
    const bytes = new Uint8Array(part.totalBytes);
    const assembly = { transferId: part.transferId, bytes, filled: 0, touchedMs: nowMs };
    this.#assemblies.set(key, assembly);
    this.#bytes += part.totalBytes;
    return assembly;
  }

  #drop(key: string): void {
    const assembly = this.#assemblies.get(key);
    if (assembly === undefined) return;
    this.#assemblies.delete(key);
    this.#bytes -= assembly.bytes.length;
  }
}

function keyOf(nodeId: number, groupId: number, to: number): string {
  return `${nodeId}/${groupId}/${to}`;
}
