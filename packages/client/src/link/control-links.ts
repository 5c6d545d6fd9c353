/** Channels to `rpc` ports, one per address, for unary calls. */
import { StreamError } from "@millrace/base";
import type { CallMetadata, ControlMethod } from "@millrace/rpc";

import type { Channels, ControlPort } from "./channels.ts";
import type { UnaryPort } from "./unary-port.ts";

/** Channels that are kept; the one that was not used for longest goes first. */
const CHANNELS_MAX = 256;
/** What rpc takes as a deadline, milliseconds. */
const DEADLINE_MS_MAX = 600_000;

export class ControlLinks implements UnaryPort {
  readonly #sign: (path: string, address: string) => CallMetadata;
  readonly #make: Pick<Channels, "control">;
  /** In order of last use. */
  readonly #channels = new Map<string, ControlPort>();
  #closed = false;

  constructor(
    sign: (path: string, address: string) => CallMetadata,
    channels: Pick<Channels, "control">,
  ) {
    this.#sign = sign;
    this.#make = channels;
  }

  async call<Request, Reply>(
    address: string,
    method: ControlMethod<Request, Reply>,
    request: Request,
    timeoutMs: number,
  ): Promise<Reply> {
    const deadlineMs = Math.min(DEADLINE_MS_MAX, Math.max(1, Math.ceil(timeoutMs)));
    return this.#channel(address).call(method, request, { deadlineMs });
  }

  close(): void {
    this.#closed = true;
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  #channel(address: string): ControlPort {
    if (this.#closed) throw new StreamError("unavailable", "the client is closed");
    const known = this.#channels.get(address);
    if (known !== undefined) this.#channels.delete(address);
    const channel =
      known ?? this.#make.control({ address, metadata: (path) => this.#sign(path, address) });
    this.#channels.set(address, channel);
    if (this.#channels.size > CHANNELS_MAX) this.#dropOldest();
    return channel;
  }

  #dropOldest(): void {
    const [oldest] = this.#channels;
    if (oldest === undefined) return;
    this.#channels.delete(oldest[0]);
    oldest[1].close();
  }
}
