// Dense pages: a segment of many runs, 512 values and a bitmap of the blocks that begin a run (a run of holes too).
// The bit of block i is bit 31 - i % 32 of word i / 32, so that one clz32 finds the next start. Block 0 always has
// its bit. A run's length is a distance between bits; splitting and joining runs is setting and clearing them.
import { type ExtentArena, PAGE } from './arena.js';
import { denseEntry, densePage, denseStarts, SEGMENT } from './entry.js';

const BITMAP_WORDS = SEGMENT / 32;
const BLOCK_0 = -0x8000_0000;

// Not exported, for speed (extent-map.ts tells why).
const END = SEGMENT;
const [pageOf, startsOf, entryOf] = [densePage, denseStarts, denseEntry];
const bitmap = (page: number): number => page >> 5;
// Without branches: what runs look like where a change begins and ends cannot be predicted.
/** -1, 0 or 1, of an int32. */
const sign = (value: number): number => (value >> 31) | ((0 - value) >>> 31);
/** 0 or 1, of an int32. */
const notZero = (value: number): number => (value | (0 - value)) >>> 31;
/** How many bits are set. */
const bitCount = (bits: number): number => {
  const pairs = bits - ((bits >>> 1) & 0x5555_5555);
  const fours = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
};
/** The first word of a page's bitmap. */
export const bitmapOf = bitmap;

/** The end of the run that holds block `i`: the next start, or SEGMENT. */
export function denseRunEnd(starts: Int32Array, page: number, i: number): number {
  const map = bitmap(page);
  let word = i >> 5;
  let bits = starts[map + word]! & (0x7fff_ffff >>> (i & 31));
  while (bits === 0) {
    if (++word === BITMAP_WORDS) return END;
    bits = starts[map + word]!;
  }
  return (word << 5) + Math.clz32(bits);
}

/**
 * For how many blocks the run of block `i` goes on, `i` included. A run that ends in the same word of the bitmap or in
 * the next one is found without a branch: where short runs end is not to be predicted.
 */
export function denseRun(starts: Int32Array, page: number, i: number): number {
  const word = i >> 5;
  const bit = i & 31;
  const at = bitmap(page) + word;
  // 1 in the last word: behind it the segment ends.
  const last = (word + 1) >> 4;
  const here = Math.clz32(starts[at]! & (0x7fff_ffff >>> bit));
  const next = Math.clz32(starts[at + 1 - last]! | (last << 31));
  const run = here - bit + (-(here >> 5) & next);
  return run < 64 - bit ? run : denseRunEnd(starts, page, i) - i;
}

/** The start of the run that holds block `i`. */
export function denseRunStart(starts: Int32Array, page: number, i: number): number {
  const map = bitmap(page);
  let word = i >> 5;
  let bits = starts[map + word]! & (BLOCK_0 >> (i & 31));
  while (bits === 0) bits = starts[map + --word]!;
  return (word << 5) + Math.clz32(bits & -bits);
}

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
  let count = startsOf(entry);
  const first = bitmap(page) + (lo >> 5);
  const last = bitmap(page) + ((hi - 1) >> 5);
  let mask = (-1 >>> (lo & 31)) | 0;
  for (let at = first; at <= last; at++) {
    if (at === last) mask &= BLOCK_0 >> ((hi - 1) & 31);
    const bits = starts[at]!;
    count -= bitCount(bits & mask);
    starts[at] = bits & ~mask;
    mask = -1;
  }
  const begins = lo === 0 ? 1 : notZero((before + sign(before)) ^ value);
  starts[first]! |= begins << (31 - (lo & 31));
  count += begins;
  if (hi < END) {
    const at = bitmap(page) + (hi >> 5);
    const shift = 31 - (hi & 31);
    const bits = starts[at]!;
    const ends = notZero(words[end]! ^ next);
    count += ends - ((bits >>> shift) & 1);
    starts[at] = (bits & ~(1 << shift)) | (ends << shift);
  }
  return entryOf(page, count);
}
