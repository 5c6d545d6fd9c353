import type { Random } from "@millrace/base";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";

/** `[a-z0-9]{20}-[a-z0-9]{3}`, as AWS writes stream ids: 118 random bits, so none comes twice. */
export function newStreamId(random: Random): string {
  const letters = (count: number): string =>
    Array.from({ length: count }, () => ALPHABET[random.uniform(ALPHABET.length)]).join("");
  return `${letters(20)}-${letters(3)}`;
}
