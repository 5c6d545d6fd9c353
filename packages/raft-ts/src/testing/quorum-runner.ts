/**
 * The directives of quorum scenarios. Every computation is done in more than one way; a way that
 * disagrees adds a line to the output, so silence means agreement.
 *
 * Source: etcd-raft v3.7 `quorum` and its testdata.
 */
import { hex } from "../logger.ts";
import {
  jointCommittedIndex,
  jointIds,
  jointVoteResult,
  type JointConfig,
} from "../quorum-joint.ts";
import {
  majorityCommittedIndex,
  majorityVoteResult,
  sortedIds,
  type AckedIndexer,
  type MajorityConfig,
} from "../quorum-majority.ts";
import type { ScenarioCase } from "./datadriven.ts";

const EMPTY: MajorityConfig = new Set();

/** Known indexes by voter. */
export class AckedIndexes extends Map<number, number> implements AckedIndexer {
  ackedIndex(id: number): number | undefined {
    return this.get(id);
  }

  with(id: number, index: number): AckedIndexes {
    return new AckedIndexes([...this, [id, index]]);
  }
}

/** The text for an index; the empty quorum's is infinite. */
export function indexText(index: number): string {
  return index === Infinity ? "∞" : String(index);
}

/** The committed index found by counting, for every candidate, who has at least that much. */
export function slowCommittedIndex(voters: MajorityConfig, acked: AckedIndexer): number {
  if (voters.size === 0) return Infinity;
  let best = 0;
  for (const candidate of voters) {
    const index = acked.ackedIndex(candidate) ?? 0;
    let holders = 0;
    for (const id of voters) if ((acked.ackedIndex(id) ?? 0) >= index) holders += 1;
    if (holders > voters.size / 2) best = Math.max(best, index);
  }
  return best;
}

/** A bar per voter: the longer, the more voters are behind it. */
export function describeQuorum(voters: Iterable<number>, acked: AckedIndexer): string {
  const ids = sortedIds(voters);
  if (ids.length === 0) return "<empty majority quorum>";
  const byIndex = ids
    .map((id) => ({ id, index: acked.ackedIndex(id) }))
    .sort((a, b) => (a.index ?? 0) - (b.index ?? 0) || a.id - b.id);
  const bars = new Map<number, number>();
  let bar = 0;
  byIndex.forEach(({ id, index }, i) => {
    if (i > 0 && (byIndex[i - 1]?.index ?? 0) < (index ?? 0)) bar = i;
    bars.set(id, bar);
  });
  let text = `${" ".repeat(ids.length)}    idx\n`;
  for (const id of ids) {
    const index = acked.ackedIndex(id);
    const length = bars.get(id) ?? 0;
    text +=
      index === undefined
        ? `?${" ".repeat(ids.length)}`
        : `${"x".repeat(length)}>${" ".repeat(ids.length - length)}`;
    text += ` ${indexText(index ?? 0).padStart(5)}    (id=${hex(id)})\n`;
  }
  return text;
}

/** Runs one case. */
export function handleQuorum(one: ScenarioCase): string {
  const ids = numbersOf(one, "cfg") ?? [];
  const outgoing = numbersOf(one, "cfgj");
  const config: JointConfig = [new Set(ids), new Set(outgoing)];
  const isVote = one.command === "vote";
  const tokens = one.args.find((arg) => arg.key === (isVote ? "votes" : "idx"))?.values ?? [];
  const voters = jointIds(config);
  if (voters.length !== tokens.length) {
    return (
      `error: mismatched input (explicit or _) for voters [${voters.join(" ")}]: ` +
      `[${tokens.join(" ")}]`
    );
  }
  // Tokens go to the voters in the order in which the case names them, each once.
  const named = [...new Set([...ids, ...(outgoing ?? [])])];
  const given = new Map(named.map((id, i) => [id, tokens[i] ?? "_"]));
  if (isVote) return voteText(config, given, outgoing !== undefined);
  if (one.command !== "committed") return "unknown command";
  const acked = new AckedIndexes();
  for (const [id, token] of given) if (token !== "_") acked.set(id, Number(token));
  return outgoing === undefined ? majorityText(config[0], acked) : jointText(config, acked);
}

function numbersOf(one: ScenarioCase, key: string): number[] | undefined {
  const arg = one.args.find((candidate) => candidate.key === key);
  if (arg === undefined) return undefined;
  return arg.values.filter((value) => value !== "zero").map(Number);
}

function voteText(
  config: JointConfig,
  given: ReadonlyMap<number, string>,
  isJoint: boolean,
): string {
  const votes = new Map<number, boolean>();
  for (const [id, token] of given) if (token !== "_") votes.set(id, token === "y");
  const result = isJoint ? jointVoteResult(config, votes) : majorityVoteResult(config[0], votes);
  const mirrored = jointVoteResult([config[1], config[0]], votes);
  return isJoint && mirrored !== result
    ? `${mirrored} <-- via symmetry\n${result}\n`
    : `${result}\n`;
}

function jointText(config: JointConfig, acked: AckedIndexes): string {
  const index = jointCommittedIndex(config, acked);
  const mirrored = jointCommittedIndex([config[1], config[0]], acked);
  const note = mirrored === index ? "" : `${indexText(mirrored)} <-- via symmetry\n`;
  return `${describeQuorum(jointIds(config), acked)}${note}${indexText(index)}\n`;
}

function majorityText(voters: MajorityConfig, acked: AckedIndexes): string {
  const index = majorityCommittedIndex(voters, acked);
  let text = describeQuorum(voters, acked);
  const check = (other: number, how: string): void => {
    if (other !== index) text += `${indexText(other)} <-- ${how}\n`;
  };
  check(slowCommittedIndex(voters, acked), "via alternative computation");
  check(jointCommittedIndex([voters, EMPTY], acked), "via zero-joint quorum");
  check(jointCommittedIndex([voters, voters], acked), "via self-joint quorum");
  for (const id of voters) {
    const own = acked.get(id) ?? 0;
    // A voter below the committed index can fall further without changing it.
    if (own === 0 || index <= own) continue;
    for (const lower of [own - 1, 0]) {
      check(majorityCommittedIndex(voters, acked.with(id, lower)), `overlaying ${id}->${lower}`);
    }
  }
  return `${text}${indexText(index)}\n`;
}
