// What is measured. Times are ns an operation, the median of the batches of one round.
import { PATTERNS, type Pattern } from './workload.js';

export const TIMED = [
  'lookup random',
  'lookup wide',
  'translate random',
  'translate wide',
  'translate zipf',
  'translate sequential',
  'mix',
  'mix wide',
  'fiemap 64',
  'insert random',
] as const;
export type TimedAxis = (typeof TIMED)[number];

export const patternOf = (axis: TimedAxis): Pattern => PATTERNS.find(name => axis.endsWith(name)) ?? 'random';

/** One axis of one row, over the rounds. */
export interface Timing {
  /** ns an operation: the best round, and the median. */
  readonly best: number;
  readonly median: number;
  /** Times of ours: the median of the ratios within a round. Undefined where ours was not measured. */
  readonly timesOurs?: number;
}

/** Latencies of single changes, ns. */
export interface Tail {
  readonly changes: number;
  readonly p50: number;
  readonly p999: number;
  readonly p9999: number;
  readonly max: number;
  /** Quantiles for drawing: [share of the changes that took no longer, ns]. */
  readonly curve: readonly (readonly [number, number])[];
}

/** Bytes of garbage an operation. */
export interface Garbage {
  readonly lookup: number;
  readonly translate?: number;
  readonly mix?: number;
  readonly fiemap?: number;
}

/** What is asked of a contestant's process. `ms`: how long to measure. */
export type Ask =
  | { readonly ask: 'check'; readonly name: string; readonly seed: number }
  | {
      readonly ask: 'load';
      readonly name: string;
      readonly shape: string;
      readonly count: number;
      readonly seed: number;
    }
  | { readonly ask: 'time'; readonly axis: TimedAxis; readonly ms: number }
  | { readonly ask: 'garbage' }
  | { readonly ask: 'tail'; readonly changes: number }
  | { readonly ask: 'verify' };

/** What it answers. `cannot`: why there is a dash. */
export type Answer =
  | { readonly cannot: string }
  | { readonly axes: readonly TimedAxis[]; readonly bytesAnExtent: number }
  | { readonly ns: number }
  | { readonly garbage: Garbage }
  | { readonly tail: Tail; readonly clock: Tail }
  | { readonly right: true };
