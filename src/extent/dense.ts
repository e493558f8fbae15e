// Dense pages: a segment of many runs, 512 values and a bitmap of the blocks that begin a run (a run of holes too).
// The bitmaps of all pages follow one another, a bit a word of the arena, the lowest first. Block 0 always has its bit.
// A run's length is a distance between bits; splitting and joining runs is setting and clearing them.
import { type ExtentArena, PAGE } from './arena.js';
import { denseEntry, densePage, denseStarts, SEGMENT } from './entry.js';

const BITMAP_WORDS = SEGMENT / 32;
const BLOCK_0 = 1;

// Not exported, for speed (extent-map.ts says why).
const END = SEGMENT;
const [pageOf, startsOf, entryOf] = [densePage, denseStarts, denseEntry];
const bitmap = (page: number): number => page >> 5;
// Branch-free: the processor cannot predict the runs at the two ends of a change.
/** -1, 0 or 1, of an int32. */
const sign = (value: number): number => (value >> 31) | ((0 - value) >>> 31);
/** 0 or 1, of an int32. */
const notZero = (value: number): number => (value | (0 - value)) >>> 31;
/** The number of the lowest bit that is set, -1 if none is. */
const lowest = (bits: number): number => 31 - Math.clz32(bits & -bits);
/** How many bits are set. */
const bitCount = (bits: number): number => {
  const pairs = bits - ((bits >>> 1) & 0x5555_5555);
  const fours = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
};

/** Makes the bits of `mask` in word `at` those of `now`; answers how many of them were set. */
const renew = (starts: Int32Array, at: number, mask: number, now: number): number => {
  const bits = starts[at]!;
  starts[at] = (bits & ~mask) | now;
  return bitCount(bits & mask);
};

/** The end of the run that holds block `i`: the next start, or SEGMENT. */
const runEndIn = (starts: Int32Array, page: number, i: number): number => {
  let word = i >> 5;
  let bits = starts[bitmap(page) + word]! & (-2 << (i & 31));
  while (bits === 0) {
    if (++word === BITMAP_WORDS) return END;
    bits = starts[bitmap(page) + word]!;
  }
  return (word << 5) + lowest(bits);
};
export const denseRunEnd = runEndIn;

/**
 * How many blocks the run of block `i` has from `i` on, `i` included. One unaligned load finds the end of every short
 * run without a branch that the processor would mispredict. `window`: the bitmaps' bytes.
 */
export const denseRun = (starts: Int32Array, window: DataView, page: number, i: number): number => {
  const at = page | i;
  const run = lowest((window.getInt32(at >> 3, true) >>> (at & 7)) & ~1);
  // As an unsigned number: no bit was found, or the bit belongs to the next page.
  return run >>> 0 <= END - i ? run : runEndIn(starts, page, i) - i;
};

/** The start of the run that holds block `i`. */
export function denseRunStart(starts: Int32Array, page: number, i: number): number {
  let word = i >> 5;
  let bits = starts[bitmap(page) + word]! & ~(-2 << (i & 31));
  while (bits === 0) bits = starts[bitmap(page) + --word]!;
  return (word << 5) + 31 - Math.clz32(bits);
}

/** Whether a run begins at block `i`: 0 or 1. */
export const startsAt = (starts: Int32Array, page: number, i: number): number =>
  (starts[bitmap(page) + (i >> 5)]! >>> (i & 31)) & 1;

/** A page of holes. */
export function newDense(arena: ExtentArena): number {
  const page = arena.take(PAGE);
  const map = bitmap(page);
  arena.words.fill(0, page, page + PAGE);
  arena.starts.fill(0, map, map + BITMAP_WORDS);
  arena.starts[map] = BLOCK_0;
  return denseEntry(page, 1);
}

/** Gives [lo, hi) the values from `value` on; answers the entry with its new count of starts. */
export function fillDense(arena: ExtentArena, entry: number, lo: number, hi: number, value: number): number {
  const { words, starts } = arena;
  const page = pageOf(entry);
  const end = page + hi;
  const step = sign(value);
  const before = words[page + lo - 1]!;
  let dropped = 0;
  let next = value;
  for (let at = page + lo; at < end; at++) {
    dropped += notZero(words[at]!);
    words[at] = next;
    next = (next + step) | 0;
  }
  arena.dropped += dropped;

  // The bits of lo to hi, hi included, are made anew: only the first and the last can be set.
  const begins = lo === 0 ? 1 : notZero((before + sign(before)) ^ value);
  const ends = hi < END ? notZero(words[end]! ^ next) : 0;
  const first = bitmap(page) + (lo >> 5);
  const last = bitmap(page) + (hi >> 5);
  const fromLo = -1 << (lo & 31);
  const upToHi = ~(-2 << (hi & 31));
  const bitLo = begins << (lo & 31);
  const bitHi = ends << (hi & 31);
  let count = startsOf(entry) + begins + ends;
  if (first === last) {
    count -= renew(starts, first, fromLo & upToHi, bitLo | bitHi);
  } else {
    count -= renew(starts, first, fromLo, bitLo);
    for (let at = first + 1; at < last; at++) count -= renew(starts, at, -1, 0);
    if (hi < END) count -= renew(starts, last, upToHi, bitHi);
  }
  return entryOf(page, count);
}
