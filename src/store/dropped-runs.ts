// Frees the blocks of a range of a file, some of them a call: a user may have a file of any number of blocks and runs.
import { errno } from '../base/errno.js';
import { type ExtentMap, MAX_PGOFF } from '../extent/index.js';
import { MORE } from './file-store.js';

/** Blocks of a segment of the extent map: a change that ends between two segments needs no memory. */
const SEGMENT = 512;
/** Blocks that are freed in one call: 0.1 to 0.5 ms. */
const MOST = 512;

/** Takes the blocks that are freed. */
export interface Freed {
  give(blk: number, n: number): void;
}

/** Runs to be freed: the first store block, how many. One array serves all calls in turn. */
const runs: number[] = [];

/**
 * Makes the blocks [start, end) of the map holes and frees them, from the first on.
 * @returns 0; MORE while some are left; -ENOSPC when the arena is full, then nothing is changed.
 */
export function dropRuns(map: ExtentMap, to: Freed, start: number, end: number): number {
  runs.length = 0;
  let blocks = 0;
  const first = map.nextMapped(start);
  if (first < 0 || first >= end) return 0;
  let stop = end;
  let segmentEnd = endOfSegment(first);
  for (let at = first; at >= 0 && at < end; at = map.nextMapped(at + map.run)) {
    const blk = Math.abs(map.translate(at));
    const n = Math.min(map.run, end - at);
    if (at >= segmentEnd) {
      // The next segment may have as many.
      if (blocks + SEGMENT > MOST) {
        stop = endOfSegment(at) - SEGMENT;
        break;
      }
      segmentEnd = endOfSegment(at);
    }
    blocks += n;
    addRun(blk, n);
  }
  // Blocks before the first are holes, so that a full segment is dropped whole.
  const from = Math.max(start, first - (first % SEGMENT));
  const punched = stop === MAX_PGOFF ? map.truncate(from) : map.punch(from, stop - from);
  if (punched < 0) return -errno.ENOSPC;
  if (stop === MAX_PGOFF && from > start) map.truncate(start);
  for (let i = 0; i < runs.length; i += 2) to.give(runs[i]!, runs[i + 1]!);
  return stop === end ? 0 : MORE;
}

const endOfSegment = (pgoff: number): number => pgoff - (pgoff % SEGMENT) + SEGMENT;

/** To the last run, where it goes on. */
function addRun(blk: number, n: number): void {
  const last = runs.length - 2;
  if (last >= 0 && runs[last]! + runs[last + 1]! === blk) runs[last + 1]! += n;
  else runs.push(blk, n);
}
