// The tables and the drawing, from a results file.
import { barsSvg } from '../shared/bars.js';
import { machineLine } from '../shared/machine.js';
import { DASH, short, table } from '../shared/numbers.js';
import { CONTENDERS } from './contenders.js';
import { compared, type Figure, figure, type Garbage, judge, type Results, type Row } from './results.js';

const titleOf = (row: Pick<Row, 'operation' | 'threads'>): string =>
  row.operation + (row.threads > 1 ? ` x${row.threads}` : '');
const us = (ns: number | undefined): string =>
  ns === undefined ? DASH : ns < 100 ? (ns / 1000).toFixed(4) : short(ns / 1000);

function times(results: Results, which: Figure): string {
  return table([
    [`us, ${which}`, ...CONTENDERS],
    ...results.rows.map(row => [titleOf(row), ...CONTENDERS.map(name => us(figure(row, name, which)))]),
  ]);
}

const garbageOf = (found: Garbage[string] | undefined): string[] => [
  found?.bytes.toFixed(1) ?? DASH,
  found?.ns.toFixed(0) ?? DASH,
];

export function reportOf(results: Results): string {
  const goals = judge(results).map(({ operation, ours, over, most, ratio }) => [
    `${operation}: ${ours} / ${over}`,
    ratio === undefined ? DASH : ratio.toFixed(2),
    `<= ${most}`,
    ratio === undefined ? 'not measured' : ratio <= most ? 'pass' : 'MISS',
  ]);
  const { mountMs, bytesAFile } = results;
  const against = compared(results).map(row => [
    titleOf(row),
    ...row.ratios.map(ratio => ratio?.toFixed(3) ?? DASH),
  ]);
  return [
    `${machineLine(results.machine)}, libfuse ${results.libfuse}${results.quick ? ', --quick' : ''}`,
    times(results, 'median'),
    times(results, 'p99'),
    table([
      ['server', ...CONTENDERS],
      ['time to mount, ms', ...CONTENDERS.map(name => short(mountMs[name] ?? 0))],
      ['memory a file, bytes', ...CONTENDERS.map(name => bytesAFile[name]?.toFixed(0) ?? DASH)],
    ]),
    table([
      ['without the kernel', 'garbage, bytes', 'ns', 'kept: garbage, bytes', 'ns'],
      ...Object.entries(results.garbage).map(([name, without]) => [
        name,
        ...garbageOf(without),
        ...garbageOf(results.kept?.[name]),
      ]),
    ]),
    table([['goal', 'ratio', 'at most', ''], ...goals]),
    ...(against.length > 0
      ? [
          table([
            ['', 'direct / against', 'pooled / against', 'kept direct / direct', 'kept pooled / pooled'],
            ...against,
          ]),
        ]
      : []),
  ].join('\n\n');
}

/** Medians of one thread of every contender. */
export function drawingOf(results: Results): string {
  const rows = results.rows.filter(row => row.threads === 1);
  return barsSvg({
    title: 'One call, client and server on one CPU',
    subtitle: machineLine(results.machine),
    value: 'us (median)',
    categories: rows.map(titleOf),
    series: CONTENDERS.map(name => ({
      name,
      values: rows.map(row => {
        const ns = figure(row, name, 'median');
        return ns === undefined ? null : ns / 1000;
      }),
    })),
  });
}
