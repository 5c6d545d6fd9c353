import type { StreamError } from "@millrace/base";
import { SILENT_LOGGER } from "@millrace/base";

import type { HotChannelOptions } from "../hot/hot-channel.ts";
import { HotChannel } from "../hot/hot-channel.ts";
import type { HotServer, HotServerOptions } from "../hot/hot-server.ts";
import { createHotServer } from "../hot/hot-server.ts";
import type { HotStream } from "../hot/hot-stream.ts";
import { SYSTEM_CLOCK } from "./system-clock.ts";

/** The one method that test servers serve. */
export const TEST_PATH = "/test.v1.Test/Talk";

export function echo(stream: HotStream): void {
  stream.onMessage((message) => void stream.send([message]));
}

/** Servers and channels of one test on loopback; `close` ends them, the newest first. */
export class HotWorld {
  readonly #cleanup: (() => Promise<void> | void)[] = [];

  /** Serves `echo` at `TEST_PATH` unless told otherwise. */
  async serve(options: Partial<HotServerOptions<unknown>> = {}): Promise<HotServer> {
    const server = await createHotServer({
      host: "127.0.0.1",
      port: 0,
      services: { [TEST_PATH]: echo },
      authenticate: () => undefined,
      clock: SYSTEM_CLOCK,
      logger: SILENT_LOGGER,
      ...options,
    });
    this.onClose(() => server.close(0));
    return server;
  }

  dial(port: number, options: Partial<HotChannelOptions> = {}): HotChannel {
    const channel = new HotChannel({
      address: `127.0.0.1:${port}`,
      clock: SYSTEM_CLOCK,
      logger: SILENT_LOGGER,
      ...options,
    });
    this.onClose(() => channel.close());
    return channel;
  }

  onClose(run: () => Promise<void> | void): void {
    this.#cleanup.push(run);
  }

  async close(): Promise<void> {
    for (const run of this.#cleanup.splice(0).toReversed()) await run();
  }
}

/** Resolves with what `onEnd` is given. */
export function endOf(stream: HotStream): Promise<StreamError | undefined> {
  return new Promise((resolve) => {
    stream.onEnd(resolve);
  });
}

/** Resolves with the next message. */
export function messageOf(stream: HotStream): Promise<Buffer> {
  return new Promise((resolve) => {
    stream.onMessage((message) => resolve(Buffer.from(message)));
  });
}
