// Takes over what a daemon before had: which blocks its files have, by their maps, and which must not be used again yet.
// What is left is free, and made zero. O(extents), and O(free runs) where a segment has more pages than files map.
import { BLOCK } from '../base/units.js';
import { EXTENT_FIELDS, type ExtentMap, MAX_PGOFF } from '../extent/index.js';
import type { BlockBitmap } from './block-bitmap.js';
import type { PooledSpace } from './pooled-space.js';
import { SEGMENT_BLOCKS, segmentOf } from './segments.js';

/** What the journal says of it. */
export interface RestoredSpace {
  /** Bytes that were promised. */
  readonly total: number | undefined;
  readonly lent: ReadonlySet<number>;
  readonly exposed: BlockBitmap | undefined;
}

const extents = new Float64Array(64 * EXTENT_FIELDS);

/**
 * Precondition: nothing was taken of the space, and the segments are adopted.
 * @throws Error: two files have one block, a segment is missing, the store was larger than this one can be.
 */
export function restoreSpace(space: PooledSpace, maps: Iterable<ExtentMap>, said: RestoredSpace): void {
  const { capacity, segments } = space;
  const mapped = claimAll(space, maps);
  capacity.used = mapped.reduce((sum, n) => sum + n, 0) * BLOCK;
  const { total = capacity.total } = said;
  if (space.resize(total) < 0)
    throw new Error(`the store had ${total} bytes, and at most ${space.most} blocks now`);
  space.exposed = said.exposed;
  for (const segment of said.lent) if (segments.has(segment)) segments.lent.add(segment);
  for (let segment = 0; segment < segments.count; segment++) {
    if (segments.has(segment)) restoreFree(space, segment, mapped[segment]!);
  }
}

/** Takes the blocks of all maps out of free space; how many each segment has. */
function claimAll(space: PooledSpace, maps: Iterable<ExtentMap>): Float64Array {
  const mapped = new Float64Array(space.segments.count);
  for (const map of maps) {
    for (let from = 0; ; ) {
      const found = map.fiemap(from, MAX_PGOFF - from, extents);
      for (let at = 0; at < found * EXTENT_FIELDS; at += EXTENT_FIELDS) {
        const n = extents[at + 2]!;
        from = extents[at]! + n;
        claim(space, extents[at + 1]!, n, mapped);
      }
      if (found * EXTENT_FIELDS < extents.length) break;
    }
  }
  return mapped;
}

function claim({ allocator, segments }: PooledSpace, blk: number, n: number, mapped: Float64Array): void {
  if (!allocator.claim(blk, n))
    throw new Error(`some of the store's blocks [${blk}, ${blk + n}) have two files`);
  for (let at = blk; at < blk + n; ) {
    const segment = segmentOf(at);
    const end = Math.min((segment + 1) * SEGMENT_BLOCKS, blk + n);
    if (!segments.has(segment)) throw new Error(`segment ${segment} of the store is missing`);
    mapped[segment]! += end - at;
    at = end;
  }
}

/**
 * Free blocks may have bytes: of a write that died before its commit, of a file that is gone.
 * @param mapped blocks of the segment that files have; each has a page
 */
function restoreFree(space: PooledSpace, segment: number, mapped: number): void {
  const { allocator, segments, exposed } = space;
  const isLent = segments.lent.has(segment);
  let extra = segments.populated(segment) - mapped;
  const end = Math.min((segment + 1) * SEGMENT_BLOCKS, allocator.total + 1);
  let blk = allocator.nextFree(segment * SEGMENT_BLOCKS);
  while (blk >= 0 && blk < end && (extra > 0 || exposed !== undefined)) {
    const n = allocator.freeRun(blk, end - blk);
    if (isLent) {
      restoreLent(space, segment, blk, blk + n);
    } else {
      if (extra > 0) extra -= segments.eachPage(blk, n, (at, pages) => segments.punch(at, pages));
      space.unexpose(blk, n);
    }
    blk = allocator.nextFree(blk + n);
  }
}

/** Free blocks of a segment whose guard must stay: those that clients may have wait. */
function restoreLent(space: PooledSpace, segment: number, blk: number, end: number): void {
  const { allocator, segments, exposed, capacity } = space;
  for (let at = blk; at < end; ) {
    const unseen = exposed?.clearRun(at, end - at) ?? end - at;
    if (unseen > 0) {
      segments.eachPage(at, unseen, (from, pages) => segments.zero(from, 0, pages * BLOCK));
      at += unseen;
      continue;
    }
    const next = exposed!.nextClear(at);
    const stop = next < 0 ? end : Math.min(next, end);
    allocator.claim(at, stop - at);
    capacity.used += (stop - at) * BLOCK;
    space.keep(segment, at, stop - at);
    at = stop;
  }
}
