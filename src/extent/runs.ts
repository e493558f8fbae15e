// Run containers: a segment of few runs, 4 of them in 8 words or 16 in 32 words (half a cache line, or two).
// Counterpart: the leaf of XFS's extent tree; the search is branchless, since a mispredicted branch costs more.
//
//   words 0 .. width - 1           keys, rising: start << 16 | length    (start 0 to 511, length 1 to 512)
//   words width .. 2 width - 1     the value of each run's first block
//
// Holes are not stored. Unused keys are UNUSED, which sorts behind all and begins where the segment ends.
import { type ExtentArena, LARGE, SMALL, type UnitSize } from './arena.js';
import { ahead, HOLE, runsEntry, runsUnit, runsWidth, SEGMENT } from './entry.js';

export const SMALL_WIDTH = 4;
export const LARGE_WIDTH = 16;
const UNUSED = SEGMENT << 16;

/** What `replaceInRuns` answers when the unit has no room for the result; then nothing was changed. No entry is this. */
export const NO_ROOM = 2;

export const startOf = (key: number): number => key >> 16;
export const lengthOf = (key: number): number => key & 0xffff;
const endOf = (key: number): number => startOf(key) + lengthOf(key);
const keyOf = (start: number, length: number): number => (start << 16) | length;
const unitSize = (width: number): UnitSize => (width === LARGE_WIDTH ? LARGE : SMALL);

/** The word of the last key whose run begins at or before block `i`; that of the first key if none does. */
export function findRun(words: Int32Array, unit: number, width: number, i: number): number {
  const key = (i << 16) | 0xffff;
  let at = unit;
  if (width === LARGE_WIDTH) {
    at += ~((key - words[at + 8]!) >> 31) & 8;
    at += ~((key - words[at + 4]!) >> 31) & 4;
  }
  at += ~((key - words[at + 2]!) >> 31) & 2;
  at += ~((key - words[at + 1]!) >> 31) & 1;
  return at;
}

/** The value of block `i`. */
export function valueInRuns(words: Int32Array, entry: number, i: number): number {
  const width = runsWidth(entry);
  const at = findRun(words, runsUnit(entry), width, i);
  const key = words[at]!;
  const behind = i - startOf(key);
  return behind >= 0 && behind < lengthOf(key) ? ahead(words[at + width]!, behind) : HOLE;
}

/** How many runs there are. */
export function countRuns(words: Int32Array, unit: number, width: number): number {
  let n = 0;
  while (n < width && words[unit + n] !== UNUSED) n++;
  return n;
}

/** A container without runs. */
export function newRuns(arena: ExtentArena, width: number): number {
  const unit = arena.take(unitSize(width));
  for (let i = 0; i < width; i++) arena.words[unit + i] = UNUSED;
  return runsEntry(unit, width);
}

export function freeRuns(arena: ExtentArena, entry: number): void {
  arena.give(runsUnit(entry), unitSize(runsWidth(entry)));
}

/** Appends a run behind all others. Precondition: there is room. */
export function appendRun(words: Int32Array, entry: number, start: number, end: number, value: number): void {
  const unit = runsUnit(entry);
  const width = runsWidth(entry);
  const n = countRuns(words, unit, width);
  words[unit + n] = keyOf(start, end - start);
  words[unit + width + n] = value;
}

/** The same runs in a container of another width. Precondition: they fit. */
export function resizeRuns(arena: ExtentArena, entry: number, width: number): number {
  const { words } = arena;
  const resized = newRuns(arena, width);
  const from = runsUnit(entry);
  const to = runsUnit(resized);
  const n = countRuns(words, from, runsWidth(entry));
  for (let i = 0; i < n; i++) {
    words[to + i] = words[from + i]!;
    words[to + width + i] = words[from + runsWidth(entry) + i]!;
  }
  freeRuns(arena, entry);
  return resized;
}

/**
 * Gives [lo, hi), not the whole segment, the values from `value` on (0: punches it) and joins what has become one run.
 * Answers the entry, HOLE when no run is left, or NO_ROOM.
 */
export function replaceInRuns(
  arena: ExtentArena,
  entry: number,
  lo: number,
  hi: number,
  value: number,
): number {
  const { words } = arena;
  const unit = runsUnit(entry);
  const width = runsWidth(entry);
  const values = unit + width;

  // Runs from .. to - 1 meet [lo, hi) or touch it.
  let from = findRun(words, unit, width, lo - 1) - unit;
  if (endOf(words[unit + from]!) < lo) from++;
  let to = from;
  let dropped = 0;
  for (; to < width; to++) {
    const key = words[unit + to]!;
    if (startOf(key) > hi || key === UNUSED) break;
    dropped += Math.min(endOf(key), hi) - Math.max(startOf(key), lo);
  }

  // What is left of the first and the last of them on either side of [lo, hi).
  let leftStart = lo;
  let leftValue = HOLE;
  let rightEnd = hi;
  let rightValue = HOLE;
  if (from < to) {
    const first = words[unit + from]!;
    if (startOf(first) < lo) {
      leftStart = startOf(first);
      leftValue = words[values + from]!;
    }
    const last = words[unit + to - 1]!;
    if (endOf(last) > hi) {
      rightEnd = endOf(last);
      rightValue = ahead(words[values + to - 1]!, hi - startOf(last));
    }
  }

  // The new run, joined with these where they go on.
  let start = lo;
  let end = hi;
  let first = value;
  if (leftStart < lo && ahead(leftValue, lo - leftStart) === value) {
    start = leftStart;
    first = leftValue;
    leftStart = lo;
  }
  if (rightEnd > hi && ahead(value, hi - lo) === rightValue) {
    end = rightEnd;
    rightEnd = hi;
  }

  const pieces = (leftStart < lo ? 1 : 0) + (value !== HOLE ? 1 : 0) + (rightEnd > hi ? 1 : 0);
  const delta = pieces - (to - from);
  let n = to;
  while (n < width && words[unit + n] !== UNUSED) n++;
  if (n + delta > width) return NO_ROOM;
  arena.dropped += dropped;
  if (n + delta === 0) {
    freeRuns(arena, entry);
    return HOLE;
  }
  if (delta > 0) {
    for (let i = n - 1; i >= to; i--) {
      words[unit + i + delta] = words[unit + i]!;
      words[values + i + delta] = words[values + i]!;
    }
  } else if (delta < 0) {
    for (let i = to; i < n; i++) {
      words[unit + i + delta] = words[unit + i]!;
      words[values + i + delta] = words[values + i]!;
    }
    for (let i = n + delta; i < n; i++) words[unit + i] = UNUSED;
  }
  let at = from;
  if (leftStart < lo) {
    words[unit + at] = keyOf(leftStart, lo - leftStart);
    words[values + at++] = leftValue;
  }
  if (value !== HOLE) {
    words[unit + at] = keyOf(start, end - start);
    words[values + at++] = first;
  }
  if (rightEnd > hi) {
    words[unit + at] = keyOf(hi, rightEnd - hi);
    words[values + at] = rightValue;
  }
  return entry;
}
