/**
 * Numbers that must not mix, made only where they enter the process (wire, disk, configuration).
 *
 * All are safe integers: a group at 1,000 entries per second takes 285,000 years to reach 2^53 - 1,
 * and bigint on the hot path costs several times as much.
 */
import type { Brand } from "./brand.ts";
import { safeInteger } from "./checks.ts";

/** A process of the cluster, 1..65535, chosen by the operator and never reused for another machine. */
export type NodeId = Brand<number, "NodeId">;
/** A Raft group: 1 is cluster metadata, larger ids are given out by the coordinator and never reused. */
export type GroupId = Brand<number, "GroupId">;
/** One member of one Raft group, given out by the coordinator, never reused: a voter that lost its disk comes back under another id (S8). */
export type ReplicaId = Brand<number, "ReplicaId">;
/** Grows by one per election, 0 before the first. */
export type Term = Brand<number, "Term">;
/** 1-based index in a Raft log; 0 is "before the first entry". */
export type LogIndex = Brand<number, "LogIndex">;
/** Ordinal of a record in its shard, 0-based, without gaps (S3). */
export type Offset = Brand<number, "Offset">;

/** The group that holds cluster metadata, made by `cluster init`. */
export const METADATA_GROUP_ID: GroupId = 1 as GroupId;
export const NODE_ID_MAX = 65_535;

/** @throws StreamError `invalid-argument` unless `value` is a whole number in 1..65535. */
export function nodeId(value: number): NodeId {
  return safeInteger("nodeId", value, 1, NODE_ID_MAX) as NodeId;
}
/** @throws StreamError `invalid-argument` unless `value` is a whole number in 1..2^53 - 1. */
export function groupId(value: number): GroupId {
  return safeInteger("groupId", value, 1) as GroupId;
}
/** @throws StreamError `invalid-argument` unless `value` is a whole number in 1..2^53 - 1. */
export function replicaId(value: number): ReplicaId {
  return safeInteger("replicaId", value, 1) as ReplicaId;
}
/** @throws StreamError `invalid-argument` unless `value` is a whole number in 0..2^53 - 1. */
export function term(value: number): Term {
  return safeInteger("term", value) as Term;
}
/** @throws StreamError `invalid-argument` unless `value` is a whole number in 0..2^53 - 1. */
export function logIndex(value: number): LogIndex {
  return safeInteger("logIndex", value) as LogIndex;
}
/** @throws StreamError `invalid-argument` unless `value` is a whole number in 0..2^53 - 1. */
export function offset(value: number): Offset {
  return safeInteger("offset", value) as Offset;
}
