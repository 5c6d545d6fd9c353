/** A mistake in the product's source that the simulator must notice. */

export interface Edit {
  /** Path under `packages`. */
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly from: string;
  readonly to: string;
}

export interface Mutant {
  /** Its key in the table and on the command line: small letters, digits and hyphens. */
  readonly name: string;
  /** What the mistaken system does. */
  readonly does: string;
  /** Who made the mistake, or who wrote of it. */
  readonly source: string;
  /** A fault that plain seeds leave out. */
  readonly needs?: "rot" | "replace";
  /** More than one where a second line of defence would hide the first mistake. */
  readonly edits: readonly Edit[];
}

/** A mutant, from what it is called to what it changes. */
export function mutant(
  name: string,
  does: string,
  source: string,
  ...edits: readonly Edit[]
): Mutant {
  return { name, does, source, edits };
}

/** A mutant that shows only with a fault that plain seeds leave out. */
export function needing(needs: "rot" | "replace", one: Mutant): Mutant {
  return { ...one, needs };
}

/** An edit of `packages/{folder}/src/{file}.ts`. */
export function edit(folder: string, file: string, from: string, to: string): Edit {
  return { file: `${folder}/src/${file}.ts`, from, to };
}

/**
 * The text of a file with a mutant's edits of it.
 *
 * @throws Error naming mutant, file and text when an edit does not apply: the rule has moved, and the
 * mutant is to be written anew.
 */
export function withEdits({ name, edits }: Mutant, file: string, text: string): string {
  return edits
    .filter((one) => one.file === file)
    .reduce((before, { from, to }) => {
      const parts = before.split(from);
      if (parts.length === 2) return parts.join(to);
      const count = parts.length - 1;
      throw new Error(`mutant ${name}: packages/${file} has ${count} times: ${from.trim()}`);
    }, text);
}
