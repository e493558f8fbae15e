// Dense pages: a segment of many runs, 512 values and a bitmap of the blocks that begin a run (a run of holes too).
// The bit of block i is bit 31 - i % 32 of word i / 32, so that one clz32 finds the next start. Block 0 always has
// its bit. A run's length is a distance between bits; splitting and joining runs is setting and clearing them.
import { type ExtentArena, PAGE } from './arena.js';
import { continues, denseEntry, densePage, denseStarts, SEGMENT } from './entry.js';

const BITMAP_WORDS = SEGMENT / 32;
const BLOCK_0 = -0x8000_0000;

// Not exported, for speed (extent-map.ts tells why).
const bitmap = (page: number): number => page >> 5;
/** The first word of a page's bitmap. */
export const bitmapOf = bitmap;

/** The end of the run that holds block `i`: the next start, or SEGMENT. */
export function denseRunEnd(starts: Int32Array, page: number, i: number): number {
  const bitmap = bitmapOf(page);
  let word = i >> 5;
  let bits = starts[bitmap + word]! & (0x7fff_ffff >>> (i & 31));
  while (bits === 0) {
    if (++word === BITMAP_WORDS) return SEGMENT;
    bits = starts[bitmap + word]!;
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
  const bitmap = bitmapOf(page);
  let word = i >> 5;
  let bits = starts[bitmap + word]! & (BLOCK_0 >> (i & 31));
  while (bits === 0) bits = starts[bitmap + --word]!;
  return (word << 5) + Math.clz32(bits & -bits);
}

/** A page of holes. */
export function newDense(arena: ExtentArena): number {
  const page = arena.take(PAGE);
  const bitmap = bitmapOf(page);
  arena.words.fill(0, page, page + PAGE);
  arena.starts.fill(0, bitmap, bitmap + BITMAP_WORDS);
  arena.starts[bitmap] = BLOCK_0;
  return denseEntry(page, 1);
}

/** Gives [lo, hi) the values from `value` on; answers the entry with its new count of starts. */
export function fillDense(arena: ExtentArena, entry: number, lo: number, hi: number, value: number): number {
  const { words, starts } = arena;
  const page = densePage(entry);
  const step = value > 0 ? 1 : value < 0 ? -1 : 0;
  let dropped = 0;
  let next = value;
  for (let at = page + lo; at < page + hi; at++) {
    dropped += words[at] !== 0 ? 1 : 0;
    words[at] = next;
    next = (next + step) | 0;
  }
  arena.dropped += dropped;

  let count = denseStarts(entry);
  const bitmap = bitmapOf(page);
  const lastWord = (hi - 1) >> 5;
  let mask = -1 >>> (lo & 31);
  for (let word = lo >> 5; word <= lastWord; word++) {
    if (word === lastWord) mask &= BLOCK_0 >> ((hi - 1) & 31);
    let bits = starts[bitmap + word]! & mask;
    starts[bitmap + word]! ^= bits;
    for (; bits !== 0; bits &= bits - 1) count--;
    mask = -1;
  }
  if (lo === 0 || !continues(words[page + lo - 1]!, value)) {
    starts[bitmap + (lo >> 5)]! |= BLOCK_0 >>> (lo & 31);
    count++;
  }
  if (hi < SEGMENT) {
    const bit = BLOCK_0 >>> (hi & 31);
    const bits = starts[bitmap + (hi >> 5)]!;
    if ((bits & bit) !== 0) count--;
    if (continues(words[page + hi - 1]!, words[page + hi]!)) {
      starts[bitmap + (hi >> 5)] = bits & ~bit;
    } else {
      starts[bitmap + (hi >> 5)] = bits | bit;
      count++;
    }
  }
  return denseEntry(page, count);
}
