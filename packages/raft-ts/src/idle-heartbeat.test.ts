import { describe, expect, it } from "vitest";

import { makeMessage } from "./message.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { RaftNode } from "./node.ts";
import type { Ready } from "./ready.ts";
import type { Message } from "./types.ts";
import { EMPTY_CONF_STATE, LOCAL_APPEND_THREAD } from "./types.ts";

function newNode(id: number): { readonly node: RaftNode; readonly storage: MemoryStorage } {
  const storage = new MemoryStorage({ ...EMPTY_CONF_STATE, voters: [1, 2, 3] });
  const options = { preVote: false, checkQuorum: false, random: () => 0 };
  return { node: new RaftNode({ id, storage, ...options }), storage };
}

/** Does the storage work that there is; returns the messages for other nodes. */
function work({ node, storage }: ReturnType<typeof newNode>): Message[] {
  const sent: Message[] = [];
  while (node.hasReady()) {
    for (const m of node.ready().messages) {
      if (m.to === LOCAL_APPEND_THREAD) {
        storage.append(m.entries);
        if (m.term > 0) storage.setHardState(m);
      }
      for (const response of m.responses) {
        if (response.to === node.id) node.step(response);
        else sent.push(response);
      }
      if (m.responses.length === 0 && m.to <= 3) sent.push(m);
    }
  }
  return sent;
}

/** A leader whose followers hold everything, and whose first entry is committed. */
function idleLeader(): ReturnType<typeof newNode> {
  const leader = newNode(1);
  leader.node.campaign();
  work(leader);
  leader.node.step(makeMessage({ type: "MsgVoteResp", from: 2, to: 1, term: 1 }));
  work(leader);
  acknowledge(leader, 1);
  return leader;
}

function acknowledge(leader: ReturnType<typeof newNode>, index: number): void {
  for (const from of [2, 3]) {
    leader.node.step(makeMessage({ type: "MsgAppResp", from, to: 1, term: 1, index }));
  }
  work(leader);
}

function beat({ node }: ReturnType<typeof newNode>): Ready {
  node.tick();
  return node.ready();
}

const heartbeat = (to: number, commit: number, context?: Uint8Array) =>
  makeMessage({ type: "MsgHeartbeat", from: 1, to, term: 1, commit, context });

describe("heartbeats of an idle group", () => {
  it("are the same objects from round to round, in the same Ready", () => {
    const leader = idleLeader();
    beat(leader); // made
    const second = beat(leader);
    expect(second.messages).toEqual([heartbeat(2, 1), heartbeat(3, 1)]);
    expect(beat(leader)).toBe(second);
    expect(leader.node.hasReady()).toBe(false);
  });

  it("are made anew when the commit index has moved, and what was handed out stays as it was", () => {
    const leader = idleLeader();
    beat(leader);
    const old = beat(leader);
    const before = structuredClone(old);
    leader.node.propose(Uint8Array.of(1));
    work(leader);
    acknowledge(leader, 2);
    expect(beat(leader).messages).toEqual([heartbeat(2, 2), heartbeat(3, 2)]);
    expect(old).toEqual(before);
  });

  it("share a Ready with other messages without growing the list of the round before", () => {
    const leader = idleLeader();
    beat(leader);
    const old = beat(leader);
    leader.node.tick();
    leader.node.propose(Uint8Array.of(1));
    const types = leader.node.ready().messages.map(({ type, to }) => `${type} ${to}`);
    expect(types.slice(0, 4)).toEqual(["MsgHeartbeat 2", "MsgHeartbeat 3", "MsgApp 2", "MsgApp 3"]);
    expect(old.messages).toEqual([heartbeat(2, 1), heartbeat(3, 1)]);
  });

  it("carry the position of a read that waits, and lose it when it is confirmed", () => {
    const leader = idleLeader();
    beat(leader);
    leader.node.readIndex(Uint8Array.of(7));
    const position = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
    const asked = [heartbeat(2, 1, position), heartbeat(3, 1, position)];
    expect(leader.node.ready().messages).toEqual(asked);
    expect(beat(leader).messages).toEqual(asked);
    const answer = {
      type: "MsgHeartbeatResp",
      from: 2,
      to: 1,
      term: 1,
      context: position,
    } as const;
    leader.node.step(makeMessage(answer));
    leader.node.ready();
    expect(beat(leader).messages).toEqual([heartbeat(2, 1), heartbeat(3, 1)]);
  });

  it("are answered by the same object while term, leader and read stay the same", () => {
    const follower = newNode(2);
    const hear = (m: Message): readonly Message[] => {
      follower.node.step(m);
      return work(follower);
    };
    const answer = (term: number, to: number, context?: Uint8Array) =>
      makeMessage({ type: "MsgHeartbeatResp", from: 2, to, term, context });
    const first = hear(heartbeat(2, 0));
    expect(first).toEqual([answer(1, 1)]);
    expect(hear(heartbeat(2, 0))[0]).toBe(first[0]);
    const context = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
    expect(hear(heartbeat(2, 0, context))).toEqual([answer(1, 1, context)]);
    expect(hear({ ...heartbeat(2, 0), term: 2, from: 3 })).toEqual([answer(2, 3)]);
    expect(first).toEqual([answer(1, 1)]);
  });
});
