/**
 * The state of one node without the node around it, for tests that must put it into a position
 * by hand: a role, a progress, a promise that is not durable yet.
 */
import { resolveConfig } from "../config.ts";
import { restoreConfState } from "../membership.ts";
import { RaftState } from "../raft-state.ts";
import { stepMessage } from "../step.ts";
import type { Progress } from "../progress.ts";
import type { Message } from "../types.ts";
import { NO_NODE } from "../types.ts";
import { configOf, storageOf, type TestSettings, type TestStart } from "./test-cluster.ts";

/** A follower as it is after its start. */
export function bareRaft(start: TestStart = {}, settings: TestSettings = {}, id = 1): RaftState {
  const storage = storageOf(start);
  const r = new RaftState(resolveConfig(configOf(id, storage, settings)));
  const { hardState, confState } = storage.initialState();
  restoreConfState(r, confState);
  r.term = hardState.term;
  r.vote = hardState.vote;
  r.log.commitTo(hardState.commit);
  r.becomeFollower(r.term, NO_NODE);
  return r;
}

/** A leader that has told nobody yet. */
export function bareLeader(start: TestStart = {}, settings: TestSettings = {}): RaftState {
  const r = bareRaft(start, settings);
  r.becomeCandidate();
  r.becomeLeader();
  return r;
}

/** Takes the promises that wait for the disk. */
export function takePromises(r: RaftState): Message[] {
  const promises = r.msgsAfterAppend;
  r.msgsAfterAppend = [];
  return promises;
}

/** The disk has done its work: the node's own promises count; returns those for others. */
export function keepPromises(r: RaftState, promises: readonly Message[]): Message[] {
  for (const m of promises) if (m.to === r.id) stepMessage(r, m);
  return promises.filter(({ to }) => to !== r.id);
}

/** Makes everything durable and takes all messages for others. */
export function takeMessages(r: RaftState): Message[] {
  const kept: Message[] = [];
  while (r.msgsAfterAppend.length > 0) kept.push(...keepPromises(r, takePromises(r)));
  const sent = r.msgs;
  r.msgs = [];
  return [...sent, ...kept];
}

/** What `r` knows of node `id`, to be read and changed. */
export function progressOf(r: RaftState, id: number): Progress {
  const progress = r.tracker.progress.get(id);
  if (progress === undefined) throw new Error(`node ${id} is not in the configuration`);
  return progress;
}
