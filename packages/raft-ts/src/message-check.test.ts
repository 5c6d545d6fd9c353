/** A broken peer or wire, at the one door for messages from outside. */
import { describe, expect, it } from "vitest";
import { MemoryStorage } from "./memory-storage.ts";
import { makeMessage, proposedEntry } from "./message.ts";
import { RaftNode } from "./node.ts";
import { asciiBytes } from "./testing/ascii.ts";
import type { Message } from "./types.ts";
import { EMPTY_CONF_STATE } from "./types.ts";

const entry = { ...proposedEntry(asciiBytes("x")), term: 1 };
const WHOLE = "must be a whole number of 0 to 2^53 - 1";

const BROKEN: readonly (readonly [string, Partial<Message> & Pick<Message, "type">, string])[] = [
  ["a term that is no number", { type: "MsgApp", term: Number.NaN }, `term NaN, ${WHOLE}`],
  ["half a term", { type: "MsgHeartbeat", term: 1.5 }, `term 1.5, ${WHOLE}`],
  ["a commit index below 0", { type: "MsgHeartbeat", commit: -1 }, `commit -1, ${WHOLE}`],
  ["an index of 2^53", { type: "MsgAppResp", index: 2 ** 53 }, `index ${2 ** 53}, ${WHOLE}`],
  [
    "entries that do not follow its index",
    { type: "MsgApp", entries: [{ ...entry, index: 3 }] },
    "an entry of index 3 in the place of 1",
  ],
  ["a proposal of nothing", { type: "MsgProp", term: 0 }, "has no entries, least is 1"],
  [
    "a proposal with a term",
    { type: "MsgProp", entries: [proposedEntry(asciiBytes("x"))] },
    "has term 1, must be 0",
  ],
  [
    "a membership change that cannot be read",
    {
      type: "MsgProp",
      term: 0,
      entries: [proposedEntry(Uint8Array.of(16, 251), "EntryConfChangeV2")],
    },
    "ends inside a number",
  ],
];

describe("a message from outside", () => {
  it.each(BROKEN)("with %s is refused and changes nothing", (_, fields, text) => {
    const storage = new MemoryStorage({ ...EMPTY_CONF_STATE, voters: [1, 2] });
    const node = new RaftNode({ id: 1, storage, random: () => 0 });
    node.step(makeMessage({ type: "MsgHeartbeat", from: 2, to: 1, term: 1 }));
    const before = node.status();
    const refusal = node.step(makeMessage({ from: 2, to: 1, term: 1, ...fields }));
    expect([refusal?.code, refusal?.message]).toEqual([
      "invalid-message",
      expect.stringContaining(text),
    ]);
    expect(node.status()).toEqual(before);
  });
});
