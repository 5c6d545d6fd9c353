/**
 * What stands between the transport and the service: the bounds on bodies and on requests at a
 * time, and the counting. HTTP/1.1 and HTTP/2 hand their requests over here in one form.
 */
import type { Readable } from "node:stream";

import type { Clock } from "@millrace/base";

import type { GatewayMetrics } from "../metrics.ts";
import { unavailable } from "../protocol/aws-error.ts";
import { errorReply } from "../protocol/reply.ts";
import type { BodyResult } from "./request-body.ts";
import { BodyReader } from "./request-body.ts";
import type { WireReply, WireRequest } from "./wire.ts";

export interface FrontLimits {
  /** Largest body; beyond it the answer is 413. @default 20 MiB */
  readonly bodyBytesMax: number;
  /** All bodies that are in memory at a time; beyond, 503. @default 512 MiB */
  readonly bodiesBytesMax: number;
  /** Requests at a time; beyond, 503. @default 4096 */
  readonly requestsMax: number;
}

/** A request whose body is still to come. */
export interface Arrival {
  readonly method: string;
  /** Path with query, as sent. */
  readonly target: string;
  readonly header: (name: string) => string | undefined;
  readonly stream: Readable;
  /** Tells a caller that waits for it that the body may come. */
  readonly proceed: () => void;
}

export type Service = (
  request: WireRequest,
) => Promise<{ readonly reply: WireReply; readonly operation: string }>;

/** `refused`: the rest of the body stays unread, so the connection cannot be used again. */
export interface FrontReply extends WireReply {
  readonly refused?: boolean;
}

export class Front {
  readonly #limits: FrontLimits;
  readonly #bodies: BodyReader;
  readonly #service: Service;
  readonly #clock: Clock;
  readonly #metrics: GatewayMetrics;
  #requests = 0;
  #whenIdle: (() => void)[] = [];

  constructor(limits: FrontLimits, service: Service, clock: Clock, metrics: GatewayMetrics) {
    this.#limits = limits;
    this.#bodies = new BodyReader(limits.bodyBytesMax, limits.bodiesBytesMax);
    this.#service = service;
    this.#clock = clock;
    this.#metrics = metrics;
  }

  /** The answer, or `undefined` when the caller went away. */
  async answer(arrival: Arrival): Promise<FrontReply | undefined> {
    if (this.#requests >= this.#limits.requestsMax) {
      return this.#refuse("no-room", encodingOf(arrival));
    }
    this.#requests++;
    this.#metrics.inFlight(this.#requests);
    try {
      return await this.#answerAdmitted(arrival);
    } finally {
      this.#requests--;
      this.#metrics.inFlight(this.#requests);
      if (this.#requests === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
    }
  }

  /** Resolves when no request is being served. */
  idle(): Promise<void> {
    if (this.#requests === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve);
    });
  }

  async #answerAdmitted(arrival: Arrival): Promise<FrontReply | undefined> {
    const startedMs = this.#clock.monotonicMs();
    const announced = arrival.header("content-length");
    const admission = this.#bodies.admits(announced === undefined ? undefined : Number(announced));
    if (admission !== "body") return this.#refuse(admission, encodingOf(arrival));
    arrival.proceed();
    const result = await this.#bodies.read(arrival.stream);
    if (result.kind !== "body") return this.#refuse(result.kind, encodingOf(arrival));
    try {
      const { reply, operation } = await this.#service(requestOf(arrival, result.body));
      const elapsedMs = this.#clock.monotonicMs() - startedMs;
      this.#metrics.served(operation, reply.status, elapsedMs / 1000, {
        in: result.body.byteLength,
        out: Buffer.byteLength(reply.body),
      });
      return reply;
    } finally {
      this.#bodies.release(result.body.byteLength);
    }
  }

  #refuse(why: BodyResult["kind"], encoding: "json" | "cbor"): FrontReply | undefined {
    if (why === "aborted") return undefined;
    this.#metrics.refused(why);
    if (why === "too-large") return { status: 413, headers: {}, body: "", refused: true };
    const error = unavailable("This gateway serves as many requests as it can at this moment.");
    return { ...errorReply(error, encoding), refused: true };
  }
}

function requestOf({ method, target, header }: Arrival, body: Buffer): WireRequest {
  const at = target.indexOf("?");
  return {
    method,
    path: at < 0 ? target : target.slice(0, at),
    query: at < 0 ? "" : target.slice(at + 1),
    header,
    body,
  };
}

function encodingOf({ header }: Arrival): "json" | "cbor" {
  return header("content-type")?.includes("cbor") === true ? "cbor" : "json";
}
