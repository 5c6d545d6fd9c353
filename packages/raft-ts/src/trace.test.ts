/**
 * The lines that a model checker replays.
 *
 * Source: etcd-raft `state_trace`, and the order of events in its `tla/example.ndjson`.
 */
import { describe, expect, it } from "vitest";
import { RaftState } from "./raft-state.ts";
import { resolveConfig } from "./config.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { makeMessage } from "./message.ts";
import { confStateOf, TestCluster, TestNode } from "./testing/test-cluster.ts";
import { traceLine, type RaftTraceEvent } from "./trace.ts";
import { EMPTY_DATA } from "./types.ts";

/** `name role term/vote commit log`, and what the event is about. */
function brief({ name, role, state, log, msg, prop }: RaftTraceEvent): string {
  const node = `${name} ${role} ${state.term}/${state.vote} ${state.commit} ${log}`;
  const message =
    msg === undefined
      ? ""
      : ` ${msg.type} ${msg.from}>${msg.to} ${msg.logTerm}/${msg.index}+${msg.entries} c${msg.commit}`;
  return `${node}${message}${prop === undefined ? "" : ` ${JSON.stringify(prop)}`}`;
}

function tracedCluster(): { cluster: TestCluster; events: RaftTraceEvent[] } {
  const events: RaftTraceEvent[] = [];
  const voters = [1, 2];
  const trace = (event: RaftTraceEvent) => events.push(event);
  return {
    cluster: new TestCluster(voters.map((id) => new TestNode(id, { voters }, { trace }))),
    events,
  };
}

describe("the trace of a group of one", () => {
  it("is these lines for a start and an election", () => {
    const lines: string[] = [];
    const trace = (event: RaftTraceEvent) => lines.push(traceLine(event));
    const node = new TestNode(1, { voters: [1] }, { trace });
    node.node.campaign();
    node.drain();
    const line = (event: string) => `{"tag":"trace","event":{${event}}}`;
    const at = (term: number, vote: number, commit: number, role: string, log: number) =>
      `"nid":"1","state":{"term":${term},"vote":"${vote}","commit":${commit}},` +
      `"role":"State${role}","log":${log},"conf":`;
    const message = (type: string, index: number) =>
      `"msg":{"type":"${type}","term":1,"from":"1","to":"1","entries":0,"logTerm":0,` +
      `"index":${index},"commit":0,"vote":"0","reject":false,"rejectHint":0}`;
    const alone = `[["1"],[]]`;
    expect(lines).toEqual([
      line(`"name":"InitState",${at(0, 0, 0, "Follower", 0)}[[],[]]`),
      line(
        `"name":"ApplyConfChange",${at(0, 0, 0, "Follower", 0)}[[],[]],` +
          `"prop":{"cc":{"newconf":["1"]}}`,
      ),
      line(`"name":"BecomeFollower",${at(0, 0, 0, "Follower", 0)}${alone}`),
      line(`"name":"BecomeCandidate",${at(1, 1, 0, "Candidate", 0)}${alone}`),
      line(
        `"name":"SendRequestVoteResponse",${at(1, 1, 0, "Candidate", 0)}${alone},` +
          message("MsgVoteResp", 0),
      ),
      line(`"name":"Ready",${at(1, 1, 0, "Candidate", 0)}${alone}`),
      line(
        `"name":"ReceiveRequestVoteResponse",${at(1, 1, 0, "Candidate", 0)}${alone},` +
          message("MsgVoteResp", 0),
      ),
      line(`"name":"BecomeLeader",${at(1, 1, 0, "Leader", 0)}${alone}`),
      line(`"name":"Replicate",${at(1, 1, 0, "Leader", 0)}${alone}`),
      line(
        `"name":"SendAppendEntriesResponse",${at(1, 1, 0, "Leader", 1)}${alone},` +
          message("MsgAppResp", 1),
      ),
      line(`"name":"Ready",${at(1, 1, 0, "Leader", 1)}${alone}`),
      line(
        `"name":"ReceiveAppendEntriesResponse",${at(1, 1, 0, "Leader", 1)}${alone},` +
          message("MsgAppResp", 1),
      ),
      line(`"name":"Commit",${at(1, 1, 1, "Leader", 1)}${alone}`),
      line(`"name":"Ready",${at(1, 1, 1, "Leader", 1)}${alone}`),
    ]);
  });
});

describe("the trace of a group of two", () => {
  it("has the messages of an election at both ends", () => {
    const { cluster, events } = tracedCluster();
    events.length = 0;
    cluster.ignore("MsgApp");
    cluster.campaign(1);
    expect(events.map((event) => `${event.nid}: ${brief(event)}`)).toEqual([
      "1: BecomeCandidate StateCandidate 1/1 0 0",
      "1: SendRequestVoteResponse StateCandidate 1/1 0 0 MsgVoteResp 1>1 0/0+0 c0",
      "1: SendRequestVoteRequest StateCandidate 1/1 0 0 MsgVote 1>2 0/0+0 c0",
      "1: Ready StateCandidate 1/1 0 0",
      "1: ReceiveRequestVoteResponse StateCandidate 1/1 0 0 MsgVoteResp 1>1 0/0+0 c0",
      "2: ReceiveRequestVoteRequest StateFollower 0/0 0 0 MsgVote 1>2 0/0+0 c0",
      "2: BecomeFollower StateFollower 1/0 0 0",
      "2: SendRequestVoteResponse StateFollower 1/0 0 0 MsgVoteResp 2>1 0/0+0 c0",
      "2: Ready StateFollower 1/1 0 0",
      "1: ReceiveRequestVoteResponse StateCandidate 1/1 0 0 MsgVoteResp 2>1 0/0+0 c0",
      "1: BecomeLeader StateLeader 1/1 0 0",
      "1: Replicate StateLeader 1/1 0 0",
      "1: SendAppendEntriesResponse StateLeader 1/1 0 1 MsgAppResp 1>1 0/1+0 c0",
      '1: SendAppendEntriesRequest StateLeader 1/1 0 1 MsgApp 1>2 0/0+1 c0 {"match":0,"next":1}',
      "1: Ready StateLeader 1/1 0 1",
      "1: ReceiveAppendEntriesResponse StateLeader 1/1 0 1 MsgAppResp 1>1 0/1+0 c0",
      "1: Commit StateLeader 1/1 0 1",
    ]);
  });

  it("has the messages of a replication at both ends", () => {
    const { cluster, events } = tracedCluster();
    cluster.campaign(1);
    events.length = 0;
    cluster.propose(1, "a");
    expect(events.map((event) => `${event.nid}: ${brief(event)}`)).toEqual([
      "1: Replicate StateLeader 1/1 1 1",
      "1: SendAppendEntriesResponse StateLeader 1/1 1 2 MsgAppResp 1>1 0/2+0 c0",
      '1: SendAppendEntriesRequest StateLeader 1/1 1 2 MsgApp 1>2 1/1+1 c1 {"match":1,"next":2}',
      "1: Ready StateLeader 1/1 1 2",
      "1: ReceiveAppendEntriesResponse StateLeader 1/1 1 2 MsgAppResp 1>1 0/2+0 c0",
      "1: Commit StateLeader 1/1 1 2",
      "2: ReceiveAppendEntriesRequest StateFollower 1/1 1 1 MsgApp 1>2 1/1+1 c1",
      "2: SendAppendEntriesResponse StateFollower 1/1 1 2 MsgAppResp 2>1 0/2+0 c0",
      "2: Ready StateFollower 1/1 1 2",
      "1: ReceiveAppendEntriesResponse StateLeader 1/1 1 2 MsgAppResp 2>1 0/2+0 c0",
      "1: Commit StateLeader 1/1 2 2",
      '1: SendAppendEntriesRequest StateLeader 1/1 2 2 MsgApp 1>2 1/2+0 c2 {"match":2,"next":3}',
      "1: Ready StateLeader 1/1 2 2",
      "2: ReceiveAppendEntriesRequest StateFollower 1/1 1 2 MsgApp 1>2 1/2+0 c2",
      "2: SendAppendEntriesResponse StateFollower 1/1 2 2 MsgAppResp 2>1 0/2+0 c0",
      "2: Ready StateFollower 1/1 2 2",
      "1: ReceiveAppendEntriesResponse StateLeader 1/1 2 2 MsgAppResp 2>1 0/2+0 c0",
    ]);
  });

  it("shows a membership change when it is proposed and before it is applied", () => {
    const { cluster, events } = tracedCluster();
    cluster.campaign(1);
    events.length = 0;
    cluster.at(1).node.proposeConfChange({
      transition: "auto",
      changes: [
        { type: "ConfChangeAddLearnerNode", nodeId: 3 },
        { type: "ConfChangeRemoveNode", nodeId: 2 },
        { type: "ConfChangeUpdateNode", nodeId: 1 },
      ],
      context: EMPTY_DATA,
    });
    cluster.flow(cluster.at(1).drain());
    const changes = events.filter(({ name, nid }) => nid === "1" && name.includes("Conf"));
    expect(changes.map(({ name, conf, prop }) => ({ name, conf, cc: prop?.cc }))).toEqual([
      {
        name: "ChangeConf",
        conf: [["1", "2"], []],
        cc: {
          changes: [
            { nid: "3", action: "AddLearner" },
            { nid: "2", action: "RemoveServer" },
          ],
        },
      },
      { name: "ApplyConfChange", conf: [["1", "2"], []], cc: { newconf: ["1"] } },
      { name: "ApplyConfChange", conf: [["1"], ["1", "2"]], cc: { newconf: ["1"] } },
    ]);
  });

  it("shows a snapshot as an append of all its entries, and no pre-vote", () => {
    const events: RaftTraceEvent[] = [];
    const node = new TestNode(2, {}, { trace: (event) => events.push(event), preVote: true });
    events.length = 0;
    node.node.campaign();
    const snapshot = { index: 7, term: 3, confState: confStateOf([1, 2, 3]), data: EMPTY_DATA };
    node.node.step(makeMessage({ type: "MsgSnap", from: 1, to: 2, term: 3, snapshot }));
    expect(events.filter(({ msg }) => msg !== undefined).map(brief)).toEqual([
      "ReceiveAppendEntriesRequest StatePreCandidate 0/0 0 0 MsgSnap 1>2 0/0+7 c0",
      "SendAppendEntriesResponse StateFollower 3/0 7 7 MsgAppResp 2>1 0/7+0 c0",
    ]);
  });
});

describe("a node without a tracer", () => {
  it("builds no event: not even what an event would show is read", () => {
    const storage = new MemoryStorage(confStateOf([1]));
    const config = resolveConfig({ id: 1, storage, random: () => 0 });
    const state = new RaftState(config);
    const read: PropertyKey[] = [];
    const watched = new Proxy(state, {
      get: (target, key) => {
        read.push(key);
        return Reflect.get(target, key, target);
      },
    });
    RaftState.prototype.trace.call(watched, "Ready");
    RaftState.prototype.traceMessage.call(watched, "Send", makeMessage({ type: "MsgApp" }));
    expect(read).toEqual(["config", "config"]);
  });

  it("does the same as one with a tracer", () => {
    const run = (cluster: TestCluster) => {
      cluster.campaign(1);
      cluster.propose(1, "a");
      return { states: cluster.states(), logs: cluster.logs() };
    };
    expect(run(tracedCluster().cluster)).toEqual(run(TestCluster.of(2)));
  });
});
