// Medians, and how figures are written.

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** Three digits: 1.23, 12.3, 123, 1.23k, 12.3k. */
export function short(value: number): string {
  if (value < 0.005) return '0';
  for (const unit of ['', 'k', 'M', 'G']) {
    if (value < 9.995) return value.toFixed(2) + unit;
    if (value < 99.95) return value.toFixed(1) + unit;
    if (value < 999.5) return value.toFixed(0) + unit;
    value /= 1000;
  }
  return 'many';
}

export const DASH = '–';

/** Columns, the first to the left and the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => (row[column] ?? '').length)));
  return rows
    .map(row =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A results file: a line a figure, but pairs of numbers on one. */
export const jsonOf = (results: object): string =>
  `${JSON.stringify(results, null, 1).replace(/\[\s+([\d.e+-]+),\s+([\d.e+-]+)\s+\]/g, '[$1, $2]')}\n`;

/** The value of `--name=value`. */
export function option(name: string): string | undefined {
  const prefix = `--${name}=`;
  return process.argv.find(arg => arg.startsWith(prefix))?.slice(prefix.length);
}
