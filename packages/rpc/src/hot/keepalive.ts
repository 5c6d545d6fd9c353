/**
 * Notices a connection whose other end is gone without a word (power, cable, firewall): TCP alone
 * would take minutes. A PING that stays unanswered kills the session, unless other bytes arrive:
 * behind megabytes of DATA on a slow network an answer may be late from a peer that is well.
 */
import type { Http2Session } from "node:http2";

import type { Clock, Timer } from "@millrace/base";

export interface KeepaliveOptions {
  readonly clock: Clock;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  readonly onDead: () => void;
}

/** Pings until the session closes; calls `onDead` at most once. */
export function keepAlive(session: Http2Session, options: KeepaliveOptions): void {
  const { clock, pingIntervalMs, pingTimeoutMs, onDead } = options;
  let timer: Timer | undefined;
  const bytesRead = (): number => session.socket.bytesRead;

  const ping = (): void => {
    if (session.destroyed) return; // its close event follows in a later turn
    let answered = false;
    let seenBytes = bytesRead();
    const judge = (): void => {
      if (session.destroyed) return;
      if (answered) {
        timer = clock.schedule(pingIntervalMs, ping);
      } else if (bytesRead() > seenBytes) {
        seenBytes = bytesRead();
        timer = clock.schedule(pingTimeoutMs, judge);
      } else {
        onDead();
      }
    };
    session.ping(() => {
      answered = true;
    });
    timer = clock.schedule(pingTimeoutMs, judge);
  };

  timer = clock.schedule(pingIntervalMs, ping);
  session.once("close", () => timer?.cancel());
}
