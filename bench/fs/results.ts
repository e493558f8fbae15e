// A results file: figures of every contender over the rounds, and what is made of them.
import type { Machine } from '../shared/machine.js';
import { median } from '../shared/numbers.js';
import type { Contender, Sample } from './contenders.js';
import { GOALS, type Goal } from './goals.js';

/** Ours and what `--against` names; with a keeper and without. */
const PAIRS: readonly (readonly [Contender, Contender])[] = [
  ['leasefs direct', 'against direct'],
  ['leasefs pooled', 'against pooled'],
  ['kept direct', 'leasefs direct'],
  ['kept pooled', 'leasefs pooled'],
];

interface Of {
  readonly operation: string;
  readonly threads: number;
}

/** What a run measures. */
export interface MeasuredRow extends Of {
  /** By contender, a sample a round; none where the filesystem cannot do it. */
  readonly rounds: Partial<Record<Contender, readonly Sample[]>>;
}

/** What the results file keeps of it. */
export interface Row extends Of {
  /** Medians over the rounds, ns a call. */
  readonly times: Partial<Record<Contender, Sample>>;
  /** By `ours / over` of the goals: the median of the ratios within a round. */
  readonly ratios: Readonly<Record<string, number>>;
}

/** By call: bytes that it leaves on our heap, and ns that it takes without the kernel (garbage.ts). */
export type Garbage = Readonly<Record<string, { readonly bytes: number; readonly ns: number }>>;

export interface Results {
  readonly machine: Machine;
  readonly libfuse: string;
  readonly quick: boolean;
  readonly rows: readonly Row[];
  readonly mountMs: Partial<Record<Contender, number>>;
  /** Private memory of the server for an empty file and its name, bytes. */
  readonly bytesAFile: Partial<Record<Contender, number>>;
  readonly garbage: Garbage;
  /** The same where a journal is written for a keeper; older results have none. */
  readonly kept?: Garbage;
}

export type Figure = 'median' | 'p99';

const pairOf = (ours: Contender, over: Contender): string => `${ours} / ${over}`;
const isOf = ({ operation, threads }: Of, goal: Goal): boolean =>
  operation === goal.operation && threads === 1;

export function rowOf(measured: MeasuredRow): Row {
  const { operation, threads, rounds } = measured;
  const times: Partial<Record<Contender, Sample>> = {};
  for (const [contender, samples] of Object.entries(rounds) as [Contender, Sample[]][])
    times[contender] = { median: median(samples.map(s => s.median)), p99: median(samples.map(s => s.p99)) };
  const ratios: Record<string, number> = {};
  const goals = GOALS.filter(goal => isOf(measured, goal)).map(({ ours, over }) => [ours, over] as const);
  for (const [ours, over] of [...goals, ...PAIRS]) {
    const [mine, theirs] = [rounds[ours], rounds[over]];
    if (mine === undefined || theirs === undefined || mine.length === 0) continue;
    ratios[pairOf(ours, over)] = median(mine.map((sample, round) => sample.median / theirs[round]!.median));
  }
  return { operation, threads, times, ratios };
}

/** ns a call. */
export const figure = (row: Row, contender: Contender, which: Figure): number | undefined =>
  row.times[contender]?.[which];

export interface Judged extends Goal {
  /** Undefined when one of the two was not measured. */
  readonly ratio: number | undefined;
}

export const judge = (results: Results): readonly Judged[] =>
  GOALS.map(goal => ({
    ...goal,
    ratio: results.rows.find(row => isOf(row, goal))?.ratios[pairOf(goal.ours, goal.over)],
  }));

/** Of each of PAIRS: nothing without `--against` and `--kept`. */
export const compared = (
  results: Results,
): readonly (Of & { readonly ratios: readonly (number | undefined)[] })[] =>
  results.rows
    .map(({ operation, threads, ratios }) => ({
      operation,
      threads,
      ratios: PAIRS.map(pair => ratios[pairOf(...pair)]),
    }))
    .filter(row => row.ratios.some(ratio => ratio !== undefined));
