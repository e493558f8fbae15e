// The results file: figures over the rounds (rounds.ts). Tables, targets and drawings are made from it.

import type { Machine } from '../shared/machine.js';
import type { Garbage, Tail, TimedAxis, Timing } from './axes.js';
import type { RowName } from './contestant.js';
import type { PinRow } from './pin-axes.js';
import type { Shape } from './workload.js';

type Quantiles = Omit<Tail, 'curve'>;

export interface RowResult {
  readonly name: RowName;
  /** Why the whole row is missing. */
  cannot?: string;
  bytesAnExtent?: number;
  readonly times: Partial<Record<TimedAxis, Timing>>;
  garbage?: Garbage;
  /** With the curve where it is drawn. */
  tail?: Quantiles & Partial<Pick<Tail, 'curve'>>;
  /** As `tail`, of nothing: what the clock and the machine's interrupts have in it. */
  clock?: Quantiles;
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

/** The largest fragmented file that all contestants changed. */
export const drawnTail = (scenarios: readonly Scenario[]): Scenario | undefined =>
  scenarios.filter(s => s.shape === 'fragmented' && s.count <= 100_000).sort((a, b) => b.count - a.count)[0];

/** ns an operation: the best round, the same rule for all. Undefined for a dash. */
export const best = (row: RowResult | undefined, axis: TimedAxis): number | undefined =>
  row?.times[axis]?.best;

/** How many times as long the row takes as ours in the same file. Undefined where one of them has a dash. */
export const timesOurs = (row: RowResult | undefined, axis: TimedAxis): number | undefined =>
  row?.times[axis]?.timesOurs;
