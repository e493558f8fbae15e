// What is measured of an index of pinned ranges.
import type { Timing } from './axes.js';

export const PIN_AXES = ['overlaps, met', 'overlaps, not met', 'remove and insert'] as const;
export type PinAxis = (typeof PIN_AXES)[number];

export const PIN_CONTESTANTS = ['leasefs', 'flatten-interval-tree'] as const;
export type PinContestant = (typeof PIN_CONTESTANTS)[number];

export type PinAsk =
  | { readonly ask: 'load'; readonly name: PinContestant; readonly pins: number }
  | { readonly ask: 'time'; readonly axis: PinAxis; readonly ms: number };

/** Answers to `load` (ns an insert into the growing index, bytes a pin) and to `time`. */
export type PinAnswer = { readonly insertNs: number; readonly bytesAPin: number } | { readonly ns: number };

export interface PinRow {
  readonly name: PinContestant;
  readonly pins: number;
  readonly insertNs: number;
  readonly bytesAPin: number;
  readonly times: Record<PinAxis, Timing>;
}
