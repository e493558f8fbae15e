// The results as tables for a terminal. Ratios come first: how many times as long a row takes as ours.
import { machineLine } from '../shared/machine.js';
import { DASH, short, table } from '../shared/numbers.js';
import { TIMED } from './axes.js';
import { TITLES } from './contestant.js';
import { PIN_AXES } from './pin-axes.js';
import { best, OURS, type Results, type RowResult, type Scenario, timesOurs } from './results.js';
import { targetsOf } from './targets.js';

const cell = (times: number | undefined, figure: number | undefined): string =>
  figure === undefined ? DASH : `${times === undefined ? '' : `${short(times)}x `}(${short(figure)})`;

function scenarioTable({ rows, shape, count }: Scenario): string {
  const ours = rows.find(row => row.name === OURS);
  const line = (row: RowResult): string[] => {
    const { garbage, tail, bytesAnExtent } = row;
    const own = ours?.bytesAnExtent;
    return [
      TITLES[row.name],
      ...TIMED.map(axis => cell(timesOurs(row, axis), best(row, axis))),
      bytesAnExtent === undefined
        ? DASH
        : cell(own === undefined ? undefined : bytesAnExtent / own, bytesAnExtent),
      garbage?.translate === undefined ? DASH : short(garbage.translate),
      garbage?.mix === undefined ? DASH : short(garbage.mix),
      ...[tail?.p50, tail?.p999, tail?.max].map(ns => (ns === undefined ? DASH : short(ns / 1000))),
    ];
  };
  const head = [
    `${shape}, ${short(count)} extents`,
    ...TIMED,
    'bytes an extent',
    'garbage: translate',
    'mix, B',
    'a change: p50',
    'p99.9',
    'max, us',
  ];
  const missing = rows.filter(row => row.cannot !== undefined);
  return [
    table([head, ...rows.filter(row => row.cannot === undefined).map(line)]),
    ...missing.map(row => `${TITLES[row.name]}: ${DASH} (${row.cannot})`),
  ].join('\n');
}

function pinTable({ pins }: Results): string {
  const head = ['index of pinned ranges', 'pins', ...PIN_AXES, 'insert, growing', 'bytes a pin'];
  const rows = pins.map(row => {
    const ours = pins.find(other => other.name === 'leasefs' && other.pins === row.pins);
    return [
      row.name,
      short(row.pins),
      ...PIN_AXES.map(axis => cell(row.times[axis].timesOurs, row.times[axis].best)),
      cell(ours && row.insertNs / ours.insertNs, row.insertNs),
      cell(ours && row.bytesAPin / ours.bytesAPin, row.bytesAPin),
    ];
  });
  return table([head, ...rows]);
}

export function report(results: Results): string {
  const targets = targetsOf(results).filter(({ measured }) => measured !== undefined);
  const rows = targets.map(t => [t.what, t.wanted, t.measured!, t.reached ? 'pass' : 'MISS']);
  return [
    'Times of ours, the median over the rounds; in brackets ns an operation, the best round. – : it cannot do that.',
    ...results.scenarios.map(scenarioTable),
    ...(results.pins.length > 0 ? [pinTable(results)] : []),
    table([['target', 'wanted', 'measured', ''], ...rows]),
    machineLine(results.machine),
  ].join('\n\n');
}

/** For the README: one size in Markdown. */
export function markdown(results: Results): string {
  const { scenarios } = results;
  const scenario = scenarios.find(s => s.shape === 'fragmented' && s.count === 100_000) ?? scenarios[0];
  const axes = TIMED.map(
    axis => [axis, (row: RowResult) => cell(timesOurs(row, axis), best(row, axis))] as const,
  );
  const head = `| ${['', ...axes.map(([axis]) => axis), 'bytes an extent'].join(' | ')} |`;
  const rows = (scenario?.rows ?? [])
    .filter(row => row.cannot === undefined)
    .map(row => {
      const bytes = row.bytesAnExtent === undefined ? DASH : short(row.bytesAnExtent);
      return `| ${[TITLES[row.name], ...axes.map(([, figure]) => figure(row)), bytes].join(' | ')} |`;
    });
  return [head, `|${'---|'.repeat(axes.length + 2)}`, ...rows].join('\n');
}
