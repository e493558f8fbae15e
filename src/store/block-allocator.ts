// Which store blocks are free, and which of them a file gets. Pure: block numbers only.
//
// It promises: no block is handed out twice. A file that grows in order gets the longest runs available, also while others
// grow beside it: each growing file has a **window**, a run reserved ahead of time that doubles as it is used up. Windows
// count as free space and are released when nothing else is left, so that the last block can be allocated. Every call is
// O(log32 blocks + blocks moved / 32); nothing makes garbage, but for a new window's place in the list. Counterparts:
// ext3's reservation windows, XFS's speculative preallocation.
import { BlockBitmap } from './block-bitmap.js';

/** Blocks a group, 2 MiB: a longer request is first searched for in groups without a taken block. */
const GROUP = 512;
/** Blocks of a window at most, 32 MiB; and no more than 1/64 of what is free. */
const MAX_AHEAD = 8192;
const AHEAD_SHIFT = 6;
/** Runs that are examined before one shorter than requested is taken. */
const PROBES = 8;

/** The run that one file has reserved ahead of time: [start, end), empty at first. Only the allocator changes it. */
export class Window {
  start = 0;
  end = 0;
  /** Blocks to reserve beyond the request when the window is next used up. */
  ahead = 0;
}

export class BlockAllocator {
  /** Store blocks are 1 to `total`; block 0 belongs to no file. */
  readonly total: number;
  /** Blocks that `take` can still hand out. */
  available: number;
  /** Output of `take`: how many consecutive blocks. */
  run = 0;
  private readonly taken: BlockBitmap;
  /** Of each group: whether any block is taken, and how many. */
  private readonly used: BlockBitmap;
  private readonly usedBlocks: Uint16Array;
  private readonly windows = new Set<Window>();

  /** @param total 1 to 2^31 - 1. */
  constructor(total: number) {
    this.total = total;
    this.available = total;
    const groups = Math.ceil((total + 1) / GROUP);
    this.taken = new BlockBitmap(total + 1);
    this.used = new BlockBitmap(groups);
    this.usedBlocks = new Uint16Array(groups);
    this.mark(0, 1);
  }

  /**
   * Hands out up to `want` blocks in one run, `run` of them; answers the first, 0 when nothing is available.
   * @param goal where the file would go on, 0 if it does not matter.
   */
  take(window: Window, goal: number, want: number): number {
    if (this.available === 0) return 0;
    if (goal !== window.start && this.isFree(goal)) {
      this.run = this.taken.clearRun(goal, want);
      this.mark(goal, goal + this.run);
      this.available -= this.run;
      return goal;
    }
    if (window.start === window.end) this.refill(window, goal, want);
    const blk = window.start;
    this.run = Math.min(want, window.end - blk);
    window.start += this.run;
    if (window.start === window.end) this.windows.delete(window);
    this.available -= this.run;
    return blk;
  }

  /** Makes [blk, blk + n) free again. Precondition: it was handed out. */
  give(blk: number, n: number): void {
    this.unmark(blk, blk + n);
    this.available += n;
  }

  /** Hands out these blocks; false: some are handed out already. */
  claim(blk: number, n: number): boolean {
    if (!(blk > 0 && blk + n - 1 <= this.total) || this.taken.clearRun(blk, n) < n) return false;
    this.mark(blk, blk + n);
    this.available -= n;
    return true;
  }

  /** The first block at or behind `from` that no file has, -1 if there is none; windows have some. */
  nextFree(from: number): number {
    return this.taken.nextClear(from);
  }

  /** How many that no file has follow one another from `blk` on, up to `most`. */
  freeRun(blk: number, most: number): number {
    return this.taken.clearRun(blk, most);
  }

  /** The file does not grow any more. */
  close(window: Window): void {
    if (window.start < window.end) this.unmark(window.start, window.end);
    this.windows.delete(window);
    window.start = 0;
    window.end = 0;
    window.ahead = 0;
  }

  /** Blocks of wholly free groups of 512: what is left for long runs. O(groups / 32). */
  get freeInGroups(): number {
    let groups = 0;
    for (let at = this.used.nextClear(0); at >= 0; ) {
      const run = this.used.clearRun(at, this.usedBlocks.length);
      groups += run;
      at = this.used.nextClear(at + run);
    }
    return groups * GROUP;
  }

  /** Whether the block is taken, by a file or a window. For tests. */
  isTaken(blk: number): boolean {
    return this.taken.has(blk);
  }

  /** Precondition: available > 0. */
  private refill(window: Window, goal: number, want: number): void {
    const wish = want + Math.min(window.ahead, this.available >>> AHEAD_SHIFT);
    let at = this.place(goal, wish);
    if (at < 0) {
      for (const other of this.windows) this.close(other);
      at = this.place(goal, wish);
    }
    const n = this.taken.clearRun(at, wish);
    this.mark(at, at + n);
    window.start = at;
    window.end = at + n;
    window.ahead = Math.min(MAX_AHEAD, Math.max(1, want, window.ahead * 2));
    this.windows.add(window);
  }

  /** Where a run of `wish` blocks best begins, -1 when no block is free outside of windows. */
  private place(goal: number, wish: number): number {
    if (this.isFree(goal)) return goal;
    const from = goal < this.total ? goal : 0;
    if (wish >= GROUP) {
      const empty = this.emptyGroup(from);
      if (empty >= 0) return empty;
    }
    const probed = this.probe(from, wish);
    if (probed >= 0 && this.taken.clearRun(probed, wish) === wish) return probed;
    const empty = this.emptyGroup(0);
    if (empty >= 0) return empty;
    return probed >= 0 ? probed : this.probe(0, wish);
  }

  /** The first of a few runs that is long enough, else the longest of them; -1 when none is behind `from`. */
  private probe(from: number, wish: number): number {
    let best = -1;
    let longest = 0;
    let at = this.taken.nextClear(from);
    for (let i = 0; i < PROBES && at >= 0; i++) {
      const run = this.taken.clearRun(at, wish);
      if (run > longest) {
        best = at;
        longest = run;
      }
      if (run === wish) break;
      at = this.taken.nextClear(at + run);
    }
    return best;
  }

  /** The first block of an empty group near and behind `from`, or anywhere; -1 when none is left. */
  private emptyGroup(from: number): number {
    const near = this.used.nextClear(Math.floor(from / GROUP));
    const group = near >= 0 ? near : this.used.nextClear(0);
    return group < 0 ? -1 : group * GROUP;
  }

  private isFree(blk: number): boolean {
    return blk > 0 && blk <= this.total && !this.taken.has(blk);
  }

  private mark(from: number, to: number): void {
    this.taken.set(from, to);
    this.count(from, to, 1);
  }

  private unmark(from: number, to: number): void {
    this.taken.clear(from, to);
    this.count(from, to, -1);
  }

  private count(from: number, to: number, sign: 1 | -1): void {
    for (let at = from; at < to; ) {
      const group = Math.floor(at / GROUP);
      const end = Math.min((group + 1) * GROUP, to);
      const used = this.usedBlocks[group]! + sign * (end - at);
      this.usedBlocks[group] = used;
      if (used === 0) this.used.clear(group, group + 1);
      else this.used.set(group, group + 1);
      at = end;
    }
  }
}
