/** What commands print: a table for people, JSON or YAML for programs; colour only where a person looks. */
import { styleText } from "node:util";

import { StreamError } from "@millrace/base";
import { stringify } from "yaml";

export const OUTPUT_FORMATS = ["table", "json", "yaml"] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export type Row = Readonly<Record<string, string | number>>;

/**
 * Prints `value` in the format asked for.
 *
 * @param tables How the value reads as tables: title and rows; used with `table` alone.
 */
export function print(
  format: OutputFormat,
  value: unknown,
  tables: () => readonly {
    readonly title?: string;
    readonly rows: readonly Row[];
    readonly empty: string;
  }[],
): void {
  if (format === "json") return write(JSON.stringify(value, undefined, 2));
  if (format === "yaml") return write(stringify(value).trimEnd());
  const texts = tables().map(({ title, rows, empty }) => {
    const heading = title === undefined ? "" : `${bold(title)}\n`;
    return heading + (rows.length === 0 ? empty : formatTable(rows));
  });
  write(texts.join("\n\n"));
}

export function formatTable(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = rows.map((row) => columns.map((column) => String(row[column] ?? "")));
  const header = columns.map((column) => column.toUpperCase());
  const widths = columns.map((_, index) =>
    Math.max(...[header, ...cells].map((line) => (line[index] ?? "").length)),
  );
  const pad = (line: readonly string[]) =>
    line
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd();
  return [bold(pad(header)), ...cells.map(pad)].join("\n");
}

export function write(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Progress and remarks go to standard error, so that standard output stays data. */
export function remark(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** For standard output. */
export function bold(text: string): string {
  return wantsColour(process.env, process.stdout) ? styleText("bold", text, FORCED) : text;
}

/** For standard error. */
export function red(text: string): string {
  return wantsColour(process.env, process.stderr) ? styleText("red", text, FORCED) : text;
}

/** `wantsColour` has decided; styleText would look at standard output for every text. */
const FORCED = { validateStream: false } as const;

/** A terminal, and neither NO_COLOR (https://no-color.org: set and not empty) nor a dumb one. */
export function wantsColour(
  environment: Readonly<Record<string, string | undefined>>,
  stream: { readonly isTTY?: boolean },
): boolean {
  const isRefused = (environment["NO_COLOR"] ?? "") !== "" || environment["TERM"] === "dumb";
  return !isRefused && stream.isTTY === true;
}

/** What a person sees of a failure: the message; the stack of a bug alone, for the report. */
export function describeFailure(error: unknown): string {
  if (error instanceof StreamError) {
    return error.code === "internal" ? `${error.message}\n${error.stack ?? ""}` : error.message;
  }
  if (!(error instanceof Error)) return String(error);
  // What the system refused is no bug of ours: its message names the call and the path.
  return "syscall" in error ? error.message : (error.stack ?? error.message);
}
