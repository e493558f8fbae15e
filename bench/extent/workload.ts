// The data of the extent bench: files of three shapes, places to ask for, changes to make. All of it follows from a
// seed, so that every contestant gets the same.

/** Extents in file order, as columns. No two neighbours are one. */
export interface Extents {
  readonly count: number;
  readonly start: Int32Array;
  readonly length: Int32Array;
  readonly blk: Int32Array;
  /** The block behind the last extent. */
  readonly end: number;
}

/**
 * fragmented: 1 to 16 blocks, a gap of as many behind a quarter of them. large: 8 MiB in the mean, gaps likewise.
 * sparse: one block in 4 MiB.
 */
export type Shape = 'fragmented' | 'large' | 'sparse';

export type Below = (n: number) => number;

/** mulberry32: an integer from 0 to n - 1. */
export function randomFrom(seed: number): Below {
  let state = seed | 0;
  return n => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000) * n);
  };
}

export function shuffled(n: number, below: Below): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = below(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

const SPARSE_STEP = 1024;

export function extentsOf(shape: Shape, count: number, below: Below): Extents {
  const start = new Int32Array(count);
  const length = new Int32Array(count);
  const blk = new Int32Array(count);
  const longest = shape === 'fragmented' ? 16 : 4095;
  let end = 0;
  for (let i = 0; i < count; i++) {
    if (shape === 'sparse') {
      start[i] = i * SPARSE_STEP;
      length[i] = 1;
    } else {
      start[i] = end + (below(4) === 0 ? 1 + below(longest) : 0);
      length[i] = 1 + below(longest);
    }
    end = start[i]! + length[i]!;
  }
  // The store's order has nothing to do with the file's; a block is left out between any two extents.
  let next = 1;
  for (const i of shuffled(count, below)) {
    blk[i] = next;
    next += length[i]! + 1;
  }
  return { count, start, length, blk, end };
}

export const PATTERNS = ['random', 'wide', 'zipf', 'sequential'] as const;
/**
 * random: few places, asked for over and over (a hot file), in an order that does not repeat itself, which a CPU would
 * learn. wide: more of them than caches hold.
 */
export type Pattern = (typeof PATTERNS)[number];

/** Places to ask for; of random ones, and of all others. Powers of two. */
const FEW_PLACES = 2 ** 13;
const MANY_PLACES = 2 ** 18;
/** How many questions there are about few places. */
const DRAWN = 2 ** 16;

export function queriesOf(pattern: Pattern, extents: Extents, below: Below): Int32Array {
  const { end } = extents;
  const length = MANY_PLACES;
  if (pattern === 'random') {
    const places = Int32Array.from({ length: FEW_PLACES }, () => below(end));
    return Int32Array.from({ length: DRAWN }, () => places[below(FEW_PLACES)]!);
  }
  if (pattern === 'sequential') return Int32Array.from({ length }, (_, i) => i % end);
  if (pattern !== 'zipf') return Int32Array.from({ length }, () => below(end));
  const rank = zipf(extents.count, below);
  const byRank = shuffled(extents.count, below);
  return Int32Array.from({ length }, () => {
    const i = byRank[rank()]!;
    return extents.start[i]! + below(extents.length[i]!);
  });
}

/** Ranks 0 to n - 1 with the frequency 1 / (rank + 1)^0.99, YCSB's constant. */
function zipf(n: number, below: Below): () => number {
  const upTo = new Float64Array(n);
  let sum = 0;
  for (let i = 0; i < n; i++) upTo[i] = sum += (i + 1) ** -0.99;
  return () => {
    const at = (below(2 ** 31) / 2 ** 31) * sum;
    let low = 0;
    for (let high = n - 1; low < high; ) {
      const middle = (low + high) >> 1;
      if (upTo[middle]! <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** What stands at `pgoff`, by binary search: value, and blocks from there to the end of the extent (0: a hole). */
export function truth(extents: Extents, pgoff: number): { readonly value: number; readonly run: number } {
  const { start, length, blk } = extents;
  let low = 0;
  for (let high = extents.count; low < high; ) {
    const middle = (low + high) >> 1;
    if (start[middle]! <= pgoff) low = middle + 1;
    else high = middle;
  }
  const at = low - 1;
  const behind = pgoff - (start[at] ?? 0);
  if (at < 0 || behind >= length[at]!) return { value: 0, run: 0 };
  return { value: blk[at]! + behind, run: length[at]! - behind };
}

/**
 * Changes: piece i is punched, piece i - lag is mapped again as it was. So half of them split extents and half join
 * them again, and the file stays as fragmented as it was.
 */
export interface Pieces {
  readonly start: Int32Array;
  readonly length: Int32Array;
  readonly blk: Int32Array;
  readonly lag: number;
}
const LONGEST_LAG = 64;
const LONGEST_PIECE = 16;

export function piecesOf(many: boolean, extents: Extents, below: Below): Pieces {
  const pieces = many ? MANY_PLACES : FEW_PLACES;
  const start = new Int32Array(pieces);
  const length = new Int32Array(pieces);
  const blk = new Int32Array(pieces);
  for (let i = 0; i < pieces; i++) {
    const e = below(extents.count);
    const into = below(extents.length[e]!);
    start[i] = extents.start[e]! + into;
    blk[i] = extents.blk[e]! + into;
    length[i] = 1 + below(Math.min(extents.length[e]! - into, LONGEST_PIECE));
  }
  const lag = Math.max(1, Math.min(LONGEST_LAG, extents.count >> 3));
  if (many) return { start, length, blk, lag };
  const order = Int32Array.from({ length: DRAWN }, () => below(pieces));
  const drawn = (column: Int32Array) => order.map(i => column[i]!);
  return { start: drawn(start), length: drawn(length), blk: drawn(blk), lag };
}
