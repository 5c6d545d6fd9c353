/** Where chance comes from: one printed number per run, from which every proof draws its own. */
const SEED = Number(process.env["MILLRACE_SEED"] ?? 20_261_125);

/** A seed of this proof alone. `MILLRACE_SEED` gives another to all of them. */
export function seedOf(name: string): number {
  console.log(`${name}: MILLRACE_SEED=${SEED}`);
  const codes = Array.from(Buffer.from(name));
  return codes.reduce((sum, code) => (sum * 31 + code) % 2 ** 31, SEED);
}
