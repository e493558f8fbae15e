// The targets: what the map has to reach in one run, as ratios where there is something to compare with.
import { short } from '../shared/numbers.js';
import type { RowName } from './contestant.js';
import { best, OURS, type Results, rowOf, scenarioOf, timesOurs } from './results.js';

export interface Target {
  readonly what: string;
  readonly wanted: string;
  /** Undefined: was not measured in this run. */
  readonly measured: string | undefined;
  readonly reached: boolean;
}

export function targetsOf(results: Results): Target[] {
  const targets: Target[] = [];
  const at = (count: number) => scenarioOf(results, 'fragmented', count);
  const ours = (count: number) => rowOf(at(count), OURS);

  const atLeast = (what: string, wanted: number, measured: number | undefined) =>
    targets.push({
      what,
      wanted: `>= ${wanted}x`,
      measured: measured === undefined ? undefined : `${short(measured)}x`,
      reached: measured !== undefined && measured >= wanted,
    });
  const atMost = (
    what: string,
    wanted: number,
    unit: string,
    measured: number | undefined,
    digits = 2,
    floor = '',
  ) =>
    targets.push({
      what,
      wanted: `<= ${wanted}${unit}`,
      measured: measured === undefined ? undefined : `${measured.toFixed(digits)}${unit}${floor}`,
      // As it is shown: 4.133 bytes, the least that a page and its entry can take, are 4.13.
      reached: measured !== undefined && Number(measured.toFixed(digits)) <= wanted,
    });
  const faster = (axis: 'lookup random' | 'translate random' | 'mix', than: RowName, count: number) =>
    timesOurs(rowOf(at(count), than), axis);

  for (const count of [100_000, 1_000_000]) {
    const n = short(count);
    atLeast(`translate over sorted-btree, ${n}`, 45, faster('translate random', 'sorted-btree', count));
    // sorted-btree has no cheaper question than the one that finds the extent.
    atLeast(`lookup over sorted-btree, ${n}`, 100, faster('lookup random', 'sorted-btree', count));
    atLeast(`lookup over the C AVX2 tree, ${n}`, 3, faster('lookup random', 'c-avx2-btree', count));
    atLeast(`mix over sorted-btree, ${n}`, count === 100_000 ? 35 : 50, faster('mix', 'sorted-btree', count));
  }
  for (const count of [1000, 100_000, 1_000_000]) {
    const floor = timesOurs(rowOf(at(count), 'two-level-table'), 'lookup random');
    const times = floor === undefined ? undefined : 1 / floor;
    atMost(`lookup to the bare two-level table, ${short(count)}`, 1.25, 'x', times);
  }
  for (const count of [1000, 100_000, 1_000_000]) {
    atMost(`mix, ${short(count)}`, 55, ' ns', best(ours(count), 'mix'), 1);
  }
  for (const [count, wanted] of [
    [1000, 7],
    [100_000, 10],
    [1_000_000, 20],
  ] as const) {
    atMost(`translate, ${short(count)}`, wanted, ' ns', best(ours(count), 'translate random'), 1);
  }
  const large = ours(1_000_000) === undefined ? 100_000 : 1_000_000;
  const [mixSmall, mixLarge] = [ours(1000), ours(large)].map(row => row?.times.mix?.median);
  const flat = mixSmall === undefined || mixLarge === undefined ? undefined : mixLarge / mixSmall;
  atMost(`mix is flat, 1k to ${short(large)}`, 1.5, 'x', flat);
  atMost('sequential translate, 100k', 12, ' ns', best(ours(100_000), 'translate sequential'), 1);
  atMost('fiemap of 64 extents, 100k', 800, ' ns', best(ours(100_000), 'fiemap 64'), 0);
  atMost('a random insert, 100k', 250, ' ns', best(ours(100_000), 'insert random'), 0);
  const { garbage, tail, clock, bytesAnExtent } = ours(100_000) ?? {};
  const most = garbage && Math.max(...Object.values(garbage));
  atMost('garbage an operation, any', 0.1, ' B', most);
  const scenario = at(100_000);
  // Of the whole file: a dense page pays for the holes in it too.
  const bytesABlock = scenario && bytesAnExtent && (bytesAnExtent * scenario.count) / scenario.end;
  atMost('memory a 4 KiB block of the file, fragmented', 4.13, ' B', bytesABlock);
  atMost('memory an extent, fragmented', 45, ' B', bytesAnExtent, 1);
  const us = (ns: number | undefined) => (ns === undefined ? undefined : ns / 1000);
  const nothing = (ns: number | undefined) => (ns === undefined ? '' : ` (nothing: ${us(ns)!.toFixed(2)})`);
  atMost('a change, 100k: median', 0.2, ' us', us(tail?.p50), 2, nothing(clock?.p50));
  atMost('a change, 100k: 99.9 %', 1, ' us', us(tail?.p999), 2, nothing(clock?.p999));
  atMost('a change, 100k: 99.99 %', 10, ' us', us(tail?.p9999), 2, nothing(clock?.p9999));
  return targets;
}
