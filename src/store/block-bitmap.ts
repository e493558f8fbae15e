// A bit a block, 1: taken; above it a bit a word, 1: all its 32 are taken; and so on up to one word. So the next free
// block is found in a few loads however full the store is. Memory is committed as it is touched, one bit a block.
// Counterparts: fs/btrfs/free-space-cache.c's bitmaps, lib/sbitmap.c.

const WORD = 32;

export class BlockBitmap {
  readonly length: number;
  private readonly levels: readonly Int32Array[];

  /** @param length bits, 1 to 2^31; all of them 0. */
  constructor(length: number) {
    this.length = length;
    const levels: Int32Array[] = [];
    for (let bits = length; ; bits = Math.ceil(bits / WORD)) {
      const words = new Int32Array(Math.ceil(bits / WORD));
      // Bits beyond the end are set, so that no search finds them.
      if (bits % WORD !== 0) words[words.length - 1] = -1 << (bits % WORD);
      levels.push(words);
      if (words.length === 1) break;
    }
    this.levels = levels;
  }

  /** Precondition: 0 <= i < length. */
  has(i: number): boolean {
    return ((this.levels[0]![i >>> 5]! >>> (i & 31)) & 1) !== 0;
  }

  /** Makes [from, to) 1. */
  set(from: number, to: number): void {
    const words = this.levels[0]!;
    for (let at = from; at < to; ) {
      const word = at >>> 5;
      const mask = maskOf(at, to);
      const before = words[word]!;
      words[word] = before | mask;
      if (before !== -1 && (before | mask) === -1) this.filled(word);
      at = (word + 1) * WORD;
    }
  }

  /** Makes [from, to) 0. */
  clear(from: number, to: number): void {
    const words = this.levels[0]!;
    for (let at = from; at < to; ) {
      const word = at >>> 5;
      const mask = maskOf(at, to);
      if (words[word] === -1) this.opened(word);
      words[word]! &= ~mask;
      at = (word + 1) * WORD;
    }
  }

  /** The first 0 at or behind `from`, -1 if there is none. */
  nextClear(from: number): number {
    let level = 0;
    let i = from;
    let free = 0;
    for (;;) {
      const words = this.levels[level];
      if (words === undefined || i >>> 5 >= words.length) return -1;
      free = ~words[i >>> 5]! & (-1 << (i & 31));
      if (free !== 0) break;
      i = (i >>> 5) + 1;
      level++;
    }
    i = (i & ~31) + lowest(free);
    while (level > 0) i = i * WORD + lowest(~this.levels[--level]![i]!);
    return i;
  }

  /** How many 0 follow one another from `from` on, up to `most`. */
  clearRun(from: number, most: number): number {
    const words = this.levels[0]!;
    const end = Math.min(from + most, this.length);
    for (let at = from; at < end; at = (at & ~31) + WORD) {
      const taken = words[at >>> 5]! & (-1 << (at & 31));
      if (taken !== 0) return Math.min((at & ~31) + lowest(taken), end) - from;
    }
    return end - from;
  }

  private filled(word: number): void {
    let i = word;
    for (let level = 1; level < this.levels.length; level++) {
      const words = this.levels[level]!;
      words[i >>> 5]! |= 1 << (i & 31);
      if (words[i >>> 5] !== -1) return;
      i >>>= 5;
    }
  }

  private opened(word: number): void {
    let i = word;
    for (let level = 1; level < this.levels.length; level++) {
      const words = this.levels[level]!;
      const full = words[i >>> 5] === -1;
      words[i >>> 5]! &= ~(1 << (i & 31));
      if (!full) return;
      i >>>= 5;
    }
  }
}

/** The bits of `at`'s word that lie in [at, to). */
function maskOf(at: number, to: number): number {
  const left = to - (at & ~31);
  return (-1 << (at & 31)) & (left < WORD ? ~(-1 << left) : -1);
}

const lowest = (bits: number): number => 31 - Math.clz32(bits & -bits);
