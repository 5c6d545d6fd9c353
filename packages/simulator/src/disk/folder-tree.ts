/**
 * Names on a simulated disk: the tree a process sees, the tree on the platter, and the changes between.
 *
 * A file's bytes and its name are durable apart: a synced file whose folder was not synced may be
 * gone. A change waits until every folder it touches is synced; a rename is one transaction, so it
 * survives whole or not at all. Folders themselves are durable when made.
 */
import { systemError } from "./system-error.ts";

type Change<Node> = {
  /** Folders that must still be synced. */
  readonly unsynced: Set<string>;
  /** The file that is meant: another one may bear its name by the time the change is durable. */
  readonly node: Node;
} & (
  | { readonly kind: "create" | "remove"; readonly path: string }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
);

export class FolderTree<Node> {
  #files = new Map<string, Node>();
  readonly #durable = new Map<string, Node>();
  #journal: Change<Node>[] = [];
  readonly #folders = new Set<string>(["/"]);

  get(path: string): Node | undefined {
    return this.#files.get(path);
  }

  paths(): readonly string[] {
    return [...this.#files.keys()].sort();
  }

  /** What a process sees, in no order. */
  files(): Iterable<Node> {
    return this.#files.values();
  }

  /** Every file that either tree names. */
  nodes(): ReadonlySet<Node> {
    return new Set([...this.#files.values(), ...this.#durable.values()]);
  }

  get pending(): number {
    return this.#journal.length;
  }

  /** Whether the name means the same file on the platter. */
  isDurable(path: string): boolean {
    return this.#files.get(path) === this.#durable.get(path);
  }

  create(path: string, node: Node): void {
    this.requireFolder(folderOf(path), "open", path);
    this.#files.set(path, node);
    this.#journal.push({ kind: "create", path, node, unsynced: new Set([folderOf(path)]) });
  }

  rename(from: string, to: string): void {
    const node = this.#files.get(from);
    if (node === undefined) throw systemError("ENOENT", "rename", from);
    this.requireFolder(folderOf(to), "rename", to);
    this.#files.delete(from);
    this.#files.set(to, node);
    const unsynced = new Set([folderOf(from), folderOf(to)]);
    this.#journal.push({ kind: "rename", from, to, node, unsynced });
  }

  remove(path: string): void {
    const node = this.#files.get(path);
    if (node === undefined) throw systemError("ENOENT", "unlink", path);
    this.#files.delete(path);
    this.#journal.push({ kind: "remove", path, node, unsynced: new Set([folderOf(path)]) });
  }

  makeFolder(path: string): void {
    for (let folder = path; folder !== "/"; folder = folderOf(folder)) this.#folders.add(folder);
  }

  list(path: string): readonly string[] {
    this.requireFolder(path, "scandir", path);
    const prefix = path === "/" ? "/" : `${path}/`;
    return [...this.#files.keys(), ...this.#folders]
      .filter((name) => name.startsWith(prefix) && name.length > prefix.length)
      .map((name) => name.slice(prefix.length))
      .filter((name) => !name.includes("/"))
      .sort();
  }

  sync(path: string): void {
    this.requireFolder(path, "open", path);
    this.#journal = this.#journal.filter((change) => {
      change.unsynced.delete(path);
      if (change.unsynced.size > 0) return true;
      this.#apply(change);
      return false;
    });
  }

  /** The power fails; `keeps` decides over each pending change, oldest first. Answers how many were lost. */
  powerCut(keeps: (at: number) => boolean): number {
    let lost = 0;
    for (const [at, change] of this.#journal.entries()) {
      if (keeps(at)) this.#apply(change);
      else lost++;
    }
    this.#journal = [];
    this.#files = new Map(this.#durable);
    return lost;
  }

  requireFolder(path: string, operation: string, of: string): void {
    if (!this.#folders.has(path)) throw systemError("ENOENT", operation, of);
  }

  #apply(change: Change<Node>): void {
    const { node } = change;
    if (change.kind === "create") {
      this.#durable.set(change.path, node);
      return;
    }
    const name = change.kind === "rename" ? change.from : change.path;
    // Its creation was lost, or a later file of this name is durable already.
    if (this.#durable.get(name) !== node) return;
    this.#durable.delete(name);
    if (change.kind === "rename") this.#durable.set(change.to, node);
  }
}

function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}
