// Tables as lslocks prints them: a header in capitals, columns as wide as their widest cell, two spaces between, the
// last column as long as it is.
import { printable } from '../base/words.js';

export interface Column<Row> {
  readonly title: string;
  readonly right?: boolean;
  /** Several texts stand below each other. */
  readonly cell: (row: Row) => string | readonly string[];
}

/** Lines; the last column is not padded, and no line ends in spaces. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  const lines = [columns.map(column => column.title), ...rows.flatMap(row => linesOf(columns, row))];
  const widths = columns.map((_, n) => Math.max(...lines.map(line => width(line[n]!))));
  return lines.map(line =>
    line
      .map((text, n) => {
        const pad = ' '.repeat(widths[n]! - width(text));
        return columns[n]!.right === true ? pad + text : text + pad;
      })
      .join('  ')
      .trimEnd(),
  );
}

function linesOf<Row>(columns: readonly Column<Row>[], row: Row): string[][] {
  const cells = columns.map(column => [column.cell(row)].flat().map(printable));
  const height = Math.max(...cells.map(texts => texts.length));
  return Array.from({ length: height }, (_, n) => cells.map(texts => texts[n] ?? ''));
}

/** Two-column list: names padded, texts after them. */
export function pairs(rows: readonly (readonly [string, string])[], indent = ''): string[] {
  const widest = Math.max(...rows.map(([name]) => width(name)));
  return rows.map(([name, text]) => `${indent}${name}${' '.repeat(widest - width(name))}  ${text}`.trimEnd());
}

const width = (text: string): number => [...text].length;
