/**
 * The bytes of one simulated file: what a reader sees, and what the platter holds.
 *
 * A file is pages of 4 KiB, made when first written. A page keeps a second copy only while the two
 * views differ, with one bit per sector of 512 bytes:
 *
 *   dirty    written and not synced: a power cut may keep or lose it
 *   dropped  a sync failed, the cache calls it clean, the platter never got it: a power cut loses it
 *
 * Model, with its limits. A sector is written whole or not at all. Of several unsynced writes to one
 * sector only the last can survive. `sync` makes bytes and size durable together, as fdatasync does
 * on ext4 and XFS for every size that reads need. Without it size and sectors are lost independently:
 * a grown file may have its size and zeros, a cut one its old size and old bytes.
 */
export const SECTOR_BYTES = 512;
export const PAGE_BYTES = 4096;
const SECTORS_PER_PAGE = PAGE_BYTES / SECTOR_BYTES;
const ALL_SECTORS = (1 << SECTORS_PER_PAGE) - 1;

interface Page {
  /** What a reader sees. */
  readonly current: Uint8Array;
  /** What the platter holds; absent while it is the same. */
  durable: Uint8Array | undefined;
  dirty: number;
  dropped: number;
  /** Order of the write that made the page dirty first. */
  since: number;
  /** The platter's bytes before the last sync that changed them, where history is kept. */
  stale: Uint8Array | undefined;
}

/** One unsynced sector, in order of writing. */
export interface PendingSector {
  readonly page: number;
  readonly sector: number;
  readonly since: number;
}

export class SectorFile {
  readonly #keepsHistory: boolean;
  readonly #pages = new Map<number, Page>();
  /** Pages whose two views differ. */
  readonly #changed = new Set<number>();
  #size = 0;
  #durableSize = 0;
  #sizePending = false;
  /** Damaged bytes that nobody has read yet, and whom to tell. */
  #damaged: { readonly from: number; readonly to: number; readonly read: () => void }[] = [];

  constructor(keepsHistory: boolean) {
    this.#keepsHistory = keepsHistory;
  }

  get size(): number {
    return this.#size;
  }

  get hasPending(): boolean {
    if (this.#sizePending) return true;
    for (const at of this.#changed) if ((this.#pages.get(at)?.dirty ?? 0) !== 0) return true;
    return false;
  }

  /** All that a reader sees is on the platter. */
  get isDurable(): boolean {
    return !this.#sizePending && this.#changed.size === 0;
  }

  read(into: Uint8Array, position: number): number {
    const end = Math.min(this.#size, position + into.byteLength);
    if (end <= position) return 0;
    if (this.#damaged.length > 0) this.#tellDamage(position, end);
    eachPage(position, end, (at, from, to) => {
      const page = this.#pages.get(at);
      const target = into.subarray(
        at * PAGE_BYTES + from - position,
        at * PAGE_BYTES + to - position,
      );
      if (page === undefined) target.fill(0);
      else target.set(page.current.subarray(from, to));
    });
    return end - position;
  }

  /** Into the cache; `order` grows from write to write. */
  write(bytes: Uint8Array, position: number, order: number): void {
    eachPage(position, position + bytes.byteLength, (at, from, to) => {
      const start = at * PAGE_BYTES - position;
      this.#touch(at, from, to, order).set(bytes.subarray(start + from, start + to), from);
    });
    if (this.#damaged.length > 0) this.#forgetDamage(position, position + bytes.byteLength);
    this.#resize(Math.max(this.#size, position + bytes.byteLength));
  }

  truncate(bytes: number, order: number): void {
    for (const at of this.#pages.keys()) {
      const from = Math.max(0, bytes - at * PAGE_BYTES);
      if (from < PAGE_BYTES) this.#touch(at, from, PAGE_BYTES, order).fill(0, from);
    }
    this.#resize(bytes);
  }

  /** Makes bytes durable: those of one range, or all in pages whose first write is not after `upTo`. */
  sync(upTo: number, position = 0, end = Number.MAX_SAFE_INTEGER): void {
    for (const at of this.#changed) {
      if ((this.#pages.get(at)?.since ?? 0) > upTo) continue;
      const from = Math.max(0, position - at * PAGE_BYTES);
      const to = Math.min(PAGE_BYTES, end - at * PAGE_BYTES);
      if (from < to) this.#settle(at, sectorMask(from, to));
    }
    this.#durableSize = this.#size;
    this.#sizePending = false;
  }

  /** A sync that failed: the cache forgets that anything is unsynced. Answers whether anything was. */
  drop(position = 0, end = Number.MAX_SAFE_INTEGER): boolean {
    let lost = this.#sizePending;
    this.#sizePending = false;
    for (const at of this.#changed) {
      const page = this.#pages.get(at);
      const from = Math.max(0, position - at * PAGE_BYTES);
      const to = Math.min(PAGE_BYTES, end - at * PAGE_BYTES);
      if (page === undefined || from >= to) continue;
      const mask = page.dirty & sectorMask(from, to);
      lost ||= mask !== 0;
      page.dropped |= mask;
      page.dirty &= ~mask;
    }
    return lost;
  }

  /** Unsynced sectors, oldest write first. */
  pendingSectors(): PendingSector[] {
    const found: PendingSector[] = [];
    for (const at of this.#changed) {
      const { dirty = 0, since = 0 } = this.#pages.get(at) ?? {};
      for (let sector = 0; sector < SECTORS_PER_PAGE; sector++) {
        if ((dirty & (1 << sector)) !== 0) found.push({ page: at, sector, since });
      }
    }
    return found.sort(
      (left, right) =>
        left.since - right.since || left.page - right.page || left.sector - right.sector,
    );
  }

  /** The power fails: of what is pending `kept` survives, and the size if `keepsSize`. */
  powerCut(kept: readonly PendingSector[], keepsSize: boolean): void {
    const masks = new Map<number, number>();
    for (const { page, sector } of kept) masks.set(page, (masks.get(page) ?? 0) | (1 << sector));
    for (const at of this.#changed) this.#settle(at, masks.get(at) ?? 0);
    for (const at of this.#changed) this.#revert(at);
    if (this.#sizePending && keepsSize) this.#durableSize = this.#size;
    this.#sizePending = false;
    this.#size = this.#durableSize;
    this.#clearBehindEnd();
  }

  /** Memory pressure: sectors that a failed sync dropped are read from the platter again. */
  evict(): void {
    for (const at of this.#changed) {
      if ((this.#pages.get(at)?.dirty ?? 0) === 0) this.#revert(at);
    }
    if (!this.#sizePending) this.#size = this.#durableSize;
  }

  /** Changes both views in place, as damage on the platter does. Answers whether any byte changed. */
  damage(position: number, bytes: Uint8Array, read?: () => void): boolean {
    const before = new Uint8Array(bytes.byteLength);
    const count = this.read(before, position);
    eachPage(position, position + count, (at, from, to) => {
      const start = at * PAGE_BYTES - position;
      const part = bytes.subarray(start + from, start + to);
      const page = this.#pageAt(at);
      page.current.set(part, from);
      page.durable?.set(part, from);
    });
    const changed = before.subarray(0, count).some((byte, at) => byte !== bytes[at]);
    if (changed && read !== undefined) {
      this.#damaged.push({ from: position, to: position + count, read });
    }
    return changed;
  }

  #forgetDamage(from: number, to: number): void {
    this.#damaged = this.#damaged.filter((damage) => damage.from < from || damage.to > to);
  }

  #tellDamage(from: number, to: number): void {
    this.#damaged = this.#damaged.filter((damage) => {
      if (damage.from >= to || damage.to <= from) return true;
      damage.read();
      return false;
    });
  }

  /** The file ends earlier, durably. */
  cut(bytes: number): boolean {
    if (bytes >= this.#size) return false;
    this.#size = bytes;
    this.#durableSize = Math.min(bytes, this.#durableSize);
    this.#clearBehindEnd();
    return true;
  }

  /** The sector's content before the last sync that changed its page, or `undefined`. */
  staleSector(position: number): Uint8Array | undefined {
    const from = Math.floor((position % PAGE_BYTES) / SECTOR_BYTES) * SECTOR_BYTES;
    const stale = this.#pages.get(Math.floor(position / PAGE_BYTES))?.stale;
    return stale?.slice(from, from + SECTOR_BYTES);
  }

  #resize(bytes: number): void {
    if (bytes === this.#size) return;
    this.#size = bytes;
    this.#sizePending = true;
  }

  #pageAt(at: number): Page {
    let page = this.#pages.get(at);
    if (page === undefined) {
      const current = new Uint8Array(PAGE_BYTES);
      page = { current, durable: undefined, dirty: 0, dropped: 0, since: 0, stale: undefined };
      this.#pages.set(at, page);
    }
    return page;
  }

  /** The bytes of a page that is about to change between `from` and `to`. */
  #touch(at: number, from: number, to: number, order: number): Uint8Array {
    const page = this.#pageAt(at);
    page.durable ??= page.current.slice();
    if (page.dirty === 0) page.since = order;
    page.dirty |= sectorMask(from, to);
    page.dropped &= ~page.dirty;
    this.#changed.add(at);
    return page.current;
  }

  #settle(at: number, mask: number): void {
    const page = this.#pages.get(at);
    if (page?.durable === undefined) return;
    const wanted = page.dirty & mask;
    if (wanted !== 0 && this.#keepsHistory) page.stale = page.durable.slice();
    copySectors(page.current, page.durable, wanted);
    page.dirty &= ~wanted;
    this.#forgetIfSame(at, page);
  }

  #revert(at: number): void {
    const page = this.#pages.get(at);
    if (page?.durable === undefined) return;
    copySectors(page.durable, page.current, page.dirty | page.dropped);
    page.dirty = 0;
    page.dropped = 0;
    this.#forgetIfSame(at, page);
  }

  #forgetIfSame(at: number, page: Page): void {
    if ((page.dirty | page.dropped) !== 0) return;
    page.durable = undefined;
    this.#changed.delete(at);
  }

  /** A file that grows again reads zeros, not what stood there before. */
  #clearBehindEnd(): void {
    for (const [at, page] of this.#pages) {
      const from = Math.max(0, this.#size - at * PAGE_BYTES);
      if (from === 0) {
        this.#pages.delete(at);
        this.#changed.delete(at);
      } else if (from < PAGE_BYTES) {
        page.current.fill(0, from);
        page.durable?.fill(0, from);
      }
    }
  }
}

function sectorMask(from: number, to: number): number {
  const first = Math.floor(from / SECTOR_BYTES);
  const end = Math.ceil(to / SECTOR_BYTES);
  return ((1 << end) - 1) & ~((1 << first) - 1) & ALL_SECTORS;
}

function copySectors(from: Uint8Array, to: Uint8Array, mask: number): void {
  if (mask === ALL_SECTORS) to.set(from);
  else {
    for (let sector = 0; sector < SECTORS_PER_PAGE; sector++) {
      if ((mask & (1 << sector)) === 0) continue;
      const start = sector * SECTOR_BYTES;
      to.set(from.subarray(start, start + SECTOR_BYTES), start);
    }
  }
}

/** Hands each page of a range to `visit`, with the bytes of it that are meant. */
function eachPage(
  position: number,
  end: number,
  visit: (page: number, from: number, to: number) => void,
): void {
  for (let at = Math.floor(position / PAGE_BYTES); at * PAGE_BYTES < end; at++) {
    const from = Math.max(0, position - at * PAGE_BYTES);
    visit(at, from, Math.min(PAGE_BYTES, end - at * PAGE_BYTES));
  }
}
