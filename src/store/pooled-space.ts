// The store blocks of all pooled files: which are free (the allocator), what memory they have (the segments), and
// which must not be used again yet.
//
// A hold says that a client or a device may still reach the memory of a run of blocks: a granted layout, a pin's DMA. While
// a block of a segment is held the segment's guard stays (F14). So a freed block that was never held is zeroed by a write
// and is free at once. One that was ever held waits until the segment's last hold has ended and no client that was lent the
// segment maps it (F20), since its next file must get new pages (W). Kernel counterpart: fs/xfs/xfs_extent_busy.c.
//
// A few freed blocks in a segment without holds keep their pages until there are more of them, or one is needed: returning
// pages to the kernel is the main cost of a punch.
import { errno } from '../base/errno.js';
import { BLOCK } from '../base/units.js';
import { type ExtentArena, type ExtentMap, MAX_PGOFF } from '../extent/index.js';
import { RangeIndex } from '../extent/range-index.js';
import { BlockAllocator, type Window } from './block-allocator.js';
import { BlockBitmap } from './block-bitmap.js';
import { dropRuns } from './dropped-runs.js';
import { Capacity, MORE } from './file-store.js';
import { FreedRuns } from './freed-runs.js';
import { SEGMENT_BLOCKS, Segments, segmentOf } from './segments.js';

/** 8 TiB: store blocks are numbers below 2^31. */
const MAX_BLOCKS = 2 ** 31 - 1;

/** Pages of the arena. */
const SCARCE = 64;

/** Runs of blocks as pairs: the first, how many. */
type Runs = number[];

const wholeBlocks = (size: number): number => Math.min(Math.floor(size / BLOCK), MAX_BLOCKS);

export class PooledSpace {
  readonly segments = new Segments();
  /** Counts as used what cannot be handed out: blocks of files, and freed blocks that wait for the end of a hold. */
  readonly capacity: Capacity;
  private readonly allocator: BlockAllocator;
  private readonly holds = new RangeIndex();
  private lastHold = 0;
  /** Blocks that were held since they last got new pages; made with the first hold. */
  private exposed: BlockBitmap | undefined;
  /** Freed blocks with their old pages, in segments where nothing is held. */
  private readonly freed = new FreedRuns();
  /** Freed blocks that wait, by segment. */
  private readonly waiting = new Map<number, Runs>();
  private keptBlocks = 0;
  /** What deleted files had: they count as free, and are freed bit by bit. */
  private readonly left = new Set<ExtentMap>();
  private leftBlocks = 0;

  /**
   * @param size bytes; whole blocks of it are used, 8 TiB at most.
   * @param most bytes to which `resize` can raise it.
   */
  constructor(size: number, most = size) {
    this.allocator = new BlockAllocator(wholeBlocks(Math.max(size, most)));
    this.capacity = new Capacity(wholeBlocks(size) * BLOCK);
  }

  /** Blocks that there may ever be. */
  get most(): number {
    return this.allocator.total;
  }

  /** Blocks that can be handed out. */
  get available(): number {
    return Math.min(this.allocator.available + this.freed.blocks + this.leftBlocks, this.room);
  }

  /** What --size leaves, in blocks. */
  private get room(): number {
    return this.capacity.free / BLOCK;
  }

  /** -EINVAL below what is used and beyond `most`. */
  resize(size: number): number {
    const blocks = wholeBlocks(size);
    if (blocks > this.most || blocks * BLOCK < this.capacity.used) return -errno.EINVAL;
    this.capacity.total = blocks * BLOCK;
    return 0;
  }

  /** Bytes of free space that can be had in runs of 2 MiB and more. The allocator has blocks that --size leaves out. */
  get freeInLongRuns(): number {
    this.renewFreed();
    return Math.min(this.allocator.freeInGroups * BLOCK, this.capacity.free);
  }

  /** Out of `take`: how many blocks. */
  get run(): number {
    return this.allocator.run;
  }

  /** As BlockAllocator.take. The blocks are zero, but have no pages yet (`segments.populate`). */
  take(window: Window, goal: number, want: number): number {
    const { room } = this;
    if (room === 0) return 0;
    if (want > room) want = room;
    while (this.allocator.available + this.freed.blocks < want && this.tidy());
    if (this.allocator.available < want || this.freed.has(goal)) this.renewFreed();
    const blk = this.allocator.take(window, goal, want);
    if (blk > 0) this.capacity.used += this.run * BLOCK;
    return blk;
  }

  /** Frees blocks that were handed out and never populated. */
  untake(blk: number, n: number): void {
    this.allocator.give(blk, n);
    this.capacity.used -= n * BLOCK;
  }

  /**
   * A file is gone that has these blocks. They count as free from now on. False where blocks are held: those may have to be
   * kept, and are not left.
   */
  leave(map: ExtentMap): boolean {
    if (this.holds.size > 0 || this.segments.lent.size > 0) return false;
    this.left.add(map);
    this.leftBlocks += map.blocks;
    this.capacity.used -= map.blocks * BLOCK;
    return true;
  }

  /** Frees some of what was left; whether more is. */
  tidy(): boolean {
    for (const map of this.left) {
      const { blocks } = map;
      const result = dropRuns(map, this, 0, MAX_PGOFF);
      const freed = blocks - map.blocks;
      this.leftBlocks -= freed;
      this.capacity.used += freed * BLOCK;
      if (result !== MORE) this.left.delete(map);
      break;
    }
    return this.left.size > 0;
  }

  /** Before a map changes: what was left gives its part of the arena back when that gets scarce. */
  makeRoom(arena: ExtentArena): void {
    while (arena.room < SCARCE && this.tidy());
  }

  /** Frees populated blocks. */
  give(blk: number, n: number): void {
    this.settle();
    for (let at = blk; at < blk + n; ) {
      const segment = segmentOf(at);
      const end = Math.min((segment + 1) * SEGMENT_BLOCKS, blk + n);
      if (this.isHeld(segment)) this.giveBehindHolds(segment, at, end);
      else this.free(at, end - at);
      at = end;
    }
  }

  /** Freed blocks that no file gets yet, since a client may still map them. */
  get kept(): number {
    return this.keptBlocks;
  }

  /** As Segments.lend: from now on the segment's guard stays. -ENOLCK while a quarter of all blocks is kept. */
  lend(segment: number): number {
    while (this.tidy());
    if (this.keptBlocks > this.capacity.total / BLOCK / 4) {
      this.settle();
      if (this.keptBlocks > this.capacity.total / BLOCK / 4) return -errno.ENOLCK;
    }
    this.renewFreed();
    return this.segments.lend(segment);
  }

  /** The file does not grow any more. */
  close(window: Window): void {
    this.allocator.close(window);
  }

  /** Holds [blk, blk + n) until `release` of the number that is answered. Holds may overlap. */
  hold(blk: number, n: number): number {
    while (this.tidy());
    this.renewFreed();
    this.exposed ??= new BlockBitmap(this.allocator.total + 1);
    this.exposed.set(blk, blk + n);
    this.holds.insert(++this.lastHold, blk, blk + n);
    return this.lastHold;
  }

  /** -ENOENT for a hold that is not there. */
  release(hold: number): number {
    if (!this.holds.remove(hold)) return -errno.ENOENT;
    this.settle();
    return 0;
  }

  /**
   * Frees the blocks whose wait is over. The kernel does not report that a client has unmapped, so the store checks on
   * demand.
   */
  settle(): void {
    if (this.waiting.size === 0 && this.segments.lent.size === 0) return;
    for (const segment of this.segments.lent) {
      if (!this.hasHolds(segment)) this.segments.reclaim(segment);
    }
    for (const [segment, runs] of this.waiting) {
      if (this.isHeld(segment)) continue;
      this.waiting.delete(segment);
      for (let i = 0; i < runs.length; i += 2) {
        this.keptBlocks -= runs[i + 1]!;
        this.renew(runs[i]!, runs[i + 1]!);
      }
    }
  }

  private isHeld(segment: number): boolean {
    return this.segments.lent.has(segment) || this.hasHolds(segment);
  }

  private hasHolds(segment: number): boolean {
    if (this.holds.size === 0) return false;
    return this.holds.overlaps(segment * SEGMENT_BLOCKS, (segment + 1) * SEGMENT_BLOCKS);
  }

  /** Nothing is held in the segment. */
  private free(blk: number, n: number): void {
    this.freed.add(blk, n);
    this.capacity.used -= n * BLOCK;
    if (this.freed.full) this.renewFreed();
  }

  private renewFreed(): void {
    if (this.freed.blocks === 0) return;
    this.freed.take((blk, n) => {
      this.newPages(blk, n);
      this.allocator.give(blk, n);
    });
  }

  /** Free again. */
  private renew(blk: number, n: number): void {
    this.newPages(blk, n);
    this.untake(blk, n);
  }

  /** The blocks get them when they come to be used. */
  private newPages(blk: number, n: number): void {
    this.segments.punch(blk, n);
    this.exposed?.clear(blk, blk + n);
  }

  /** The guard must stay. Precondition: a hold was made. */
  private giveBehindHolds(segment: number, blk: number, end: number): void {
    const exposed = this.exposed!;
    for (let at = blk; at < end; ) {
      const unseen = exposed.clearRun(at, end - at);
      if (unseen > 0) {
        this.segments.zero(at, 0, unseen * BLOCK);
        this.untake(at, unseen);
        at += unseen;
        continue;
      }
      const next = exposed.nextClear(at);
      const stop = next < 0 ? end : Math.min(next, end);
      const runs = this.waiting.get(segment) ?? [];
      this.waiting.set(segment, runs);
      runs.push(at, stop - at);
      this.keptBlocks += stop - at;
      at = stop;
    }
  }
}
