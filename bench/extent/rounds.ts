// What a run measures, round by round, and the figures of it that the results file keeps.
import { median } from '../shared/numbers.js';
import type { Tail, TimedAxis, Timing } from './axes.js';
import { PIN_AXES, type PinAxis, type PinRow } from './pin-axes.js';
import { drawnTail, OURS, type RowResult, type Scenario } from './results.js';

export interface MeasuredRow extends Omit<RowResult, 'times' | 'tail' | 'clock'> {
  /** ns an operation, one figure a round, in the order of the rounds. */
  readonly rounds: Partial<Record<TimedAxis, number[]>>;
  tail?: Tail;
  clock?: Tail;
}

export interface MeasuredScenario extends Omit<Scenario, 'rows'> {
  readonly rows: MeasuredRow[];
}

export interface MeasuredPinRow extends Omit<PinRow, 'times'> {
  readonly rounds: Record<PinAxis, number[]>;
}

/** Ratios are taken within a round, in which both were measured one after the other. */
function timing(rounds: readonly number[], ours: readonly number[] | undefined): Timing {
  const ratios = rounds.slice(0, ours?.length ?? 0).map((ns, round) => ns / ours![round]!);
  return {
    best: Math.min(...rounds),
    median: median(rounds),
    ...(ratios.length > 0 && { timesOurs: median(ratios) }),
  };
}

function rowOf({ rounds, tail, clock, ...row }: MeasuredRow, ours: MeasuredRow | undefined): RowResult {
  const times: Partial<Record<TimedAxis, Timing>> = {};
  for (const [axis, measured] of Object.entries(rounds) as [TimedAxis, number[]][])
    if (measured.length > 0) times[axis] = timing(measured, ours?.rounds[axis]);
  const result: RowResult = { ...row, times };
  if (tail !== undefined) result.tail = tail;
  if (clock !== undefined) {
    const { curve: _, ...quantiles } = clock;
    result.clock = quantiles;
  }
  return result;
}

/** Of the curves of the tails those remain that are drawn. */
export function scenariosOf(measured: readonly MeasuredScenario[]): Scenario[] {
  const scenarios = measured.map(scenario => {
    const ours = scenario.rows.find(row => row.name === OURS);
    return { ...scenario, rows: scenario.rows.map(row => rowOf(row, ours)) };
  });
  const drawn = drawnTail(scenarios);
  for (const scenario of scenarios) {
    if (scenario === drawn) continue;
    for (const row of scenario.rows) {
      if (row.tail === undefined) continue;
      const { curve: _, ...quantiles } = row.tail;
      row.tail = quantiles;
    }
  }
  return scenarios;
}

export function pinRowsOf(measured: readonly MeasuredPinRow[]): PinRow[] {
  return measured.map(({ rounds, ...row }) => {
    const ours = measured.find(other => other.name === OURS && other.pins === row.pins);
    const times = PIN_AXES.map(axis => [axis, timing(rounds[axis], ours?.rounds[axis])] as const);
    return { ...row, times: Object.fromEntries(times) as Record<PinAxis, Timing> };
  });
}
