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
//
// With a journal, what a truncate or a punch frees keeps its bytes until the next commit: a death of the daemon before it
// undoes the change, and the blocks are the file's again. They count as free at once. When nothing else is left they are used
// before the commit: a death in the time of that one request would show the file's readers other bytes, until the truncate or
// the punch, which the kernel sends again, has freed the blocks again.
import { errno } from '../base/errno.js';
import { BLOCK } from '../base/units.js';
import { type ExtentArena, type ExtentMap, MAX_PGOFF } from '../extent/index.js';
import { RangeIndex } from '../extent/range-index.js';
import { BlockAllocator, type Window } from './block-allocator.js';
import { BlockBitmap } from './block-bitmap.js';
import { dropRuns, type Freed } from './dropped-runs.js';
import { Capacity, MORE } from './file-store.js';
import { FreedRuns } from './freed-runs.js';
import { IdleBlocks } from './idle-blocks.js';
import type { PooledRecords } from './pooled-records.js';
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
  readonly allocator: BlockAllocator;
  private readonly holds = new RangeIndex();
  private lastHold = 0;
  /** Blocks that were held since they last got new pages; made with the first hold. */
  exposed: BlockBitmap | undefined;
  /** Freed blocks with their old pages, in segments where nothing is held. */
  private readonly freed = new FreedRuns();
  /** Freed blocks that wait, by segment. */
  private readonly waiting = new Map<number, Runs>();
  private keptBlocks = 0;
  /** What deleted files had: they count as free, and are freed bit by bit. */
  private readonly left = new Set<ExtentMap>();
  /** Frees without waiting for a commit. */
  readonly now: Freed = { give: (blk, n) => this.giveNow(blk, n) };
  private leftBlocks = 0;
  /** Set before the first file, or never. */
  records: PooledRecords | undefined;
  /** Of a file. */
  lastNumber = 0;
  /** More is left than one call of `tidy` frees, since a commit. */
  onLeft: (() => void) | undefined;
  private readonly idle = new IdleBlocks(() => this.committed());

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
    return Math.min(
      this.allocator.available + this.freed.blocks + this.leftBlocks + this.idle.blocks,
      this.room,
    );
  }

  /** What --size leaves, in blocks. */
  private get room(): number {
    return Math.max(0, this.capacity.free / BLOCK);
  }

  /** -EINVAL below what is used and beyond `most`. */
  resize(size: number): number {
    const blocks = wholeBlocks(size);
    if (blocks > this.most || blocks * BLOCK < this.capacity.used) return -errno.EINVAL;
    this.capacity.total = blocks * BLOCK;
    this.records?.size();
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
    if (this.allocator.available + this.freed.blocks < want) {
      this.idle.settle();
      while (this.allocator.available + this.freed.blocks < want && this.tidy());
    }
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

  /** Frees some of what was left; whether more is, but for what awaits a commit. */
  tidy(): boolean {
    if (this.idle.hasSettled) {
      this.freeIdle();
      return this.idle.hasSettled || this.left.size > 0;
    }
    for (const map of this.left) {
      const { blocks } = map;
      const result = dropRuns(map, this.now, 0, MAX_PGOFF);
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

  /** Frees populated blocks; with a journal, behind its next commit. */
  give(blk: number, n: number): void {
    const { records } = this;
    if (records === undefined) {
      this.giveNow(blk, n);
      return;
    }
    this.settle();
    for (let at = blk; at < blk + n; ) {
      const segment = segmentOf(at);
      const end = Math.min((segment + 1) * SEGMENT_BLOCKS, blk + n);
      const isHeld = this.isHeld(segment);
      this.idle.add(records.journal, at, end - at, isHeld);
      if (!isHeld) this.capacity.used -= (end - at) * BLOCK;
      at = end;
    }
  }

  private giveNow(blk: number, n: number): void {
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
    this.keepUncommitted();
    while (this.tidy());
    if (this.keptBlocks > this.capacity.total / BLOCK / 4) {
      this.settle();
      if (this.keptBlocks > this.capacity.total / BLOCK / 4) return -errno.ENOLCK;
    }
    this.renewFreed();
    const wasLent = this.segments.lent.has(segment);
    const fd = this.segments.lend(segment);
    if (fd >= 0 && !wasLent) this.records?.lent(segment, true);
    return fd;
  }

  /** The client that had [blk, blk + n) from the daemon before may ask for more of those segments. */
  relend(blk: number, n: number): void {
    for (let segment = segmentOf(blk); segment <= segmentOf(blk + n - 1); segment++)
      this.segments.relend(segment);
  }

  /** The file does not grow any more. */
  close(window: Window): void {
    this.allocator.close(window);
  }

  /** Holds [blk, blk + n) until `release` of the number that is answered. Holds may overlap. */
  hold(blk: number, n: number): number {
    this.keepUncommitted();
    while (this.tidy());
    this.renewFreed();
    this.exposed ??= new BlockBitmap(this.allocator.total + 1);
    this.exposed.set(blk, blk + n);
    this.records?.exposed(blk, n, true);
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
      if (!this.hasHolds(segment) && this.segments.reclaim(segment)) this.records?.lent(segment, false);
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
    this.unexpose(blk, n);
  }

  /** They have new pages, or none. */
  unexpose(blk: number, n: number): void {
    const { exposed } = this;
    if (exposed === undefined || exposed.clearRun(blk, n) === n) return;
    exposed.clear(blk, blk + n);
    this.records?.exposed(blk, n, false);
  }

  /** Behind a commit of blocks that were freed. */
  private committed(): void {
    this.idle.settle();
    this.idle.takeHeld((blk, n) => this.giveNow(blk, n));
    this.freeIdle();
    if (this.idle.hasSettled) this.onLeft?.();
  }

  private freeIdle(): void {
    this.idle.slice((blk, n) => this.freed.add(blk, n));
    if (this.freed.full) this.renewFreed();
  }

  /** Before something is held: what awaits a commit is freed by the rules for what is held. */
  private keepUncommitted(): void {
    this.capacity.used += this.idle.keep() * BLOCK;
  }

  /** Freed, and not to be used yet. */
  keep(segment: number, blk: number, n: number): void {
    const runs = this.waiting.get(segment) ?? [];
    this.waiting.set(segment, runs);
    runs.push(blk, n);
    this.keptBlocks += n;
  }

  /** The guard must stay. */
  private giveBehindHolds(segment: number, blk: number, end: number): void {
    this.exposed ??= new BlockBitmap(this.allocator.total + 1);
    const { exposed } = this;
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
      this.keep(segment, at, stop - at);
      at = stop;
    }
  }
}
