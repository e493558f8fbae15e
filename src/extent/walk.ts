// What is asked of a map in order: the next data, the next hole, the extents of a range (FIEMAP).
// Counterparts: lseek(2) with SEEK_DATA and SEEK_HOLE, Documentation/filesystems/fiemap.rst, here in blocks.
import { errno } from '../base/errno.js';
import { denseRun } from './dense.js';
import { SegmentDirectory } from './directory.js';
import {
  ahead,
  continues,
  densePage,
  HOLE,
  isHuge,
  isRuns,
  MAX_PGOFF,
  runsUnit,
  runsWidth,
  SEGMENT,
  WITHIN,
} from './entry.js';
import { findRun, lengthOf, startOf } from './runs.js';
import { runEnd, runStart, valueAt } from './segment.js';

/** Numbers an extent takes in the array that `fiemap` fills: first file block, first store block, blocks, flags. */
export const EXTENT_FIELDS = 4;
/** The last extent of the map (FIEMAP_EXTENT_LAST). */
export const EXTENT_LAST = 0x1;
/** Allocated, reads as zeros (FIEMAP_EXTENT_UNWRITTEN). */
export const EXTENT_UNWRITTEN = 0x800;

/** What `count` looks at one after the other. */
const COUNTED = new Float64Array(64 * EXTENT_FIELDS);
// As in extent-map.ts: constants of this module are faster than imported names.
const [huge, runs, pageOf, runInPage] = [isHuge, isRuns, densePage, denseRun];
const [unitOf, widthOf, find, startIn, lengthIn] = [runsUnit, runsWidth, findRun, startOf, lengthOf];
const [END, FIELDS] = [SEGMENT, EXTENT_FIELDS];
const segmentOf = (pgoff: number): number => Math.floor(pgoff / SEGMENT);

/** Answers the index behind the extent. */
const put = (out: Float64Array, field: number, start: number, value: number, n: number): number => {
  out[field] = start;
  out[field + 1] = value < 0 ? -value : value;
  out[field + 2] = n;
  out[field + 3] = value < 0 ? EXTENT_UNWRITTEN : 0;
  return field + FIELDS;
};

const isBlock = (pgoff: number): boolean => pgoff >= 0 && Number.isSafeInteger(pgoff);
const noBlock = (pgoff: number): RangeError => new RangeError(`block ${pgoff}`);
const noRange = (pgoff: number, n: number): RangeError =>
  new RangeError(`extents of ${n} blocks from ${pgoff} on`);

export class ExtentWalk extends SegmentDirectory {
  /** The first written block at or behind `pgoff`; -ENXIO if there is none. @throws RangeError for what is no block. */
  nextData(pgoff: number): number {
    return this.next(pgoff, 1);
  }

  /** The first block at or behind `pgoff` that is not written: a hole or unwritten. There always is one, 2^41 at last. */
  nextHole(pgoff: number): number {
    return this.without(pgoff, Number.NEGATIVE_INFINITY);
  }

  /** The first block at or behind `pgoff` that has no store block. There always is one, 2^41 at last. */
  nextGap(pgoff: number): number {
    return this.without(pgoff, HOLE);
  }

  /** The first block whose value is neither above 0 nor below `least`. A dense page is read word by word: 0.6 ns each. */
  private without(pgoff: number, least: number): number {
    if (!isBlock(pgoff)) throw noBlock(pgoff);
    const { arena, words } = this;
    let i = pgoff & WITHIN;
    for (let segment = segmentOf(pgoff); segment * SEGMENT < MAX_PGOFF; segment++) {
      const entry = this.entryOf(segment);
      const isDense = entry !== HOLE && !isHuge(entry) && !runs(entry);
      const page = isDense ? pageOf(entry) : 0;
      while (i < SEGMENT && !isHuge(entry)) {
        const value = isDense ? words[page + i]! : valueAt(arena, entry, i);
        if (value <= 0 && value >= least) return segment * SEGMENT + i;
        i = isDense ? i + 1 : runEnd(arena, entry, i);
      }
      i = 0;
    }
    return MAX_PGOFF;
  }

  /** The first block at or behind `pgoff` that has a store block, written or not; -ENXIO if there is none. */
  nextMapped(pgoff: number): number {
    return this.next(pgoff, Number.NEGATIVE_INFINITY);
  }

  /**
   * Fills `out` with the extents that meet [pgoff, pgoff + n), EXTENT_FIELDS numbers each, and answers how many they
   * are. They are maximal and whole: the first may begin before the range, the last end behind it. Stops when `out`
   * is full; go on behind the last one. An `out` of length 0 counts only, as fm_extent_count = 0 does.
   * @throws RangeError for blocks that are no numbers of blocks, or an `out` of 1 to 3 numbers.
   */
  fiemap(pgoff: number, n: number, out: Float64Array): number {
    if (!(pgoff >= 0 && Number.isSafeInteger(pgoff) && n >= 0)) throw noRange(pgoff, n);
    if (out.length < FIELDS) return this.counted(pgoff, n, out);
    const { words, starts, window } = this;
    const end = Math.min(pgoff + n, MAX_PGOFF);
    const room = out.length - FIELDS;
    const from = this.extentStart(pgoff);
    let segment = this.nextSegment(segmentOf(from));
    let i = segment === segmentOf(from) ? from & WITHIN : 0;
    let field = 0;
    while (segment >= 0 && field <= room) {
      const entry = this.entryOf(segment);
      const base = segment * END;
      if (base + i >= end) break;
      const limit = Math.min(end - base, END);
      let value = HOLE;
      let next = i;
      if (huge(entry)) {
        value = ~entry + i;
        next = END;
        field = put(out, field, base + i, value, END - i);
      } else if (runs(entry)) {
        const width = widthOf(entry);
        const behind = unitOf(entry) + width;
        let at = find(words, behind - width, width, i);
        if (startIn(words[at]!) < i) at++;
        // An unused key begins at END.
        for (; at < behind && startIn(words[at]!) < limit && field <= room; at++) {
          i = startIn(words[at]!);
          value = words[at + width]!;
          next = i + lengthIn(words[at]!);
          field = put(out, field, base + i, value, next - i);
        }
        if (next < END) {
          value = HOLE;
          next = limit;
        }
      } else {
        const page = pageOf(entry);
        do {
          i = next;
          value = words[page | i]!;
          next = i + runInPage(starts, window, page, i);
          if (value !== HOLE) field = put(out, field, base + i, value, next - i);
        } while (next < limit && field <= room);
      }
      if (next < END) break;
      if (value === HOLE) {
        segment = this.nextSegment(segment + 1);
        i = 0;
      } else {
        // Only here may an extent go on: runs are maximal within their segment.
        const stop = this.extentEnd(segment + 1, ahead(value, END - i));
        out[field - FIELDS + 2] = stop - base - i;
        segment = this.nextSegment(segmentOf(stop));
        i = segment === segmentOf(stop) ? stop & WITHIN : 0;
      }
    }
    if (field > 0 && this.nextMapped(out[field - FIELDS]! + out[field - FIELDS + 2]!) < 0)
      out[field - 1]! |= EXTENT_LAST;
    return field / FIELDS;
  }

  private counted(pgoff: number, n: number, out: Float64Array): number {
    if (out.length > 0) throw new RangeError(`fiemap into ${out.length} numbers: an extent takes ${FIELDS}`);
    return this.count(pgoff, n);
  }

  /** How many extents meet [pgoff, pgoff + n), by default all. O(extents). @throws RangeError as fiemap. */
  count(pgoff = 0, n: number = MAX_PGOFF): number {
    const end = Math.min(pgoff + n, MAX_PGOFF);
    let found = 0;
    for (let from = pgoff; from < end; ) {
      const more = this.fiemap(from, end - from, COUNTED);
      found += more;
      if (more * FIELDS < COUNTED.length) break;
      from = COUNTED[COUNTED.length - FIELDS]! + COUNTED[COUNTED.length - FIELDS + 2]!;
    }
    return found;
  }

  /** Where the extent that holds `pgoff` begins; `pgoff` itself in a hole. */
  private extentStart(pgoff: number): number {
    let segment = segmentOf(pgoff);
    let entry = this.entryOf(segment);
    if (valueAt(this.arena, entry, pgoff & WITHIN) === HOLE) return pgoff;
    let i = runStart(this.arena, entry, pgoff & WITHIN);
    while (i === 0 && segment > 0) {
      const before = this.entryOf(segment - 1);
      const last = valueAt(this.arena, before, SEGMENT - 1);
      if (last === HOLE || !continues(last, valueAt(this.arena, entry, 0))) break;
      segment--;
      entry = before;
      i = runStart(this.arena, entry, SEGMENT - 1);
    }
    return segment * SEGMENT + i;
  }

  /** Where an extent ends that goes on to the beginning of `segment` if the value there is `next`. */
  private extentEnd(segment: number, next: number): number {
    const { words, starts, window } = this;
    for (; segment * END < MAX_PGOFF; segment++) {
      const entry = this.entryOf(segment);
      let stop = END;
      if (huge(entry)) {
        if (~entry !== next) break;
      } else if (runs(entry)) {
        const key = words[unitOf(entry)]!;
        if (startIn(key) !== 0 || words[unitOf(entry) + widthOf(entry)] !== next) break;
        stop = lengthIn(key);
      } else {
        const page = pageOf(entry);
        if (words[page] !== next) break;
        stop = runInPage(starts, window, page, 0);
      }
      if (stop < END) return segment * END + stop;
      next = ahead(next, END);
    }
    return segment * END;
  }

  /** The first mapped block at or behind `pgoff` whose value is `least` or more. */
  private next(pgoff: number, least: number): number {
    if (!isBlock(pgoff)) throw noBlock(pgoff);
    let i = pgoff & WITHIN;
    const first = segmentOf(pgoff);
    for (let segment = this.nextSegment(first); segment >= 0; segment = this.nextSegment(segment + 1)) {
      if (segment !== first) i = 0;
      const entry = this.entryOf(segment);
      for (; i < SEGMENT; i = runEnd(this.arena, entry, i)) {
        const value = valueAt(this.arena, entry, i);
        if (value !== HOLE && value >= least) return segment * SEGMENT + i;
      }
    }
    return -errno.ENXIO;
  }
}
