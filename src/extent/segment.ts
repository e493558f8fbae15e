// One segment, in each form of entry: queries and changes it, and moves it to the smallest form that holds its runs.
//
//   hole ─► up to 4 runs ─► up to 16 runs ─► dense        a form is left for the next when its room is used up,
//                ▲               ▲             │          and entered again a few runs lower, so that a segment
//                └───────────────┴─────────────┘          on the border does not go to and fro
//
// A whole written run is huge, no run a hole, at once. Blocks are counted from the segment's first, 0 to 512.
import type { ExtentArena } from './arena.js';
import { PAGE, PAGE_BYTES } from './arena.js';
import { denseRunEnd, denseRunStart, fillDense, newDense, startsAt } from './dense.js';
import {
  ahead,
  densePage,
  denseStarts,
  HOLE,
  isHuge,
  isRuns,
  runsUnit,
  runsWidth,
  SEGMENT,
} from './entry.js';
import {
  appendRun,
  countRuns,
  findRun,
  freeRuns,
  LARGE_WIDTH,
  lengthOf,
  NO_ROOM,
  newRuns,
  replaceInRuns,
  resizeRuns,
  SMALL_WIDTH,
  startOf,
  valueInRuns,
} from './runs.js';

// Not exported, for speed (extent-map.ts tells why).
const [END, NONE, NARROW, WIDE, FULL] = [SEGMENT, HOLE, SMALL_WIDTH, LARGE_WIDTH, NO_ROOM];
const [huge, runs, pageOf, startsOf] = [isHuge, isRuns, densePage, denseStarts];
const [unitOf, widthOf, startIn, lengthIn] = [runsUnit, runsWidth, startOf, lengthOf];
const [fill, find, replaceRuns, resize] = [fillDense, findRun, replaceInRuns, resizeRuns];

/** A dense page with no more starts than this, holes among them, becomes a container again. */
const SPARSE = 12;
/** A wide container with no more runs than this becomes a narrow one. */
const FEW = SMALL_WIDTH - 1;

/** The value of block `i`. */
export function valueAt(arena: ExtentArena, entry: number, i: number): number {
  if (huge(entry)) return ~entry + i;
  if (!runs(entry)) return arena.words[pageOf(entry) + i]!;
  return valueInRuns(arena.words, entry, i);
}

/** Where the run (of holes too) that holds block `i` ends within the segment. */
export function runEnd(arena: ExtentArena, entry: number, i: number): number {
  if (huge(entry) || entry === NONE) return END;
  if (!runs(entry)) return denseRunEnd(arena.starts, pageOf(entry), i);
  const unit = unitOf(entry);
  const width = widthOf(entry);
  const at = find(arena.words, unit, width, i);
  const key = arena.words[at]!;
  if (startIn(key) > i) return startIn(key);
  const end = startIn(key) + lengthIn(key);
  if (i < end) return end;
  return at + 1 < unit + width ? startIn(arena.words[at + 1]!) : END;
}

/** Where the run that holds block `i`, which is mapped, begins within the segment. */
export function runStart(arena: ExtentArena, entry: number, i: number): number {
  if (huge(entry)) return 0;
  if (!runs(entry)) return denseRunStart(arena.starts, pageOf(entry), i);
  return startIn(arena.words[find(arena.words, unitOf(entry), widthOf(entry), i)]!);
}

/** How many blocks are mapped. */
export function mappedIn(arena: ExtentArena, entry: number): number {
  if (entry === HOLE) return 0;
  if (isHuge(entry)) return SEGMENT;
  let mapped = 0;
  if (isRuns(entry)) {
    const unit = runsUnit(entry);
    const n = countRuns(arena.words, unit, runsWidth(entry));
    for (let i = 0; i < n; i++) mapped += lengthOf(arena.words[unit + i]!);
  } else {
    const page = densePage(entry);
    for (let i = 0; i < SEGMENT; i++) mapped += arena.words[page + i] !== 0 ? 1 : 0;
  }
  return mapped;
}

/** Bytes that the entry holds in the arena. */
export function bytesOf(entry: number): number {
  if (entry === HOLE || isHuge(entry)) return 0;
  return isRuns(entry) ? runsWidth(entry) * 8 : PAGE_BYTES;
}

/**
 * Gives the blocks [lo, hi), 0 <= lo < hi <= SEGMENT, the values from `value` on, 0 for holes; answers the segment's
 * new entry and adds to `arena.dropped` the blocks that were mapped. Precondition:
 * arena.room >= 3, a page for each form that it goes through.
 */
export function replaceInSegment(
  arena: ExtentArena,
  entry: number,
  lo: number,
  hi: number,
  value: number,
): number {
  if (entry > 0 && (entry & 1) === 0 && hi - lo < END) {
    const filled = fill(arena, entry, lo, hi, value);
    return startsOf(filled) > SPARSE ? filled : settleDense(arena, filled);
  }
  return replaceInOther(arena, entry, lo, hi, value);
}

function replaceInOther(arena: ExtentArena, entry: number, lo: number, hi: number, value: number): number {
  if (hi - lo === END) {
    arena.dropped += mappedIn(arena, entry);
    freeSegment(arena, entry);
    return wholeSegment(arena, value);
  }
  if (entry === NONE) return value === NONE ? NONE : singleRun(arena, lo, hi, value);
  let now = huge(entry) ? singleRun(arena, 0, END, ~entry) : entry;
  while (runs(now)) {
    const replaced = replaceRuns(arena, now, lo, hi, value);
    if (replaced !== FULL) return settleRuns(arena, replaced);
    now = widthOf(now) === NARROW ? resize(arena, now, WIDE) : denseOf(arena, now);
  }
  return settleDense(arena, fill(arena, now, lo, hi, value));
}

/** Frees what the entry holds in the arena. */
function freeSegment(arena: ExtentArena, entry: number): void {
  if (entry === HOLE || isHuge(entry)) return;
  if (isRuns(entry)) freeRuns(arena, entry);
  else arena.give(densePage(entry), PAGE);
}

function wholeSegment(arena: ExtentArena, value: number): number {
  if (value > 0) return ~value;
  return value === HOLE ? HOLE : singleRun(arena, 0, SEGMENT, value);
}

function singleRun(arena: ExtentArena, lo: number, hi: number, value: number): number {
  const entry = newRuns(arena, SMALL_WIDTH);
  appendRun(arena.words, entry, lo, hi, value);
  return entry;
}

function settleRuns(arena: ExtentArena, entry: number): number {
  if (entry === NONE) return NONE;
  const { words } = arena;
  const unit = unitOf(entry);
  const width = widthOf(entry);
  if (lengthIn(words[unit]!) === END && words[unit + width]! > 0) {
    const blk = words[unit + width]!;
    freeRuns(arena, entry);
    return ~blk;
  }
  // A free key lies behind FEW runs.
  if (width === WIDE && lengthIn(words[unit + FEW]!) === 0) return resize(arena, entry, NARROW);
  return entry;
}

function settleDense(arena: ExtentArena, entry: number): number {
  if (startsOf(entry) > SPARSE) return entry;
  const { words, starts } = arena;
  const page = pageOf(entry);
  if (startsOf(entry) === 1) {
    const value = words[page]!;
    arena.give(page, PAGE);
    return wholeSegment(arena, value);
  }
  const sparse = newRuns(arena, WIDE);
  for (let i = 0; i < END; ) {
    const end = denseRunEnd(starts, page, i);
    if (words[page + i] !== NONE) appendRun(words, sparse, i, end, words[page + i]!);
    i = end;
  }
  arena.give(page, PAGE);
  return settleRuns(arena, sparse);
}

/** The same runs in a dense page. */
function denseOf(arena: ExtentArena, entry: number): number {
  const { words } = arena;
  const unit = unitOf(entry);
  const width = widthOf(entry);
  const n = countRuns(words, unit, width);
  let dense = newDense(arena);
  for (let i = 0; i < n; i++) {
    const key = words[unit + i]!;
    dense = fill(arena, dense, startIn(key), startIn(key) + lengthIn(key), words[unit + width + i]!);
  }
  freeRuns(arena, entry);
  return dense;
}

/** Throws Error on the first invariant of the segment that does not hold. */
export function checkSegment(arena: ExtentArena, entry: number): void {
  const must = (holds: boolean, what: string) => {
    if (!holds) throw new Error(`extent segment ${entry}: ${what}`);
  };
  if (entry === HOLE || isHuge(entry)) return;
  const { words, starts } = arena;
  if (isRuns(entry)) {
    const unit = runsUnit(entry);
    const width = runsWidth(entry);
    const n = countRuns(words, unit, width);
    must(n > 0, 'an empty container');
    must(width === SMALL_WIDTH || n > FEW, 'a wide container of few runs');
    let end = 0;
    let value = HOLE;
    for (let i = 0; i < width; i++) {
      const key = words[unit + i]!;
      if (i >= n) {
        must(startOf(key) === SEGMENT && lengthOf(key) === 0, `unused key ${i}`);
        continue;
      }
      must(startOf(key) >= end && lengthOf(key) > 0, `run ${i} is empty or overlaps`);
      must(words[unit + width + i] !== HOLE, `run ${i} is a hole`);
      must(
        startOf(key) > end || words[unit + width + i] !== value || i === 0,
        `runs ${i - 1} and ${i} are one`,
      );
      end = startOf(key) + lengthOf(key);
      value = ahead(words[unit + width + i]!, lengthOf(key));
    }
    must(end <= SEGMENT, 'the last run ends beyond the segment');
    must(!(lengthOf(words[unit]!) === SEGMENT && words[unit + width]! > 0), 'it should be huge');
    return;
  }
  const page = densePage(entry);
  let count = 0;
  for (let i = 0; i < SEGMENT; i++) {
    const bit = startsAt(starts, page, i);
    const begins = i === 0 || words[page + i] !== ahead(words[page + i - 1]!, 1);
    must(bit === (begins ? 1 : 0), `start bit of block ${i}`);
    count += bit;
  }
  must(count === denseStarts(entry), `${count} starts`);
  must(count > SPARSE, 'a dense page of few runs');
}
