import { toShownLine } from "../../domain/shown-text.js";
import type { Output } from "./output.js";

export interface Column<T> {
  readonly title: string;
  format(row: T): string;
}

const GAP = "  ";

/**
 * Prints rows in columns. A terminal also gets titles, lines cut to its width, and `none` instead of an empty table; elsewhere the output
 * is the rows alone.
 */
export function printTable<T>(out: Output, rows: readonly T[], columns: readonly Column<NoInfer<T>>[], none: string): void {
  const { isTTY, columns: width } = process.stdout;
  if (rows.length === 0 && isTTY) out.remark(none);
  out.print(rows, rows.length === 0 ? "" : formatTable(rows, columns, isTTY ? { titles: true, width } : { titles: false }));
}

/** Aligns the rows, each of which is one line whatever its texts are. */
export function formatTable<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  { titles, width }: { readonly titles: boolean; readonly width?: number | undefined },
): string {
  const cells = rows.map((row) => columns.map((column) => toShownLine(column.format(row))));
  const lines = titles ? [columns.map(({ title }) => title.toUpperCase()), ...cells] : cells;
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => countCharacters(line[at] ?? ""))));
  return lines
    .map((line) => line.map((cell, at) => (at === columns.length - 1 ? cell : padText(cell, widths[at] ?? 0))).join(GAP))
    .map((line) => (width === undefined ? line : cutText(line, width)))
    .join("\n");
}

function countCharacters(text: string): number {
  return [...text].length;
}

function padText(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - countCharacters(text)));
}

function cutText(text: string, width: number): string {
  return countCharacters(text) <= width ? text : `${[...text].slice(0, width - 1).join("")}…`;
}
