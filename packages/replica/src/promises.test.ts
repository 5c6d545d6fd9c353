/**
 * What leaves a node while its disk has not written it: nothing that anybody may rely on (T1, T2).
 * The test is the node's peer, so it sees each answer, and the disk stands still.
 */
import { makeMessage, type Message } from "@millrace/raft-ts";
import { afterEach, describe, expect, it } from "vitest";

import { readFrame } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";
import { LaneCluster } from "./testing/index.ts";

const GROUP = 2;
const OWN = GROUP * 10 + 3;
const PEER = GROUP * 10 + 2;

let cluster: LaneCluster;
afterEach(() => cluster.stop());

/** Node 3 of a group alone with the test, which speaks as node 2. */
async function nodeAlone() {
  cluster = await LaneCluster.create();
  await cluster.createGroup(GROUP, { preferred: 1 });
  await cluster.electAll([GROUP]);
  await cluster.run(100);
  const incarnation = Buffer.from(cluster.storage(2).identity.incarnation, "hex");
  const answers: Message[] = [];
  for (const nodeId of [1, 2]) cluster.kill(nodeId, "none");
  await cluster.run(10);
  const peer = cluster.network.transport(2);
  peer.connect(3, "node-3:1");
  peer.onFrame((_from, _class, frame) =>
    readFrame(frame, {
      origin: () => true,
      liveness: () => {},
      message: (_group, message) => answers.push(message),
      sleep: () => {},
      snapshotPart: () => {},
      shipRequest: () => {},
      shipReply: () => {},
    }),
  );
  const say = (message: Partial<Message> & Pick<Message, "type">): void => {
    const writer = new FrameWriter("control");
    writer.message(GROUP, makeMessage({ to: OWN, from: PEER, ...message }));
    peer.send(3, "control", writer.finish(2, incarnation));
  };
  const log = cluster.group(3, GROUP).log;
  const next = log.lastIndex() + 1;
  return { say, next, lastTerm: log.term(next - 1) as number, answers };
}

/** Types of the answers to us of `term`, in order. */
const typesIn = (answers: readonly Message[], term: number) =>
  answers.filter((one) => one.term === term).map(({ type, reject }) => `${type} ${!reject}`);

describe("a promise waits for the disk", () => {
  it("when it is a vote in a term that is on disk already (S7)", async () => {
    const { say, next, answers } = await nodeAlone();
    const term = cluster.group(3, GROUP).term + 5;
    say({ type: "MsgAppResp", term, reject: true }); // it learns of the term and votes for nobody
    await cluster.run(50);
    expect(cluster.storage(3).group(GROUP)?.hardState).toMatchObject({ term, vote: 0 });
    cluster.disk(3).isStalled = true;
    say({ type: "MsgVote", term, index: next + 100, logTerm: term });
    await cluster.run(50);
    expect(typesIn(answers, term)).toEqual([]);
    cluster.disk(3).resume();
    await cluster.run(50);
    expect(typesIn(answers, term)).toEqual(["MsgVoteResp true"]);
    cluster.kill(3, "all");
    await cluster.restart(3);
    expect(cluster.storage(3).group(GROUP)?.hardState).toMatchObject({ term, vote: PEER });
  });

  it("when it is a term that it asks for votes in: it must not lead that term twice (S6)", async () => {
    const { say, answers } = await nodeAlone();
    const term = cluster.group(3, GROUP).term + 5;
    say({ type: "MsgHeartbeat", term });
    await cluster.run(50);
    cluster.disk(3).isStalled = true;
    say({ type: "MsgTimeoutNow", term });
    await cluster.run(50);
    expect([cluster.group(3, GROUP).role, typesIn(answers, term + 1)]).toEqual(["candidate", []]);
    cluster.disk(3).resume();
    await cluster.run(50);
    expect(typesIn(answers, term + 1)).toEqual(["MsgVote true"]);
    cluster.kill(3, "all");
    await cluster.restart(3);
    const expected = { term: term + 1, vote: OWN };
    expect(cluster.storage(3).group(GROUP)?.hardState).toMatchObject(expected);
  });

  it("when it is an acknowledgement, also the second one of the same entries (S1)", async () => {
    const { say, next, lastTerm, answers } = await nodeAlone();
    const term = cluster.group(3, GROUP).term + 5;
    say({ type: "MsgHeartbeat", term });
    await cluster.run(50);
    answers.length = 0;
    cluster.disk(3).isStalled = true;
    const data = Buffer.from("x");
    const entries = [{ term, index: next, type: "EntryNormal" as const, data }];
    for (let i = 0; i < 2; i += 1) {
      say({ type: "MsgApp", term, index: next - 1, logTerm: lastTerm, entries });
      await cluster.run(10);
    }
    expect(typesIn(answers, term)).toEqual([]);
    cluster.disk(3).resume();
    await cluster.run(50);
    expect(typesIn(answers, term)).toEqual(["MsgAppResp true", "MsgAppResp true"]);
    cluster.kill(3, "all");
    await cluster.restart(3);
    expect(cluster.storage(3).group(GROUP)?.term(next)).toBe(term);
  });
});
