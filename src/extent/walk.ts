// What is asked of a map in order: the next data, the next hole, the extents of a range (FIEMAP).
// Counterparts: lseek(2) with SEEK_DATA and SEEK_HOLE, Documentation/filesystems/fiemap.rst, here in blocks.
import { errno } from '../base/errno.js';
import { denseRun } from './dense.js';
import { SegmentDirectory } from './directory.js';
import { ahead, continues, densePage, HOLE, isHuge, isRuns, MAX_PGOFF, SEGMENT, WITHIN } from './entry.js';
import { runEnd, runStart, valueAt } from './segment.js';

/** Numbers an extent takes in the array that `fiemap` fills: first file block, first store block, blocks, flags. */
export const EXTENT_FIELDS = 4;
/** The last extent of the map (FIEMAP_EXTENT_LAST). */
export const EXTENT_LAST = 0x1;
/** Allocated, reads as zeros (FIEMAP_EXTENT_UNWRITTEN). */
export const EXTENT_UNWRITTEN = 0x800;

const COUNT_ONLY = new Float64Array(0);
// As in extent-map.ts: constants of this module are faster than imported names.
const [huge, runs, pageOf, runInPage, END, FIELDS] = [
  isHuge,
  isRuns,
  densePage,
  denseRun,
  SEGMENT,
  EXTENT_FIELDS,
];
const segmentOf = (pgoff: number): number => Math.floor(pgoff / SEGMENT);

export class ExtentWalk extends SegmentDirectory {
  /** The first written block at or behind `pgoff`; -ENXIO if there is none. */
  nextData(pgoff: number): number {
    return this.next(pgoff, 1);
  }

  /** The first block at or behind `pgoff` that is not written: a hole or unwritten. There always is one, 2^41 at last. */
  nextHole(pgoff: number): number {
    let i = pgoff & WITHIN;
    for (let segment = segmentOf(pgoff); segment * SEGMENT < MAX_PGOFF; segment++) {
      const entry = this.entryOf(segment);
      if (!isHuge(entry)) {
        for (; i < SEGMENT; i = runEnd(this.arena, entry, i)) {
          if (valueAt(this.arena, entry, i) <= 0) return segment * SEGMENT + i;
        }
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
   */
  fiemap(pgoff: number, n: number, out: Float64Array): number {
    const { arena, words, starts } = this;
    const countOnly = out.length < EXTENT_FIELDS;
    const most = countOnly ? Number.POSITIVE_INFINITY : Math.floor(out.length / EXTENT_FIELDS);
    const end = Math.min(pgoff + n, MAX_PGOFF);
    let found = 0;
    // The extent at hand: [start, follow), and the value that would go on it.
    let start = 0;
    let value = HOLE;
    let follow = 0;
    let following = HOLE;

    const from = this.extentStart(pgoff);
    let i = from & WITHIN;
    let segment = this.nextSegment(segmentOf(from));
    if (segment !== segmentOf(from)) i = 0;
    let more = false;
    walk: for (; segment >= 0; segment = this.nextSegment(segment + 1)) {
      const entry = this.entryOf(segment);
      const base = segment * END;
      const dense = !huge(entry) && !runs(entry);
      const page = dense ? pageOf(entry) : 0;
      while (i < END) {
        const first = dense ? words[page + i]! : valueAt(arena, entry, i);
        const stop = dense ? i + runInPage(starts, page, i) : runEnd(arena, entry, i);
        if (first !== HOLE) {
          if (first !== following || base + i !== follow) {
            if (value !== HOLE) {
              if (!countOnly) put(out, found, start, value, follow);
              found++;
            }
            value = HOLE;
            if (base + i >= end || found === most) {
              more = true;
              break walk;
            }
            start = base + i;
            value = first;
          }
          follow = base + stop;
          following = ahead(first, stop - i);
        }
        i = stop;
      }
      i = 0;
    }
    if (value !== HOLE) {
      if (!countOnly) put(out, found, start, value, follow);
      found++;
    }
    if (!countOnly && found > 0 && !more) out[found * EXTENT_FIELDS - 1]! |= EXTENT_LAST;
    return found;
  }

  /** How many extents meet [pgoff, pgoff + n), by default all. O(extents). */
  count(pgoff = 0, n: number = MAX_PGOFF): number {
    return this.fiemap(pgoff, n, COUNT_ONLY);
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

  /** The first mapped block at or behind `pgoff` whose value is `least` or more. */
  private next(pgoff: number, least: number): number {
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

function put(out: Float64Array, at: number, start: number, value: number, end: number): void {
  const field = at * FIELDS;
  out[field] = start;
  out[field + 1] = value < 0 ? -value : value;
  out[field + 2] = end - start;
  out[field + 3] = value < 0 ? EXTENT_UNWRITTEN : 0;
}
