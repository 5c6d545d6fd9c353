import { StreamError } from "@millrace/base";
import { VirtualClock } from "@millrace/base/testing";
import { describe, expect, it } from "vitest";

import type { MetadataGroup } from "./group-port.ts";
import { ASK_MS, CONTACT_MS_MAX, leaderContact } from "./leader-contact.ts";

const LOOK_MS = 500;

/** A replica that believes in its leader, which answers or does not. */
class Replica {
  readonly clock = new VirtualClock();
  readonly holds = leaderContact(this.clock, () => this.group);
  isReadyLeader = false;
  leaderNodeId: number | undefined = 2;
  answers = true;
  asked = 0;
  readonly group = this as unknown as MetadataGroup;

  readIndex(done: (answer: number | StreamError) => void): void {
    this.asked += 1;
    this.clock.schedule(this.answers ? 10 : 5000, () => {
      done(this.answers ? 7 : new StreamError("unavailable", "no leader confirmed the read"));
    });
  }

  /** Looks for so long; the answers that were not alike, in order. */
  look(forMs: number): readonly boolean[] {
    const seen: boolean[] = [];
    for (let passed = 0; passed < forMs; passed += LOOK_MS) {
      const holds = this.holds();
      if (seen.at(-1) !== holds) seen.push(holds);
      this.clock.advance(LOOK_MS);
    }
    return seen;
  }
}

describe("the contact with the leader of the metadata group", () => {
  it("holds while the leader answers, and costs a question each five and a half seconds", () => {
    const replica = new Replica();
    expect([replica.look(60_000), replica.asked]).toEqual([[true], 10]);
  });

  it("ends when a leader that the replica still believes in answers no more, and is there again", () => {
    const replica = new Replica();
    replica.look(20_000);
    replica.answers = false;
    expect(replica.look(CONTACT_MS_MAX + ASK_MS)).toEqual([true, false]);
    expect(replica.look(60_000)).toEqual([false]);
    replica.answers = true;
    expect(replica.look(3 * ASK_MS)).toEqual([false, true]);
  });

  it("does not hold without a leader, and holds for the leader and where there is no replica", () => {
    const replica = new Replica();
    replica.leaderNodeId = undefined;
    expect(replica.look(LOOK_MS)).toEqual([false]);
    replica.isReadyLeader = true;
    expect(replica.look(60_000)).toEqual([true]);
    const without = leaderContact(replica.clock, () => undefined);
    expect([without(), replica.asked]).toEqual([true, 0]);
  });

  it("is not missed after a time in which nobody looked", () => {
    const replica = new Replica();
    replica.look(10_000);
    replica.clock.advance(3_600_000);
    expect(replica.look(ASK_MS)).toEqual([true]);
  });
});
