/**
 * A network between real processes: TCP connections whose two directions can be cut, slowed and
 * delayed apart, reset, or left half-open.
 *
 * A cut direction holds its bytes, the end of a connection among them, and lets them go when it is
 * mended, as TCP does by sending again; nothing is lost or swapped inside a connection. What one
 * direction holds is bounded: beyond, the sender's own buffers fill, as on a real path.
 */
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

import { pause } from "../../e2e/support/waiting.ts";

const HELD_BYTES_MAX = 1024 * 1024;
const CUT_POLL_MS = 5;

/** One direction between two nodes, shared by all connections that carry bytes that way. */
export interface Direction {
  isCut: boolean;
  delayMs: number;
  /** Undefined has no bound. */
  bytesPerSecond: number | undefined;
}

export function openDirection(): Direction {
  return { isCut: false, delayMs: 0, bytesPerSecond: undefined };
}

interface Connection {
  readonly near: Socket;
  readonly far: Socket;
  isFrozen: boolean;
}

/** Carries connections to one port. */
export class TcpProxy {
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #there: Direction;
  readonly #back: Direction;
  readonly #connections = new Set<Connection>();

  private constructor(targetPort: number, there: Direction, back: Direction) {
    this.#targetPort = targetPort;
    this.#there = there;
    this.#back = back;
    this.#server = createServer((near) => this.#accept(near));
  }

  /** @param there Bytes from the dialler; @param back bytes to it. */
  static async start(targetPort: number, there: Direction, back: Direction): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort, there, back);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends every connection with a reset, wherever in a message it is. Returns how many. */
  reset(): number {
    const found = this.#connections.size;
    for (const { near, far } of this.#connections) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
    return found;
  }

  /**
   * Connections that exist now carry nothing any more and never end, as when a firewall forgets
   * them; new ones work. Returns how many.
   */
  freeze(): number {
    for (const one of this.#connections) one.isFrozen = true;
    return this.#connections.size;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const { near, far } of this.#connections) {
      near.destroy();
      far.destroy();
    }
    await closed;
  }

  #accept(near: Socket): void {
    const far = connect({ port: this.#targetPort, host: "127.0.0.1", noDelay: true });
    near.setNoDelay(true);
    const connection: Connection = { near, far, isFrozen: false };
    this.#connections.add(connection);
    for (const socket of [near, far]) {
      socket.on("error", () => {}); // what follows is "close"
      socket.once("close", () => {
        if (near.destroyed && far.destroyed) this.#connections.delete(connection);
      });
    }
    void carry(near, far, this.#there, connection);
    void carry(far, near, this.#back, connection);
  }
}

/** Moves bytes until the source has ended, then ends the destination. */
async function carry(
  from: Socket,
  to: Socket,
  direction: Direction,
  connection: Connection,
): Promise<void> {
  const held: { readonly bytes: Buffer; readonly dueMs: number }[] = [];
  let heldBytes = 0;
  let isEnded = false;
  let wake = () => {};
  from.on("data", (bytes: Buffer) => {
    held.push({ bytes, dueMs: performance.now() + direction.delayMs });
    heldBytes += bytes.length;
    if (heldBytes > HELD_BYTES_MAX) from.pause();
    wake();
  });
  from.once("close", () => {
    isEnded = true;
    wake();
  });
  from.once("end", () => {
    isEnded = true;
    wake();
  });
  for (;;) {
    const next = held.shift();
    if (next === undefined) {
      if (isEnded) break;
      await new Promise<void>((resolve) => (wake = resolve));
      continue;
    }
    await passage(direction, connection, next.dueMs);
    if (to.destroyed) break;
    await written(to, next.bytes);
    if (direction.bytesPerSecond !== undefined) {
      await pause((next.bytes.length / direction.bytesPerSecond) * 1000);
    }
    heldBytes -= next.bytes.length;
    if (heldBytes <= HELD_BYTES_MAX) from.resume();
  }
  await passage(direction, connection, 0);
  to.destroySoon();
  if (to.destroyed) from.destroy();
}

/** Until bytes may pass. A frozen connection waits until its sockets are destroyed by `close`. */
async function passage(direction: Direction, connection: Connection, dueMs: number): Promise<void> {
  const { near, far } = connection;
  for (;;) {
    const leftMs = dueMs - performance.now();
    const isHeld = direction.isCut || connection.isFrozen;
    if ((!isHeld && leftMs <= 0) || (near.destroyed && far.destroyed)) return;
    await pause(isHeld ? CUT_POLL_MS : leftMs);
  }
}

function written(to: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    to.write(bytes, () => resolve()); // an error is followed by "close", which ends the loop
  });
}
