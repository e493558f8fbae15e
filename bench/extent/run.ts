// Runs the scenarios: starts every contestant, then goes round them, one measurement each, again and again.
import { join } from 'node:path';
import { PinnedProcess } from '../shared/pinned-process.js';
import type { TimedAxis } from './axes.js';
import { TIMED } from './axes.js';
import { NATIVE, ROWS, type RowName } from './contestant.js';
import { NativeRow } from './native-row.js';
import { PIN_AXES, PIN_CONTESTANTS, type PinAnswer, type PinAsk } from './pin-axes.js';
import type { MeasuredPinRow, MeasuredRow, MeasuredScenario } from './rounds.js';
import { NodeRow, type Row, SEED } from './row.js';
import { extentsOf, randomFrom, type Shape } from './workload.js';

export interface Plan {
  readonly shape: Shape;
  readonly count: number;
  /** All contestants if left out. */
  readonly only?: readonly RowName[];
}

export interface Effort {
  /** Of each axis, after one that does not count. */
  readonly rounds: number;
  /** Of random inserts, each into a new map. */
  readonly insertRounds: number;
  /** A measurement takes so long, ms. */
  readonly ms: number;
  readonly tail: number;
}

export type Progress = (what: string) => void;

/** @param noNative why the C program is missing. */
export async function runScenario(
  { shape, count, only }: Plan,
  effort: Effort,
  noNative: string | undefined,
  progress: Progress,
): Promise<MeasuredScenario> {
  const names = ROWS.filter(name => only === undefined || only.includes(name));
  const what = `${shape}, ${count} extents`;
  const results: MeasuredRow[] = [];
  const running: { readonly row: Row; readonly result: MeasuredRow; readonly axes: readonly TimedAxis[] }[] =
    [];
  const { end } = extentsOf(shape, count, randomFrom(SEED + 1));
  try {
    for (const name of names) {
      progress(`${what}: loading and checking ${name}`);
      const result: MeasuredRow = { name, rounds: {} };
      results.push(result);
      if (name === NATIVE && noNative !== undefined) {
        result.cannot = noNative;
        continue;
      }
      const row = name === NATIVE ? new NativeRow() : new NodeRow(name);
      const loaded = await row.load(shape, count);
      if ('axes' in loaded) {
        result.bytesAnExtent = loaded.bytesAnExtent;
        running.push({ row, result, axes: loaded.axes });
      } else {
        result.cannot = 'cannot' in loaded ? loaded.cannot : 'it did not load';
        await row.close();
      }
    }
    for (const axis of TIMED) {
      // Inserts that take long are warm by themselves.
      const inserts = axis === 'insert random' && count > 10_000;
      const rounds = inserts ? effort.insertRounds : effort.rounds + 1;
      /** Who cannot do it after all. */
      const unable = new Set<Row>();
      for (let round = 0; round < rounds; round++) {
        progress(`${what}: ${axis}, round ${round + 1} of ${rounds}`);
        for (const { row, result, axes } of running) {
          if (!axes.includes(axis) || unable.has(row)) continue;
          const answer = await row.time(axis, effort.ms);
          if (!('ns' in answer)) {
            unable.add(row);
            continue;
          }
          result.rounds[axis] ??= [];
          // The first round warms up.
          if (round > 0 || inserts) result.rounds[axis].push(answer.ns);
        }
      }
    }
    for (const { row, result } of running) {
      progress(`${what}: garbage and tail of ${row.name}`);
      const garbage = await row.garbage();
      if ('garbage' in garbage) result.garbage = garbage.garbage;
      const tail = await row.tail(effort.tail);
      if ('tail' in tail) {
        result.tail = tail.tail;
        result.clock = tail.clock;
      }
    }
  } finally {
    for (const { row } of running) await row.close();
  }
  return { shape, count, end, rows: results };
}

const PIN_SCRIPT = join(import.meta.dirname, 'pin-process.js');

export async function runPins(
  pins: number,
  { rounds, ms }: Effort,
  progress: Progress,
): Promise<readonly MeasuredPinRow[]> {
  const rows: MeasuredPinRow[] = [];
  const processes: PinnedProcess<PinAsk, PinAnswer>[] = [];
  try {
    for (const name of PIN_CONTESTANTS) {
      progress(`${pins} pins: loading and checking ${name}`);
      const child = new PinnedProcess<PinAsk, PinAnswer>(name, PIN_SCRIPT);
      processes.push(child);
      const loaded = await child.ask({ ask: 'load', name, pins });
      if (!('insertNs' in loaded)) throw new Error(`${name} did not load`);
      const none = { 'overlaps, met': [], 'overlaps, not met': [], 'remove and insert': [] };
      rows.push({ name, pins, ...loaded, rounds: none });
    }
    for (const axis of PIN_AXES) {
      for (let round = 0; round <= rounds; round++) {
        progress(`${pins} pins: ${axis}, round ${round + 1}`);
        for (const [i, row] of rows.entries()) {
          const answer = await processes[i]!.ask({ ask: 'time', axis, ms });
          if ('ns' in answer && round > 0) row.rounds[axis].push(answer.ns);
        }
      }
    }
  } finally {
    for (const child of processes) await child.close();
  }
  return rows;
}
