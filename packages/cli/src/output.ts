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

export function bold(text: string): string {
  return colours() ? styleText("bold", text) : text;
}

export function red(text: string): string {
  return colours() ? styleText("red", text) : text;
}

function colours(): boolean {
  return process.env["NO_COLOR"] === undefined && process.stdout.isTTY;
}

/** What a person sees of a failure: the message, and for a bug the way to report it. */
export function describeFailure(error: unknown): string {
  if (error instanceof StreamError) {
    return error.code === "internal" ? `${error.message}\n${error.stack ?? ""}` : error.message;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
