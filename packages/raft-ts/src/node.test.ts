/** Source: etcd-raft rawnode_test, node_test. */
import { describe, expect, it } from "vitest";
import { entrySize } from "./entry-size.ts";
import { RaftError } from "./errors.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { isLocalMessage, isResponseMessage, makeMessage } from "./message.ts";
import { RaftNode } from "./node.ts";
import type { Ready } from "./ready.ts";
import { asciiBytes } from "./testing/ascii.ts";
import { confStateOf, entryOf, TestNode } from "./testing/test-cluster.ts";
import {
  EMPTY_CONF_STATE,
  EMPTY_DATA,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  MESSAGE_TYPES,
  type Message,
  type MessageType,
} from "./types.ts";

describe("what a node takes", () => {
  it.each(MESSAGE_TYPES)(
    "treats %s from another node as its kind says (TestRawNodeStep)",
    (type) => {
      const { node } = new TestNode(1);
      const refused = node.step(makeMessage({ type, from: 9, to: 1, entries: [entryOf(0, 1)] }));
      const refusals: Partial<Record<MessageType, string>> = {
        MsgProp: "proposal-dropped", // no leader
        MsgVote: "invalid-message", // no term
        MsgPreVote: "invalid-message",
      };
      const expected = isLocalMessage(type)
        ? "step-local-message"
        : isResponseMessage(type)
          ? "step-peer-not-found"
          : refusals[type];
      expect(refused?.code).toBe(expected);
    },
  );

  it("says so in the reference's words", () => {
    expect([
      new RaftError("proposal-dropped").message,
      new RaftError("step-local-message").message,
      new RaftError("step-peer-not-found").message,
    ]).toEqual([
      "raft proposal dropped",
      "raft: cannot step raft local message",
      "raft: cannot step as peer not found",
    ]);
  });

  it.each([
    [{ id: 0 }, "cannot use none as id"],
    [{ id: LOCAL_APPEND_THREAD }, "cannot use local target as id"],
    [{ id: LOCAL_APPLY_THREAD }, "cannot use local target as id"],
    [{ heartbeatTicks: 0 }, "heartbeatTicks must be a whole number of at least 1, got 0"],
    [{ electionTicks: 1 }, "electionTicks must be a whole number of at least 2, got 1"],
    [{ maxInflightMsgs: 0 }, "maxInflightMsgs must be at least 1, got 0"],
    [{ maxInflightMsgs: 1.5 }, "maxInflightMsgs must be a whole number of at least 1, got 1.5"],
    [{ maxInflightBytes: 5 }, "maxInflightBytes must be at least 1048576, got 5"],
    [
      { readOnlyOption: "quick" as unknown as "safe" },
      "readOnlyOption must be safe or lease-based, got quick",
    ],
    [
      { readOnlyOption: "lease-based" as const, checkQuorum: false },
      "readOnlyOption lease-based needs checkQuorum true, got false",
    ],
  ])("refuses the configuration %o", (settings, text) => {
    const make = () =>
      new RaftNode({ id: 1, storage: new MemoryStorage(), random: () => 0, ...settings });
    expect(make).toThrow(new RaftError("invalid-config", text));
  });

  it("takes a field that is there and undefined as one that is left out", () => {
    const storage = new MemoryStorage({ ...EMPTY_CONF_STATE, voters: [1, 2] });
    // What a host in plain JavaScript can write.
    const settings = { preVote: undefined, electionTicks: undefined } as object;
    const node = new RaftNode({ id: 1, storage, random: () => 0, ...settings });
    node.campaign();
    expect(node.state).toBe("StatePreCandidate");
  });
});

describe("a restart", () => {
  it("finds term, vote and commit, and applies what is committed (TestRawNodeRestart)", () => {
    const one = new TestNode(1, { terms: [1, 1], hardState: { term: 1, vote: 2, commit: 1 } });
    one.drain();
    expect([one.node.term, one.node.basicStatus().vote, one.node.commitIndex]).toEqual([1, 2, 1]);
    expect(one.applied).toEqual([entryOf(1, 1)]);
  });

  it("goes on after a snapshot (TestRawNodeRestartFromSnapshot)", () => {
    const storage = new MemoryStorage();
    storage.applySnapshot({ index: 2, term: 1, confState: confStateOf([1, 2]), data: EMPTY_DATA });
    storage.append([entryOf(1, 3)]);
    storage.setHardState({ term: 1, vote: 0, commit: 3 });
    const node = new RaftNode({ id: 1, storage, random: () => 0, asyncStorageWrites: false });
    expect([node.ready().committedEntries, node.confState]).toEqual([
      [entryOf(1, 3)],
      confStateOf([1, 2]),
    ]);
  });

  it.each([0, 4])("throws on a commit of %i outside of the log", (commit) => {
    const storage = new MemoryStorage();
    storage.applySnapshot({ index: 2, term: 1, confState: confStateOf([1]), data: EMPTY_DATA });
    storage.setHardState({ term: 1, vote: 0, commit });
    expect(() => new RaftNode({ id: 1, storage, random: () => 0 })).toThrow(
      `1 state.commit ${commit} is out of range [2, 2]`,
    );
  });
});

describe("Ready in the synchronous form", () => {
  it("is empty at the start, and has each thing once, whole (TestRawNodeStart)", () => {
    const storage = new MemoryStorage();
    storage.applySnapshot({ index: 1, term: 1, confState: confStateOf([1]), data: EMPTY_DATA });
    storage.setHardState({ term: 1, vote: 0, commit: 1 });
    const node = new RaftNode({
      id: 1,
      storage,
      random: () => 0,
      asyncStorageWrites: false,
      preVote: false,
    });
    const readies: Partial<Ready>[] = [];
    const drain = (): void => {
      while (node.hasReady()) {
        const ready = node.ready();
        readies.push(ready);
        storage.append(ready.entries);
        node.advance();
      }
    };
    drain();
    expect(readies).toEqual([]);
    node.campaign();
    drain();
    node.propose(asciiBytes("foo"));
    drain();
    const nothing = {
      softState: undefined,
      hardState: undefined,
      readStates: [],
      entries: [],
      snapshot: undefined,
      committedEntries: [],
      messages: [],
      mustSync: false,
    };
    const own = entryOf(2, 2);
    const foo = entryOf(2, 3, "foo");
    expect(readies).toEqual([
      {
        ...nothing,
        softState: { lead: 0, raftState: "StateCandidate" },
        hardState: { term: 2, vote: 1, commit: 1 },
        mustSync: true,
      },
      {
        ...nothing,
        softState: { lead: 1, raftState: "StateLeader" },
        entries: [own],
        mustSync: true,
      },
      { ...nothing, hardState: { term: 2, vote: 1, commit: 2 }, committedEntries: [own] },
      { ...nothing, entries: [foo], mustSync: true },
      { ...nothing, hardState: { term: 2, vote: 1, commit: 3 }, committedEntries: [foo] },
    ]);
  });

  it("leaves what is said after it to the next one (TestRawNodeConsumeReady)", () => {
    const one = TestNode.leading();
    const { node } = one;
    const ask = (id: number): void => node.transferLeader(id);
    ask(2);
    const first = node.ready();
    // Said before the advance, and so of no concern to what is out already.
    node.step(makeMessage({ type: "MsgHeartbeatResp", from: 3, to: 1, term: 1 }));
    node.tick();
    const before = first.messages.map(({ type, to }) => `${type} ${to}`);
    node.advance();
    const second = node.ready().messages.map(({ type, to }) => `${type} ${to}`);
    node.advance();
    expect([before, second, node.hasReady()]).toEqual([
      ["MsgTimeoutNow 2"],
      ["MsgHeartbeat 2", "MsgHeartbeat 3"],
      false,
    ]);
  });

  it("has the answer to a read once, with the context that was given (TestRawNodeReadIndex)", () => {
    const one = new TestNode(1, { voters: [1] });
    one.node.campaign();
    one.drain();
    one.node.readIndex(asciiBytes("somedata"));
    const hadReady = one.node.hasReady();
    const { readStates } = one.node.ready();
    one.node.advance();
    expect([hadReady, readStates, one.node.hasReady()]).toEqual([
      true,
      [{ index: 1, context: asciiBytes("somedata") }],
      false,
    ]);
  });

  it("asks for a sync for entries, term and vote, and not for a commit alone", () => {
    const one = new TestNode(1, { voters: [1] });
    one.node.campaign();
    one.drain();
    one.mustSyncs.length = 0;
    one.node.propose(asciiBytes("a"));
    one.drain();
    expect(one.mustSyncs).toEqual([true, false]);
  });

  it("must be advanced before the next", () => {
    const { node } = new TestNode(1, { voters: [1] });
    node.campaign();
    node.ready();
    node.propose(EMPTY_DATA);
    expect(() => {
      node.ready();
    }).toThrow("two accepted Ready structs without call to Advance");
  });

  it("hands out committed entries within the limit (TestCommitPagination)", () => {
    const bytes = entrySize(entryOf(1, 2, "a".repeat(100)));
    const batches = runAlone({ maxCommittedSizePerReady: bytes * 2 }, 3);
    expect(batches).toEqual([[1], [2, 3], [4]]);
  });
});

/** A group of one that commits `count` entries of 100 bytes at once; the lots that it applies. */
function runAlone(settings: { maxCommittedSizePerReady: number }, count: number): number[][] {
  const storage = new MemoryStorage(confStateOf([1]));
  const node = new RaftNode({
    id: 1,
    storage,
    random: () => 0,
    asyncStorageWrites: false,
    preVote: false,
    ...settings,
  });
  const batches: number[][] = [];
  const drain = (): void => {
    while (node.hasReady()) {
      const ready = node.ready();
      storage.append(ready.entries);
      if (ready.committedEntries.length > 0) {
        batches.push(ready.committedEntries.map(({ index }) => index));
      }
      node.advance();
    }
  };
  node.campaign();
  drain();
  node.proposeBatch(Array.from({ length: count }, () => asciiBytes("a".repeat(100))));
  drain();
  return batches;
}

describe("Ready in the asynchronous form", () => {
  interface AsyncNode {
    readonly node: RaftNode;
    readonly work: () => readonly Message[];
    /** Does one piece of storage work and steps the answers that are for the node itself. */
    readonly finish: (m: Message | undefined) => void;
  }

  function start(voters: readonly number[] = [1]): AsyncNode {
    const storage = new MemoryStorage(confStateOf(voters));
    const node = new RaftNode({ id: 1, storage, random: () => 0, preVote: false });
    const finish = (m: Message | undefined): void => {
      if (m?.to === LOCAL_APPEND_THREAD) storage.append(m.entries);
      for (const response of m?.responses ?? []) if (response.to === 1) node.step(response);
    };
    return { node, work: () => node.ready().messages, finish };
  }

  it("knows no advance", () => {
    expect(() => {
      start().node.advance();
    }).toThrow("Advance must not be called when using AsyncStorageWrites");
  });

  it("does not count the node's own vote before it is written", () => {
    const { node, work, finish } = start();
    node.campaign();
    const [append] = work();
    expect([append?.to, append?.term, append?.vote, node.state]).toEqual([
      LOCAL_APPEND_THREAD,
      1,
      1,
      "StateCandidate",
    ]);
    finish(append);
    expect(node.state).toBe("StateLeader");
  });

  it("never adds a promise to a write that was handed out (found by the random cluster)", () => {
    const { node, work, finish } = start([1, 2]);
    const append = { type: "MsgApp", from: 2, to: 1, term: 1 } as const;
    node.step(makeMessage({ ...append, entries: [entryOf(1, 1)] }));
    for (const m of work()) finish(m);
    // A commit alone makes a write that promises nothing, also after the next append.
    node.step(makeMessage({ type: "MsgHeartbeat", from: 2, to: 1, term: 1, commit: 1 }));
    const commitOnly = work().find(({ to }) => to === LOCAL_APPEND_THREAD);
    node.step(makeMessage({ ...append, logTerm: 1, index: 1, entries: [entryOf(1, 2)] }));
    expect([commitOnly?.commit, commitOnly?.responses]).toEqual([1, []]);
    const next = work().find(({ to }) => to === LOCAL_APPEND_THREAD);
    expect([next?.entries, next?.responses.map(({ type }) => type)]).toEqual([
      [entryOf(1, 2)],
      ["MsgAppResp", "MsgStorageAppendResp"],
    ]);
  });

  it("never adds to an empty Ready that was handed out", () => {
    const { node } = start();
    const empty = node.ready();
    node.campaign();
    node.readIndex(EMPTY_DATA);
    node.ready();
    expect([empty.messages, empty.readStates, empty.entries]).toEqual([[], [], []]);
  });

  it("applies only what is durable here, and takes it as applied when told so", () => {
    const { node, work, finish } = start();
    node.campaign();
    finish(work()[0]);
    const [append] = work();
    expect(node.hasReady()).toBe(false);
    finish(append);
    const apply = work().find(({ to }) => to === LOCAL_APPLY_THREAD);
    expect([apply?.entries.map(({ index }) => index), node.appliedIndex]).toEqual([[1], 0]);
    finish(apply);
    expect(node.appliedIndex).toBe(1);
  });

  it("ignores the answer of a write that changes of term have overtaken (append ABA race)", () => {
    const { node, work, finish } = start([1, 2, 3]);
    const append = { type: "MsgApp", to: 1 } as const;
    const writeOf = (): Message | undefined => work().find(({ to }) => to === LOCAL_APPEND_THREAD);
    // The same entry is put, replaced, and put again, while the first write is on its way.
    node.step(makeMessage({ ...append, from: 2, term: 1, entries: [entryOf(1, 1)] }));
    const first = writeOf();
    node.step(makeMessage({ ...append, from: 3, term: 2, entries: [entryOf(2, 1)] }));
    const second = writeOf();
    node.step(makeMessage({ ...append, from: 2, term: 3, entries: [entryOf(1, 1)], commit: 1 }));
    const third = writeOf();
    finish(first);
    const early = work(); // the second write will replace the entry once more
    finish(second);
    finish(third);
    const late = work().filter(({ to }) => to === LOCAL_APPLY_THREAD);
    expect([early, late.map((m) => m.entries)]).toEqual([[], [[entryOf(1, 1)]]]);
  });
});

describe("status", () => {
  it("has the progress of all nodes at a leader, as copies (TestRawNodeStatus)", () => {
    const one = new TestNode(1, { voters: [1] });
    expect(one.node.status().progress.size).toBe(0);
    one.node.campaign();
    one.drain();
    const status = one.node.status();
    one.node.propose(EMPTY_DATA);
    one.drain();
    expect([...status.progress].map(([id, progress]) => `${id} ${progress.toString()}`)).toEqual([
      "1 StateReplicate match=1 next=2",
    ]);
  });
});
