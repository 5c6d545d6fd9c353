/**
 * Which disk a cluster can do without, so that a fault takes no more than what is promised to survive.
 *
 * Losing a majority of a group's whole copies loses data in any system; a run in which that happens finds
 * nothing. Source: reference E.1, the fault atlas.
 */
import type { GroupPlacement, MetadataView } from "@millrace/model";

/** What is known of a machine beside metadata. */
export interface Machine {
  readonly nodeId: number;
  readonly isRotten: boolean;
  readonly lostIncarnations: ReadonlySet<string>;
}

/** Whether all groups could do without the whole of a node's disk: each has all its replicas, none is on the move. */
export function canSpareDisk(
  nodeId: number,
  machines: readonly Machine[],
  view: MetadataView | undefined,
): boolean {
  if (machines.some((node) => node.isRotten && node.nodeId !== nodeId)) return false;
  return everyGroup(machines, view, ({ replicas, move }, whole) => {
    return move === undefined && replicas.length >= 3 && whole.length === replicas.length;
  });
}

/**
 * Whether damage on a node's disk leaves every group a majority of whole copies elsewhere. What the
 * same disk has lost before counts for nothing.
 */
export function canSpareBytes(
  nodeId: number,
  machines: readonly Machine[],
  view: MetadataView | undefined,
): boolean {
  return everyGroup(machines, view, ({ replicas, move }, whole) => {
    const isHere = [...replicas, ...(move?.add === undefined ? [] : [move.add])].some(
      (replica) => replica.nodeId === nodeId,
    );
    const elsewhere = whole.filter((replica) => replica.nodeId !== nodeId);
    return !isHere || elsewhere.length * 2 > replicas.length;
  });
}

type Holds = (placed: GroupPlacement, whole: GroupPlacement["replicas"]) => boolean;

/** False while a disk that was wiped is not known to be gone: it still counts for a copy. */
function everyGroup(
  machines: readonly Machine[],
  view: MetadataView | undefined,
  holds: Holds,
): boolean {
  const metadata = view?.cluster()?.metadataGroup;
  if (view === undefined || metadata === undefined) return false;
  const isReplaced = machines.every(({ nodeId, lostIncarnations }) => {
    const known = view.node(nodeId)?.incarnation;
    return known === undefined || !lostIncarnations.has(known);
  });
  if (!isReplaced) return false;
  return [metadata, ...view.list("shard")].every((placed) => {
    const whole = placed.replicas.filter(({ state, nodeId, incarnation }) => {
      return state === "created" && view.node(nodeId)?.incarnation === incarnation;
    });
    return holds(placed, whole);
  });
}
