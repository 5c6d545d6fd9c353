/** What an operation gets besides its input, and the look-ups that all of them share. */
import type { Clock } from "@millrace/base";
import { asStreamError } from "@millrace/base";
import type { ClusterRecord, MetadataView, StreamRecord } from "@millrace/model";
import { parseStreamArn } from "@millrace/model";

import type { Caller } from "../auth/sigv4.ts";
import type { GatewayBackend } from "../backend.ts";
import {
  accessDenied,
  AwsError,
  invalidArgument,
  notFound,
  unavailable,
} from "../protocol/aws-error.ts";
import type { Encoding } from "../protocol/types.ts";
import type { TokenSealer } from "../tokens/token-sealer.ts";

/** How long a request may wait for the cluster, milliseconds. */
export interface Deadlines {
  /** @default 5000 */
  readonly barrierMs: number;
  /** @default 5000 */
  readonly putMs: number;
  /** @default 5000 */
  readonly readMs: number;
  /** For a whole request, whatever it waits for: below the 10 s after which Java clients give up. @default 8000 */
  readonly answerMs: number;
}

export interface Call {
  readonly backend: GatewayBackend;
  readonly caller: Caller;
  readonly clock: Clock;
  readonly tokens: TokenSealer;
  readonly deadlines: Deadlines;
  /** When the request came, on the monotonic clock. */
  readonly startedMs: number;
  readonly operation: string;
  readonly encoding: Encoding;
}

/** An answer that the operation encoded itself, in the call's encoding, because its size makes that worth while. */
export class EncodedAnswer {
  readonly body: Buffer | string;

  constructor(body: Buffer | string) {
    this.body = body;
  }
}

/** `undefined` is an answer with an empty body. */
export type Answer = object | EncodedAnswer | undefined;
export type Operation<Input> = (call: Call, input: Input) => Promise<Answer> | Answer;

export interface NamesStream {
  readonly StreamName?: string;
  readonly StreamARN?: string;
}

/** The cluster's own record. @throws AwsError 503 before the first complete snapshot of metadata. */
export function clusterOf(view: MetadataView): ClusterRecord {
  const cluster = view.ready ? view.cluster() : undefined;
  if (cluster === undefined) throw unavailable("The cluster's metadata is not complete yet.");
  return cluster;
}

/** What a request may still wait for one thing, milliseconds: never beyond the time of the whole request. */
export function remainingMs({ clock, deadlines, startedMs }: Call, atMost: number): number {
  const left = startedMs + deadlines.answerMs - clock.monotonicMs();
  return Math.max(1, Math.min(atMost, Math.floor(left)));
}

/** Waits until the view holds all that was committed before now. @throws AwsError 503, never a negative answer. */
export async function awaitBarrier(call: Call): Promise<void> {
  const { backend, deadlines } = call;
  try {
    await backend.barrier(remainingMs(call, deadlines.barrierMs));
  } catch (error) {
    throw unavailable(
      `The cluster's metadata cannot be confirmed now: ${asStreamError(error).message}`,
      error,
    );
  }
  clusterOf(backend.view);
}

/** The stream that a control operation is about, by metadata as of now. @throws AwsError `ResourceNotFoundException`. */
export async function confirmedStream(call: Call, input: NamesStream): Promise<StreamRecord> {
  const streamName = streamNameOf(call, input);
  await awaitBarrier(call);
  return findStream(call, streamName) ?? refuseUnknown(call, streamName);
}

/** The stream that a data operation is about: the view as it is, confirmed only when it says no. */
export async function servedStream(call: Call, input: NamesStream): Promise<StreamRecord> {
  const streamName = streamNameOf(call, input);
  const known = findStream(call, streamName);
  if (known !== undefined && known.status !== "CREATING") return known;
  await awaitBarrier(call);
  const confirmed = findStream(call, streamName);
  if (confirmed !== undefined && confirmed.status !== "CREATING") return confirmed;
  return refuseUnknown(call, streamName);
}

export function findStream(
  { backend, caller }: Call,
  streamName: string,
): StreamRecord | undefined {
  return backend.view.stream(caller.account, streamName);
}

/** Name of the stream that is named by name or ARN. @throws AwsError when neither or two different ones are named. */
export function streamNameOf(call: Call, { StreamName, StreamARN }: NamesStream): string {
  if (StreamARN === undefined) {
    if (StreamName !== undefined) return StreamName;
    throw invalidArgument("Either StreamName or StreamARN should be provided.");
  }
  const arn = parseStreamArn(StreamARN);
  if (arn === undefined)
    throw invalidArgument(`StreamARN ${StreamARN} is not the ARN of a stream.`);
  if (StreamName !== undefined && StreamName !== arn.streamName) {
    throw invalidArgument(
      `StreamName ${StreamName} and StreamARN ${StreamARN} do not name the same stream.`,
    );
  }
  if (arn.account !== call.caller.account) {
    throw accessDenied(
      `User: arn:aws:iam::${call.caller.account}:user/${call.caller.accessKeyId} is not authorized to ` +
        `perform: kinesis:${call.operation} on resource: ${StreamARN}`,
    );
  }
  if (arn.region !== clusterOf(call.backend.view).region) refuseUnknown(call, arn.streamName);
  return arn.streamName;
}

export function refuseUnknown({ caller }: Call, streamName: string): never {
  throw notFound(`Stream ${streamName} under account ${caller.account} not found.`);
}

/** For requests that asked only whether they would be let through. */
export function refuseDryRun(): never {
  throw new AwsError(
    "DryRunOperationException",
    "The request would have succeeded, but the DryRun parameter is set.",
  );
}

/** @throws AwsError `ResourceInUseException` unless the stream is ACTIVE. */
export function requireActive({ caller }: Call, stream: StreamRecord): void {
  if (stream.status === "ACTIVE") return;
  throw new AwsError(
    "ResourceInUseException",
    `Stream ${stream.streamName} under account ${caller.account} not ACTIVE, instead in state ${stream.status}`,
  );
}
