/**
 * The way of a change into the log: only on a ready leader, bounded, and with an honest end.
 *
 * A caller learns one of three things: the change is applied and at which index, it was refused and
 * nothing happened, or nobody knows (`indeterminate`), after a change of leadership or a wait that
 * took too long. The proposal is fenced by the term it was decided in, so that a leader that was
 * deposed and elected again meanwhile cannot commit a decision taken on old state.
 */
import type { Clock } from "@millrace/base";
import { StreamError } from "@millrace/base";

import type { MetadataGroup } from "./group-port.ts";
import type { Command } from "./state/command.ts";
import { encodeCommand } from "./state/command.ts";
import type { MetadataState } from "./state/metadata-state.ts";
import { toError } from "./state/outcome.ts";

export const PROPOSALS_IN_FLIGHT_MAX = 1000;
export const PROPOSE_WAIT_MS_DEFAULT = 5_000;

export interface ProposerOptions {
  readonly nodeId: number;
  readonly clock: Clock;
  readonly state: MetadataState;
  /** The metadata group while it is on this node. */
  readonly group: () => MetadataGroup | undefined;
  /** @default 5000 */
  readonly waitMs?: number | undefined;
}

export class Proposer {
  readonly #options: ProposerOptions;
  readonly #waitMs: number;
  #inFlight = 0;

  constructor(options: ProposerOptions) {
    this.#options = options;
    this.#waitMs = options.waitMs ?? PROPOSE_WAIT_MS_DEFAULT;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /**
   * The group, if this node leads it.
   *
   * @throws StreamError `not-leader` with the leader's address, `unavailable` while there is none.
   */
  requireLeader(): MetadataGroup {
    const group = this.#options.group();
    if (group?.isReadyLeader === true) return group;
    const leaderNodeId = group?.leaderNodeId;
    if (leaderNodeId === undefined || leaderNodeId === this.#options.nodeId) {
      throw new StreamError(
        "unavailable",
        group === undefined
          ? `node ${this.#options.nodeId} holds no metadata replica`
          : "the metadata group has no leader ready to serve: retry",
      );
    }
    throw this.#notLeader(leaderNodeId);
  }

  /**
   * The log index at which `command` was applied.
   *
   * @throws StreamError what the command was refused with, or `not-leader`, `unavailable`,
   * `overloaded`, `indeterminate`.
   */
  propose(command: Command): Promise<number> {
    return new Promise((resolve, reject) => {
      const group = this.requireLeader();
      if (this.#inFlight >= PROPOSALS_IN_FLIGHT_MAX) {
        throw new StreamError(
          "overloaded",
          `metadata changes in flight are ${this.#inFlight}, at most ${PROPOSALS_IN_FLIGHT_MAX}`,
        );
      }
      this.#send(group, command, resolve, reject);
    });
  }

  #send(
    group: MetadataGroup,
    command: Command,
    resolve: (index: number) => void,
    reject: (error: StreamError) => void,
  ): void {
    const { clock, state } = this.#options;
    let index = 0;
    const timer = clock.schedule(this.#waitMs, () => {
      const waited = `metadata change ${command.kind} was not applied within ${this.#waitMs} ms`;
      reject(new StreamError("indeterminate", `${waited}: it may still be`));
    });
    const settle = (error: StreamError | undefined): void => {
      this.#inFlight--;
      timer.cancel();
      const refusal = error === undefined ? state.outcome(index) : undefined;
      if (error !== undefined) reject(error);
      else if (refusal !== undefined) reject(toError(refusal));
      else resolve(index);
    };
    this.#inFlight++;
    const data = encodeCommand(command, clock.nowMs());
    const proposed = group.propose(data, group.term, settle);
    if (proposed instanceof StreamError) settle(this.#withAddress(proposed));
    else index = proposed.index;
  }

  #notLeader(leaderNodeId: number): StreamError {
    const refused = new StreamError(
      "not-leader",
      `node ${this.#options.nodeId} does not lead the metadata group, node ${leaderNodeId} does`,
      { hint: { leaderNodeId } },
    );
    return this.#withAddress(refused);
  }

  /** Adds where the leader's `rpc` port is, as far as metadata says. */
  #withAddress(error: StreamError): StreamError {
    const { leaderNodeId } = error.hint;
    if (error.code !== "not-leader" || leaderNodeId === undefined) return error;
    const leaderAddress = this.#options.state.view.node(leaderNodeId)?.addresses.rpc;
    if (leaderAddress === undefined) return error;
    return new StreamError(error.code, error.message, { hint: { ...error.hint, leaderAddress } });
  }
}
