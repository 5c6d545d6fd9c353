/**
 * IncreaseStreamRetentionPeriod and DecreaseStreamRetentionPeriod. An equal period succeeds in both
 * directions: Terraform sets 24 hours on every new stream. The coordinator decides again under its
 * own order, so that two callers at once cannot pass each other.
 *
 * Source: Kinesis API reference; reference/kinesis-api 2.10.
 */
import { asStreamError } from "@millrace/base";
import type { StreamRecord } from "@millrace/model";
import { RETENTION_HOURS_MAX, RETENTION_HOURS_MIN } from "@millrace/model";

import type {
  DecreaseStreamRetentionPeriodInput,
  IncreaseStreamRetentionPeriodInput,
} from "../gen/kinesis-tables.ts";
import { asAwsError, invalidArgument } from "../protocol/aws-error.ts";
import type { Answer, Call } from "./call.ts";
import {
  awaitBarrier,
  confirmedStream,
  findStream,
  refuseUnknown,
  remainingMs,
  requireActive,
} from "./call.ts";

type Direction = "increase" | "decrease";

export const increaseRetention = (call: Call, input: IncreaseStreamRetentionPeriodInput) =>
  updateRetention(call, input, "increase");

export const decreaseRetention = (call: Call, input: DecreaseStreamRetentionPeriodInput) =>
  updateRetention(call, input, "decrease");

async function updateRetention(
  call: Call,
  input: IncreaseStreamRetentionPeriodInput | DecreaseStreamRetentionPeriodInput,
  direction: Direction,
): Promise<Answer> {
  const hours = input.RetentionPeriodHours;
  checkBounds(hours);
  const stream = await confirmedStream(call, input);
  requireActive(call, stream);
  checkDirection(stream, hours, direction);
  if (hours === stream.retentionHours) return undefined;
  const { account, streamName } = stream;
  try {
    const order = { account, streamName, retentionHours: hours, direction };
    await call.backend.admin.updateRetention(order, remainingMs(call, Infinity));
    return undefined;
  } catch (error) {
    await explain(call, stream, hours, direction, error);
    throw asAwsError(error);
  }
}

function checkBounds(hours: number): void {
  if (hours < RETENTION_HOURS_MIN) {
    throw invalidArgument(
      `Minimum allowed retention period is ${RETENTION_HOURS_MIN} hours. ` +
        `Requested retention period (${hours} hours) is too short.`,
    );
  }
  if (hours > RETENTION_HOURS_MAX) {
    throw invalidArgument(
      `Maximum allowed retention period is ${RETENTION_HOURS_MAX} hours. ` +
        `Requested retention period (${hours} hours) is too long.`,
    );
  }
}

function checkDirection(stream: StreamRecord, hours: number, direction: Direction): void {
  const { retentionHours, streamName } = stream;
  const wrong = direction === "increase" ? hours < retentionHours : hours > retentionHours;
  if (!wrong) return;
  const [comparison, other] =
    direction === "increase" ? ["shorter", "Decrease"] : ["longer", "Increase"];
  throw invalidArgument(
    `Requested retention period (${hours} hours) for stream ${streamName} can not be ${comparison} ` +
      `than existing retention period (${retentionHours} hours). Use ${other}RetentionPeriod API.`,
  );
}

/** The coordinator refused what looked right a moment ago: say so by metadata as of now. */
async function explain(
  call: Call,
  before: StreamRecord,
  hours: number,
  direction: Direction,
  error: unknown,
): Promise<void> {
  const { code } = asStreamError(error);
  if (code !== "not-found" && code !== "wrong-state" && code !== "invalid-argument") return;
  await awaitBarrier(call);
  const now = findStream(call, before.streamName) ?? refuseUnknown(call, before.streamName);
  requireActive(call, now);
  checkDirection(now, hours, direction);
}
