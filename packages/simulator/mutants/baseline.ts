/**
 * What the checks say of a seed without any mistake: what they say then proves nothing about a mutant.
 */
import { bundle, type Bundle } from "./bundle.ts";
import { seedOf } from "./hunt.ts";
import { ruleOf } from "./rule.ts";

export class Baseline {
  #bundle: Promise<Bundle> | undefined;
  readonly #rules = new Map<string, Promise<ReadonlySet<string>>>();

  /** The rules that seed `seed` breaks by itself; none, unless the product or a check has a fault. */
  rules(seed: number, options: readonly string[]): Promise<ReadonlySet<string>> {
    const key = [seed, ...options].join(" ");
    const known = this.#rules.get(key) ?? this.#run(seed, options);
    this.#rules.set(key, known);
    return known;
  }

  async #run(seed: number, options: readonly string[]): Promise<ReadonlySet<string>> {
    this.#bundle ??= bundle({ name: "no-mistake", does: "", source: "", edits: [] });
    const { path } = await this.#bundle;
    const violations = await seedOf(path, seed, options);
    return new Set(violations.flatMap((violation) => ruleOf(violation) ?? []));
  }
}
