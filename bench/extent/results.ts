// The results file: everything that was measured, round by round. Tables, targets and drawings are made from it.

import type { Machine } from '../shared/machine.js';
import { median } from '../shared/numbers.js';
import type { Garbage, Tail, TimedAxis } from './axes.js';
import type { RowName } from './contestant.js';
import type { PinRow } from './pin-axes.js';
import type { Shape } from './workload.js';

export interface RowResult {
  readonly name: RowName;
  /** Why the whole row is missing. */
  cannot?: string;
  bytesAnExtent?: number;
  /** ns an operation, one figure a round, in the order of the rounds. */
  readonly rounds: Partial<Record<TimedAxis, number[]>>;
  garbage?: Garbage;
  tail?: Tail;
  /** As `tail`, of nothing: what the clock and the machine's interrupts have in it. */
  clock?: Tail;
}

export interface Scenario {
  readonly shape: Shape;
  readonly count: number;
  /** Blocks of the file, mapped ones and holes. */
  readonly end: number;
  readonly rows: RowResult[];
}

export interface Results {
  readonly bench: 'extent';
  readonly quick: boolean;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly scenarios: readonly Scenario[];
  readonly pins: readonly PinRow[];
  /** How long it took, s. */
  readonly seconds: number;
}

export const OURS: RowName = 'leasefs';

export const rowOf = (scenario: Scenario | undefined, name: RowName): RowResult | undefined =>
  scenario?.rows.find(row => row.name === name);

export const scenarioOf = (results: Results, shape: Shape, count: number): Scenario | undefined =>
  results.scenarios.find(s => s.shape === shape && s.count === count);

/** ns an operation: the best round, the same rule for all. Undefined for a dash. */
export function best(row: RowResult | undefined, axis: TimedAxis): number | undefined {
  const rounds = row?.rounds[axis];
  return rounds === undefined || rounds.length === 0 ? undefined : Math.min(...rounds);
}

/**
 * How many times as long the one takes as the other: the median over the rounds, in each of which both were measured
 * one after the other. Undefined where one of them has a dash.
 */
export function ratio(
  of: RowResult | undefined,
  ofAxis: TimedAxis,
  to: RowResult | undefined,
  toAxis: TimedAxis = ofAxis,
): number | undefined {
  const over = of?.rounds[ofAxis];
  const under = to?.rounds[toAxis];
  if (over === undefined || under === undefined || over.length === 0 || under.length === 0) return undefined;
  return median(over.slice(0, under.length).map((ns, round) => ns / under[round]!));
}
