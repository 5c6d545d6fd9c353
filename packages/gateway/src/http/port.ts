/**
 * One port for everything that AWS programs speak. Which it is, the first bytes tell: TLS begins
 * with 0x16, HTTP/2 with "PRI", and no method of HTTP/1.1 does. Inside TLS the same question is
 * asked again, because ALPN is not sent by every HTTP/2 client.
 */
import type { Server, Socket } from "node:net";
import { createServer } from "node:net";
import type { TlsOptions } from "node:tls";
import { createServer as createTlsServer } from "node:tls";

import type { Clock, Logger } from "@millrace/base";

import type { Front } from "./front.ts";
import type { ConnectionTimeouts } from "./http1.ts";
import { createHttp1, drainHttp1 } from "./http1.ts";
import { Http2Sessions } from "./http2.ts";

export interface PortOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Certificate and key; absent, TLS connections are closed. */
  readonly tls?: Pick<TlsOptions, "cert" | "key" | "ca" | "minVersion">;
  readonly timeouts: ConnectionTimeouts;
  /** Connections at a time; beyond, new ones are closed. @default 10,000 */
  readonly connectionsMax: number;
}

const TLS_HANDSHAKE = 0x16;
const HTTP2_START = "PRI";

export class Port {
  readonly #front: Front;
  readonly #options: PortOptions;
  readonly #clock: Clock;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #http1;
  readonly #http2: Http2Sessions;
  readonly #tls;

  constructor(front: Front, options: PortOptions, clock: Clock, logger: Logger) {
    this.#front = front;
    this.#options = options;
    this.#clock = clock;
    this.#http1 = createHttp1(front, options.timeouts);
    this.#http2 = new Http2Sessions(front, options.timeouts);
    this.#tls = options.tls === undefined ? undefined : this.#secure(options.tls, logger);
    this.#server = createServer({ noDelay: true, pauseOnConnect: false }, (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      this.#sniff(socket, true);
    });
    this.#server.maxConnections = options.connectionsMax;
  }

  /** Starts to listen and returns the port number. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#options.port, this.#options.host, () => {
        this.#server.off("error", reject);
        const address = this.#server.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  }

  /** Takes no new connection, answers what runs for up to `graceMs`, then cuts what is left. */
  async close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    drainHttp1(this.#http1);
    this.#http2.drain();
    await this.#within(this.#front.idle(), graceMs);
    // An answer that was just written must still leave: sockets end by themselves within one turn of the loop or so.
    await this.#within(closed, Math.min(graceMs, 100));
    for (const socket of this.#sockets) socket.destroy();
    this.#tls?.close();
    await closed;
  }

  /** Resolves with `work`, or after `delayMs`; leaves no timer that would keep the process alive. */
  async #within(work: Promise<void>, delayMs: number): Promise<void> {
    let end = (): void => {};
    const late = new Promise<void>((resolve) => {
      end = resolve;
    });
    const timer = this.#clock.schedule(delayMs, end);
    await Promise.race([work, late]);
    timer.cancel();
  }

  #secure(tls: NonNullable<PortOptions["tls"]>, logger: Logger) {
    const server = createTlsServer({
      ...tls,
      ALPNProtocols: ["h2", "http/1.1"],
      handshakeTimeout: this.#options.timeouts.headersMs,
    });
    server.on("secureConnection", (socket) => this.#sniff(socket, false));
    server.on("tlsClientError", (error) => {
      logger.debug("a TLS handshake failed", { error: error.message });
    });
    return server;
  }

  #sniff(socket: Socket, mayBeTls: boolean): void {
    const timer = this.#clock.schedule(this.#options.timeouts.headersMs, () => socket.destroy());
    const fail = () => socket.destroy();
    let seen: Buffer = Buffer.alloc(0);
    const stop = () => {
      timer.cancel();
      socket.off("data", look);
    };
    const look = (chunk: Buffer) => {
      seen = seen.byteLength === 0 ? chunk : Buffer.concat([seen, chunk]);
      const kind = kindOf(seen);
      if (kind === undefined) return;
      stop();
      socket.off("error", fail);
      socket.pause();
      socket.unshift(seen);
      this.#handOver(socket, kind, mayBeTls);
    };
    socket.on("error", fail); // the far end is gone: the connection's end
    socket.once("close", stop);
    socket.on("data", look);
  }

  #handOver(socket: Socket, kind: "tls" | "http1" | "http2", mayBeTls: boolean): void {
    if (kind === "http2") {
      this.#http2.accept(socket);
    } else if (kind === "http1") {
      this.#http1.emit("connection", socket);
      socket.resume();
    } else if (mayBeTls && this.#tls !== undefined) {
      socket.on("error", () => socket.destroy());
      this.#tls.emit("connection", socket);
    } else {
      socket.destroy();
    }
  }
}

/** `undefined` while the bytes so far leave it open. */
function kindOf(seen: Buffer): "tls" | "http1" | "http2" | undefined {
  if (seen[0] === TLS_HANDSHAKE) return "tls";
  const start = seen.toString("latin1", 0, HTTP2_START.length);
  if (start === HTTP2_START) return "http2";
  return HTTP2_START.startsWith(start) ? undefined : "http1";
}
