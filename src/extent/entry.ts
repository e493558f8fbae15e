// The entry of a segment: 32 bits that say where the 512 blocks (2 MiB, a PMD) of one segment of a file live.
// Counterpart: a page table entry of level 2.
//
//   0                                  a hole
//   negative     ~blk                  huge: the whole segment, written, from store block blk on (a PMD mapping)
//   positive, odd                      up to 4 or 16 runs in a unit of 8 or 32 words
//    30 ............ 2   1      0
//   ┌─────────────────┬───────┬───┐
//   │ first word / 8  │ 16?   │ 1 │
//   └─────────────────┴───────┴───┘
//   positive, even                     dense: a page with the store block of each block
//    30 .... 10   9 ........ 1   0
//   ┌───────────┬──────────────┬───┐
//   │ page      │ starts - 1   │ 0 │    starts: how many bits are set in its bitmap, 1 to 512
//   └───────────┴──────────────┴───┘
//
// What a block maps to is one signed number, a **value**: 0 a hole, blk > 0 a written block, -blk an allocated but
// unwritten one, which reads as zeros. Neighbours belong to one run if the store blocks follow one another and the
// state is the same, or if both are holes.

/** Blocks a segment, and words a page. */
export const SEGMENT = 512;
export const SEGMENT_SHIFT = 9;
export const PAGE_WORDS = SEGMENT;
/** The block within its segment: `pgoff & WITHIN`, also for pgoff above 2^32. */
export const WITHIN = SEGMENT - 1;
// Not exported, for speed (extent-map.ts says why).
const MASK = WITHIN;

/** The largest store block: values are int32. Store block 0 belongs to no file. */
export const MAX_BLK = 0x7fff_ffff;
/** Blocks of the largest file, 2^53 bytes. */
export const MAX_PGOFF = 2 ** 41;

export const HOLE = 0;

export const isHuge = (entry: number): boolean => entry < 0;
/** Of an entry that is not huge. */
export const isRuns = (entry: number): boolean => (entry & 1) !== 0;

/** The first word of a dense page. A hole answers page 0, which is all zeros: holes need no branch. */
export const densePage = (entry: number): number => (entry >> 1) & ~MASK;
export const denseStarts = (entry: number): number => ((entry >> 1) & MASK) + 1;
export const denseEntry = (page: number, starts: number): number => (page | (starts - 1)) << 1;

export const runsUnit = (entry: number): number => (entry >> 2) << 3;
/** 4 or 16. */
export const runsWidth = (entry: number): number => ((entry & 2) !== 0 ? 16 : 4);
export const runsEntry = (unit: number, width: number): number => (unit >> 1) | (width === 16 ? 3 : 1);

/**
 * The value `n` blocks behind a block of value `value`, within its run or directly behind it: behind MAX_BLK stands
 * -2^31, which is no block's. `| 0` tells the compiler that values are int32.
 */
export const ahead = (value: number, n: number): number =>
  (value > 0 ? value + n : value < 0 ? value - n : 0) | 0;

/** Whether a block of value `next` goes on the run of the block before it, of value `value`. */
export const continues = (value: number, next: number): boolean => next === ahead(value, 1);
