/**
 * Kinds of messages, and the form that all of them share.
 * Source: etcd-raft v3.7 util_test, raftpb/raft_test; each title ends in the name of the behaviour.
 */
import { describe, expect, it } from "vitest";
import {
  draft,
  isLocalMessage,
  isLocalTarget,
  isResponseMessage,
  makeMessage,
  proposedEntry,
} from "./message.ts";
import { asciiBytes } from "./testing/ascii.ts";
import { entryOf, TestCluster } from "./testing/test-cluster.ts";
import {
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  MESSAGE_TYPES,
  type Message,
  type MessageType,
} from "./types.ts";

const LOCAL: readonly MessageType[] = [
  "MsgHup",
  "MsgBeat",
  "MsgUnreachable",
  "MsgSnapStatus",
  "MsgCheckQuorum",
  "MsgStorageAppend",
  "MsgStorageAppendResp",
  "MsgStorageApply",
  "MsgStorageApplyResp",
];

const RESPONSES: readonly MessageType[] = [
  "MsgAppResp",
  "MsgVoteResp",
  "MsgHeartbeatResp",
  "MsgUnreachable",
  "MsgReadIndexResp",
  "MsgPreVoteResp",
  "MsgStorageAppendResp",
  "MsgStorageApplyResp",
];

describe("a message type", () => {
  it.each(MESSAGE_TYPES.map((type) => ({ type, local: LOCAL.includes(type) })))(
    "$type never travels between nodes: $local (TestIsLocalMsg)",
    ({ type, local }) => {
      expect(isLocalMessage(type)).toBe(local);
    },
  );

  it.each(MESSAGE_TYPES.map((type) => ({ type, response: RESPONSES.includes(type) })))(
    "$type answers something that this node said: $response (TestIsResponseMsg)",
    ({ type, response }) => {
      expect(isResponseMessage(type)).toBe(response);
    },
  );

  it("to the two local targets is for the node's own storage, and to no other", () => {
    expect([LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, 0, 1].map(isLocalTarget)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

/*
 * The reference bounds the bytes of its message structs in memory, because a process holds very
 * many of them. What decides that in JavaScript is that all messages have one hidden class with no
 * field more than they need, and that is so if all have the same fields in the same order.
 */
describe("the form of a message in memory", () => {
  const FIELDS = Object.keys(draft("MsgApp", 1));

  it("has sixteen fields, and an entry four (TestProtoMemorySizes)", () => {
    expect(FIELDS).toEqual([
      "type",
      "to",
      "from",
      "term",
      "logTerm",
      "index",
      "entries",
      "commit",
      "vote",
      "snapshot",
      "reject",
      "rejectHint",
      "context",
      "priority",
      "requestSnapshot",
      "responses",
    ]);
    expect(Object.keys(proposedEntry(asciiBytes("a")))).toEqual(["term", "index", "type", "data"]);
    const made = makeMessage({ responses: [], index: 4, type: "MsgApp", from: 1 });
    expect(Object.keys(made)).toEqual(FIELDS);
  });

  it("is the same for every message and entry that nodes send (TestProtoMemorySizes)", () => {
    const cluster = TestCluster.of(3, { preVote: true, checkQuorum: true });
    const forms = new Map<MessageType, string>();
    const entries = new Set<string>();
    const note = (m: Message): void => {
      forms.set(m.type, Object.keys(m).join());
      for (const entry of m.entries) entries.add(Object.keys(entry).join());
      for (const response of m.responses) note(response);
    };
    cluster.passes = (m) => {
      note(m);
      return true;
    };
    cluster.campaign(1);
    cluster.propose(2, "a");
    cluster.readIndex(3, "r");
    cluster.tick(1);
    cluster.transfer(1, 2);
    expect([...forms.keys()].toSorted()).toEqual([
      "MsgApp",
      "MsgAppResp",
      "MsgHeartbeat",
      "MsgHeartbeatResp",
      "MsgPreVote",
      "MsgPreVoteResp",
      "MsgProp",
      "MsgReadIndex",
      "MsgReadIndexResp",
      "MsgTimeoutNow",
      "MsgVote",
      "MsgVoteResp",
    ]);
    expect([new Set(forms.values()), entries]).toEqual([
      new Set([FIELDS.join()]),
      new Set([Object.keys(entryOf(1, 1)).join()]),
    ]);
  });
});
