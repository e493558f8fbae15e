// The extent map: file block -> store block. A page table in software, the hardware's own answer to this question:
// segments of 2 MiB, each with one entry (entry.ts). Extents are not stored: an extent is a maximal run of blocks,
// so that splitting, joining and punching are writes, and no two neighbours can be what could be one.
// Counterpart: fs/xfs/libxfs/xfs_iext_tree.c, in the form of a page table.
//
// Block numbers go in and come out as numbers: pgoff 0 to 2^41 - 1 (a file of 2^53 bytes), blk 1 to 2^31 - 1; store
// block 0 belongs to no file. What a block maps to is one signed **value**: 0 a hole, blk > 0 written, -blk allocated and
// unwritten (reads as zeros). The look-ups do not check their argument: it must be an integer in range.
//
// Costs: look-ups are O(1), two or three loads; changes O(blocks changed in the segments at the two ends + segments
// between them). Neither makes garbage, but for a flat directory that grows.
import { errno } from '../base/errno.js';
import { ExtentArena } from './arena.js';
import { denseRun } from './dense.js';
import {
  ahead,
  densePage,
  HOLE,
  isHuge,
  MAX_BLK,
  MAX_PGOFF,
  runsUnit,
  runsWidth,
  SEGMENT,
  SEGMENT_SHIFT,
  WITHIN,
} from './entry.js';
import { findRun, lengthOf, startOf, valueInRuns } from './runs.js';
import { bytesOf, checkSegment, mappedIn, replaceInSegment, runEnd, valueAt } from './segment.js';
import { ExtentWalk } from './walk.js';

// Module-private aliases for the look-ups: V8 loads an imported or exported binding at each use, and checks it if it is a
// function, but compiles in a constant of the module. Measured: a fifth of a look-up.
const SHIFT = SEGMENT_SHIFT;
const MASK = WITHIN;
const BLOCKS = SEGMENT;
const LAST = MAX_BLK;
const NONE = HOLE;
const [huge, pageOf, unitOf, widthOf, onFrom] = [isHuge, densePage, runsUnit, runsWidth, ahead];
const [runInPage, inRuns, find, startIn, lengthIn] = [denseRun, valueInRuns, findRun, startOf, lengthOf];
const replace = replaceInSegment;
/** Bits of which one is set in each huge entry and each entry of runs: one test for both. */
const NOT_DENSE = 0x8000_0001 | 0;

/**
 * Arena pages that are free before a change begins, so that it never stops half way: for two partial segments, a path
 * in the directory, and, for each segment between them, an unwritten run and a slot.
 */
const SPARE_PAGES = 16;
const pagesFor = (n: number): number =>
  SPARE_PAGES + Math.floor(n / (64 * SEGMENT)) + Math.floor(n / (SEGMENT * SEGMENT));

export class ExtentMap extends ExtentWalk {
  /**
   * Out of `translate`: how many blocks from the one asked for on are one run (or one hole), itself included. 1 to
   * 512: it ends at the segment's end at the latest, also where the extent goes on.
   */
  run = 0;
  private changes = 0;
  private mapped = 0;

  /**
   * @param arena shared by all maps of a store; the map holds nothing of it while it is empty. By default one of its own.
   * @throws TypeError if it is no ExtentArena.
   */
  constructor(arena: ExtentArena = new ExtentArena()) {
    if (!(arena instanceof ExtentArena)) throw new TypeError('an extent map takes an ExtentArena');
    super(arena);
  }

  /** One line for console.log. O(extents). */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `ExtentMap { extents: ${this.count()}, blocks: ${this.blocks}, bytes: ${this.bytes}, seq: ${this.seq} }`;
  }

  /** Counts the changes: a mapping that was seen at one `seq` still holds at the same `seq` (XFS's if_seq). */
  get seq(): number {
    return this.changes;
  }

  /** Blocks that have a store block, unwritten ones too. */
  get blocks(): number {
    return this.mapped;
  }

  /** The value of block `pgoff`. */
  lookup(pgoff: number): number {
    if (pgoff >= this.flatEnd) return this.lookupFar(pgoff);
    const entry = this.flat[(this.flatAt + (pgoff >>> SHIFT)) | 0]!;
    const i = pgoff & MASK;
    if ((entry & NOT_DENSE) !== 0) return huge(entry) ? ~entry + i : inRuns(this.words, entry, i);
    return this.words[pageOf(entry) | i]!;
  }

  /** The value of block `pgoff`; `run` says for how many blocks it goes on. */
  translate(pgoff: number): number {
    if (pgoff >= this.flatEnd) return this.translateFar(pgoff);
    const i = pgoff & MASK;
    const entry = this.flat[(this.flatAt + (pgoff >>> SHIFT)) | 0]!;
    if ((entry & NOT_DENSE) !== 0) return this.translateSparse(entry, i);
    const page = pageOf(entry);
    this.run = runInPage(this.starts, this.window, page, i);
    return this.words[page | i]!;
  }

  /**
   * Maps [pgoff, pgoff + n) to the written store blocks from `blk` on, replacing its present mapping.
   * 0; -EINVAL for blocks that are no numbers of blocks; -EFBIG beyond 2^53 bytes; -ENOMEM when the arena is full,
   * then nothing has changed.
   */
  map(pgoff: number, blk: number, n: number): number {
    return this.assign(pgoff, blk, n, blk);
  }

  /** As `map`, to unwritten store blocks. */
  preallocate(pgoff: number, blk: number, n: number): number {
    return this.assign(pgoff, blk, n, -blk);
  }

  /** Turns the unwritten blocks of [pgoff, pgoff + n) into written ones, where they are. 0, -EINVAL, -ENOMEM. */
  markWritten(pgoff: number, n: number): number {
    if (!isRange(pgoff, n)) return -errno.EINVAL;
    const { arena } = this;
    const end = Math.min(pgoff + n, MAX_PGOFF);
    if (arena.room < pagesFor(this.mapped)) return -errno.ENOMEM;
    const limit = Math.ceil(end / SEGMENT);
    let changed = false;
    for (let segment = this.nextSegment(Math.floor(pgoff / SEGMENT), limit); segment >= 0; ) {
      const base = segment * SEGMENT;
      const old = this.entryOf(segment);
      const hi = Math.min(end - base, SEGMENT);
      let entry = old;
      for (let i = Math.max(pgoff - base, 0); i < hi; ) {
        const stop = Math.min(runEnd(arena, entry, i), hi);
        const value = valueAt(arena, entry, i);
        if (value < 0) {
          entry = replaceInSegment(arena, entry, i, stop, -value);
          changed = true;
        }
        i = stop;
      }
      this.setEntry(segment, old, entry);
      segment = this.nextSegment(segment + 1, limit);
    }
    if (changed) this.changes++;
    return 0;
  }

  /** Makes [pgoff, pgoff + n) a hole. 0; -EINVAL; -ENOMEM when the arena is full and the range ends within a segment. */
  punch(pgoff: number, n: number): number {
    if (this.isNear(pgoff, n) && this.arena.room >= SPARE_PAGES) {
      const dropped = this.replaceNear(pgoff, n, HOLE);
      this.mapped -= dropped;
      if (dropped > 0) this.changes++;
      return 0;
    }
    return this.punchAcross(pgoff, n);
  }

  /** As `assignAcross`. */
  private punchAcross(pgoff: number, n: number): number {
    if (!isRange(pgoff, n)) return -errno.EINVAL;
    const { arena } = this;
    const end = Math.min(pgoff + n, MAX_PGOFF);
    if (((pgoff | end) & WITHIN) !== 0 && arena.room < pagesFor(0)) return -errno.ENOMEM;
    const limit = Math.ceil(end / SEGMENT);
    arena.dropped = 0;
    for (let segment = this.nextSegment(Math.floor(pgoff / SEGMENT), limit); segment >= 0; ) {
      const base = segment * SEGMENT;
      const old = this.entryOf(segment);
      const lo = Math.max(pgoff - base, 0);
      this.setEntry(segment, old, replaceInSegment(arena, old, lo, Math.min(end - base, SEGMENT), HOLE));
      segment = this.nextSegment(segment + 1, limit);
    }
    this.mapped -= arena.dropped;
    if (arena.dropped > 0) this.changes++;
    return 0;
  }

  /** Makes everything from `pgoff` on a hole and frees its memory. Results as `punch`. */
  truncate(pgoff: number): number {
    if (!(Number.isSafeInteger(pgoff) && pgoff >= 0)) return -errno.EINVAL;
    const result = pgoff < MAX_PGOFF ? this.punch(pgoff, MAX_PGOFF - pgoff) : 0;
    if (result === 0) this.shrink(Math.ceil(pgoff / SEGMENT));
    return result;
  }

  /** Bytes of memory behind the map, without the object itself. O(segments). */
  get bytes(): number {
    let bytes = this.directoryBytes();
    for (let segment = this.nextSegment(0); segment >= 0; segment = this.nextSegment(segment + 1)) {
      bytes += bytesOf(this.entryOf(segment));
    }
    return bytes;
  }

  /** Throws Error on the first invariant that does not hold. For tests: O(blocks). */
  check(): void {
    this.checkDirectory();
    let mapped = 0;
    for (let segment = this.nextSegment(0); segment >= 0; segment = this.nextSegment(segment + 1)) {
      const entry = this.entryOf(segment);
      checkSegment(this.arena, entry);
      mapped += mappedIn(this.arena, entry);
    }
    if (mapped !== this.mapped)
      throw new Error(`extent map: ${mapped} blocks are mapped, not ${this.mapped}`);
  }

  private assign(pgoff: number, blk: number, n: number, value: number): number {
    if (
      this.isNear(pgoff, n) &&
      isInt32(blk) &&
      blk >= 1 &&
      blk <= LAST - n &&
      this.arena.room >= SPARE_PAGES
    ) {
      this.mapped += n - this.replaceNear(pgoff, n, value);
      this.changes++;
      return 0;
    }
    return this.assignAcross(pgoff, blk, n, value);
  }

  /** `assign` of a range that is not within one segment of the flat part: it spans several, is far, or is refused. */
  private assignAcross(pgoff: number, blk: number, n: number, value: number): number {
    if (!isRange(pgoff, n) || !(blk >= 1 && Number.isSafeInteger(blk) && blk + n - 1 <= MAX_BLK))
      return -errno.EINVAL;
    if (pgoff + n > MAX_PGOFF) return -errno.EFBIG;
    const { arena } = this;
    if (arena.room < pagesFor(n)) return -errno.ENOMEM;
    arena.dropped = 0;
    let segment = Math.floor(pgoff / SEGMENT);
    let lo = pgoff & WITHIN;
    let first = value;
    for (let left = n; left > 0; segment++) {
      const part = Math.min(left, SEGMENT - lo);
      const old = this.entryOf(segment);
      this.setEntry(segment, old, replaceInSegment(arena, old, lo, lo + part, first));
      first = ahead(first, part);
      left -= part;
      lo = 0;
    }
    this.mapped += n - arena.dropped;
    this.changes++;
    return 0;
  }

  /** Whether [pgoff, pgoff + n) are blocks of one segment of the flat part: most changes are. */
  private isNear(pgoff: number, n: number): boolean {
    return (
      isInt32(pgoff) &&
      pgoff >= 0 &&
      pgoff < this.flatEnd &&
      isInt32(n) &&
      n >= 1 &&
      n <= BLOCKS - (pgoff & MASK)
    );
  }

  /** Precondition: isNear, arena.room >= SPARE_PAGES. Answers how many of the blocks were mapped before. */
  private replaceNear(pgoff: number, n: number, value: number): number {
    const { arena } = this;
    const lo = pgoff & MASK;
    const at = (this.flatAt + (pgoff >>> SHIFT)) | 0;
    const old = this.flat[at]!;
    arena.dropped = 0;
    const entry = replace(arena, old, lo, lo + n, value);
    if (old !== NONE && entry !== NONE) this.flat[at] = entry;
    else this.setEntry(pgoff >>> SHIFT, old, entry);
    return arena.dropped;
  }

  // Separate methods for the far directory: inside the methods above they would slow down near look-ups.

  private lookupFar(pgoff: number): number {
    return valueAt(this.arena, this.entryOf(Math.floor(pgoff / SEGMENT)), pgoff & WITHIN);
  }

  private translateFar(pgoff: number): number {
    const i = pgoff & WITHIN;
    const entry = this.entryOf(Math.floor(pgoff / SEGMENT));
    this.run = runEnd(this.arena, entry, i) - i;
    return valueAt(this.arena, entry, i);
  }

  private translateSparse(entry: number, i: number): number {
    if (huge(entry)) {
      this.run = BLOCKS - i;
      return ~entry + i;
    }
    const { words } = this;
    const unit = unitOf(entry);
    const width = widthOf(entry);
    const at = find(words, unit, width, i);
    const key = words[at]!;
    const behind = i - startIn(key);
    const length = lengthIn(key);
    if (behind >= 0 && behind < length) {
      this.run = length - behind;
      return onFrom(words[at + width]!, behind);
    }
    this.run = behind < 0 ? -behind : (at + 1 < unit + width ? startIn(words[at + 1]!) : BLOCKS) - i;
    return NONE;
  }
}

const isInt32 = (n: number): boolean => (n | 0) === n;
const isRange = (pgoff: number, n: number): boolean =>
  Number.isSafeInteger(pgoff) && pgoff >= 0 && n >= 1 && Number.isInteger(n);
