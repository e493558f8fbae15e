// A results file: every round of every contender, and what is made of them.
import type { Machine } from '../shared/machine.js';
import { median } from '../shared/numbers.js';
import type { Contender, Sample } from './contenders.js';
import { GOALS, type Goal } from './goals.js';

export interface Row {
  readonly operation: string;
  readonly threads: number;
  /** By contender, a sample a round; none where the filesystem cannot do it. */
  readonly rounds: Partial<Record<Contender, readonly Sample[]>>;
}

/** By request: bytes that it leaves on our heap, and ns that it takes without the kernel (garbage.ts). */
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
}

export type Figure = 'median' | 'p99';

/** Median of the rounds, ns a call. */
export function figure(row: Row, contender: Contender, which: Figure): number | undefined {
  const samples = row.rounds[contender];
  return samples === undefined || samples.length === 0 ? undefined : median(samples.map(s => s[which]));
}

/** The median of the ratios within a round. */
export function ratio(row: Row, ours: Contender, over: Contender): number | undefined {
  const [mine, theirs] = [row.rounds[ours], row.rounds[over]];
  if (mine === undefined || theirs === undefined || mine.length === 0) return undefined;
  return median(mine.map((sample, round) => sample.median / theirs[round]!.median));
}

export interface Judged extends Goal {
  /** Undefined when one of the two was not measured. */
  readonly ratio: number | undefined;
}

export const judge = (results: Results): readonly Judged[] =>
  GOALS.map(goal => {
    const row = results.rows.find(row => row.operation === goal.operation && row.threads === 1);
    return { ...goal, ratio: row && ratio(row, goal.ours, goal.over) };
  });
