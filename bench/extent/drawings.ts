// The two drawings, from a results file: time of a look-up over the number of extents, and how long the slowest changes take.
import { machineLine } from '../shared/machine.js';
import { type Line, svgOf } from '../shared/plot.js';
import { TITLES } from './contestant.js';
import { best, drawnTail, OURS, type Results } from './results.js';

const FLOORS = ['flat-table', 'two-level-table'];

/** Translate, or lookup where a contestant knows no runs. */
export function lookupSvg(results: Results): string {
  const fragmented = results.scenarios
    .filter(s => s.shape === 'fragmented')
    .sort((a, b) => a.count - b.count);
  const names = [...new Set(fragmented.flatMap(s => s.rows.map(row => row.name)))];
  const lines = names.map((name): Line => {
    const points = fragmented.flatMap(({ count, rows }): [number, number][] => {
      const row = rows.find(row => row.name === name);
      const ns = best(row, 'translate random') ?? best(row, 'lookup random');
      return ns === undefined ? [] : [[count, ns]];
    });
    return { name: TITLES[name], points, ours: name === OURS, floor: FLOORS.includes(name) };
  });
  return svgOf({
    title: 'Where is this block? Random look-ups with run length',
    subtitle: machineLine(results.machine),
    x: 'extents',
    y: 'ns',
    xType: 'log',
    yType: 'log',
    markers: true,
    lines: lines.filter(({ points }) => points.length > 0),
  });
}

export function tailSvg(results: Results): string {
  const scenario = drawnTail(results.scenarios);
  const lines = (scenario?.rows ?? []).flatMap(({ name, tail }): Line[] =>
    tail?.curve === undefined
      ? []
      : [
          {
            name: TITLES[name],
            points: tail.curve.map(([share, ns]) => [ns / 1000, 100 * (1 - share)]),
            ours: name === OURS,
          },
        ],
  );
  return svgOf({
    title: `One punch or map in a file of ${scenario?.count ?? 0} extents: how many take longer`,
    subtitle: machineLine(results.machine),
    x: 'us',
    y: '% of the changes that take longer',
    xType: 'log',
    yType: 'log',
    markers: false,
    lines,
  });
}
