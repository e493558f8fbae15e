// Run containers: a segment of few runs, 4 of them in 8 words or 16 in 32 words (half a cache line, or two).
// Counterpart: the leaf of XFS's extent tree; the search is branchless, since a mispredicted branch costs more.
//
//   words 0 .. width - 1           keys, rising: start << 16 | length    (start 0 to 511, length 1 to 512)
//   words width .. 2 width - 1     the value of each run's first block
//
// Holes are not stored. Unused keys are UNUSED, which sorts behind all and begins where the segment ends.
import { type ExtentArena, LARGE, SMALL, type UnitSize } from './arena.js';
import { ahead, HOLE, runsEntry, runsUnit, runsWidth, SEGMENT } from './entry.js';

/** What `replaceInRuns` answers when the unit has no room for the result; then nothing was changed. No entry is this. */
export const NO_ROOM = 2;
export const SMALL_WIDTH = 4;
export const LARGE_WIDTH = 16;
const UNUSED = SEGMENT << 16;
// Not exported, for speed (extent-map.ts tells why).
const NONE = HOLE;
const WIDE = LARGE_WIDTH;
const FULL = NO_ROOM;
const [unitOf, widthOf, valueAhead] = [runsUnit, runsWidth, ahead];
const startIn = (key: number): number => key >> 16;
const lengthIn = (key: number): number => key & 0xffff;
const endIn = (key: number): number => (key >> 16) + (key & 0xffff);
const keyOf = (start: number, length: number): number => (start << 16) | length;

export const startOf = startIn;
export const lengthOf = lengthIn;
const unitSize = (width: number): UnitSize => (width === WIDE ? LARGE : SMALL);

/** The word of the last key whose run begins at or before block `i`; that of the first key if none does. */
const find = (words: Int32Array, unit: number, width: number, i: number): number => {
  const key = (i << 16) | 0xffff;
  let at = unit;
  if (width === WIDE) {
    at += ~((key - words[at + 8]!) >> 31) & 8;
    at += ~((key - words[at + 4]!) >> 31) & 4;
  }
  at += ~((key - words[at + 2]!) >> 31) & 2;
  at += ~((key - words[at + 1]!) >> 31) & 1;
  return at;
};
export const findRun = find;

/** The value of block `i`. */
export function valueInRuns(words: Int32Array, entry: number, i: number): number {
  const width = widthOf(entry);
  const at = find(words, unitOf(entry), width, i);
  const key = words[at]!;
  const behind = i - startIn(key);
  return behind >= 0 && behind < lengthIn(key) ? valueAhead(words[at + width]!, behind) : NONE;
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
  arena.give(unitOf(entry), unitSize(widthOf(entry)));
}

/** Appends a run behind all others. Precondition: there is room. */
export function appendRun(words: Int32Array, entry: number, start: number, end: number, value: number): void {
  const unit = unitOf(entry);
  const width = widthOf(entry);
  const n = countRuns(words, unit, width);
  words[unit + n] = keyOf(start, end - start);
  words[unit + width + n] = value;
}

/** The same runs in a container of another width. Precondition: they fit. */
export function resizeRuns(arena: ExtentArena, entry: number, width: number): number {
  const { words } = arena;
  const resized = newRuns(arena, width);
  const from = unitOf(entry);
  const to = unitOf(resized);
  const n = countRuns(words, from, widthOf(entry));
  for (let i = 0; i < n; i++) {
    words[to + i] = words[from + i]!;
    words[to + width + i] = words[from + widthOf(entry) + i]!;
  }
  freeRuns(arena, entry);
  return resized;
}

/**
 * Gives [lo, hi), not the whole segment, the values from `value` on (0: punches it) and joins what has become one run.
 * Answers the entry, NONE when no run is left, or NO_ROOM.
 */
export function replaceInRuns(
  arena: ExtentArena,
  entry: number,
  lo: number,
  hi: number,
  value: number,
): number {
  const { words } = arena;
  const unit = unitOf(entry);
  const width = widthOf(entry);
  const values = unit + width;

  // Runs from .. to - 1 meet [lo, hi) or touch it.
  let from = find(words, unit, width, lo - 1) - unit;
  if (endIn(words[unit + from]!) < lo) from++;
  let to = from;
  let dropped = 0;
  for (; to < width; to++) {
    const key = words[unit + to]!;
    if (startIn(key) > hi || key === UNUSED) break;
    dropped += Math.min(endIn(key), hi) - Math.max(startIn(key), lo);
  }

  // What is left of the first and the last of them on either side of [lo, hi).
  let leftStart = lo;
  let leftValue = NONE;
  let rightEnd = hi;
  let rightValue = NONE;
  if (from < to) {
    const first = words[unit + from]!;
    if (startIn(first) < lo) {
      leftStart = startIn(first);
      leftValue = words[values + from]!;
    }
    const last = words[unit + to - 1]!;
    if (endIn(last) > hi) {
      rightEnd = endIn(last);
      rightValue = valueAhead(words[values + to - 1]!, hi - startIn(last));
    }
  }

  // The new run, joined with these where they go on.
  let start = lo;
  let end = hi;
  let first = value;
  if (leftStart < lo && valueAhead(leftValue, lo - leftStart) === value) {
    start = leftStart;
    first = leftValue;
    leftStart = lo;
  }
  if (rightEnd > hi && valueAhead(value, hi - lo) === rightValue) {
    end = rightEnd;
    rightEnd = hi;
  }

  const pieces = (leftStart < lo ? 1 : 0) + (value !== NONE ? 1 : 0) + (rightEnd > hi ? 1 : 0);
  const delta = pieces - (to - from);
  let n = to;
  while (n < width && words[unit + n] !== UNUSED) n++;
  if (n + delta > width) return FULL;
  arena.dropped += dropped;
  if (n + delta === 0) {
    freeRuns(arena, entry);
    return NONE;
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
  if (value !== NONE) {
    words[unit + at] = keyOf(start, end - start);
    words[values + at++] = first;
  }
  if (rightEnd > hi) {
    words[unit + at] = keyOf(hi, rightEnd - hi);
    words[values + at] = rightValue;
  }
  return entry;
}
