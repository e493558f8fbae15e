// Gives the holes of a range of a file their blocks: takes them, populates them, maps them.
import { errno } from '../base/errno.js';
import type { ExtentMap } from '../extent/index.js';
import type { Window } from './block-allocator.js';
import type { PooledSpace } from './pooled-space.js';

/** Runs that one change takes: file block, store block, how many. One array serves all changes in turn. */
const runs: number[] = [];
const RUN = 3;

/**
 * Precondition: as many blocks are available as [start, end) has holes.
 * @param written or only allocated. @returns 0; -ENOSPC, -EMFILE: when the arena is full, some holes are filled.
 */
export function fillRuns(
  map: ExtentMap,
  space: PooledSpace,
  window: Window,
  start: number,
  end: number,
  written: boolean,
): number {
  takeFor(map, space, window, start, end);
  return populateRuns(space) || mapRuns(map, space, written);
}

/** Takes blocks for the holes of [start, end) into `runs`. */
function takeFor(map: ExtentMap, space: PooledSpace, window: Window, start: number, end: number): void {
  runs.length = 0;
  // Where the blocks in front go on.
  let goal = start > 0 ? Math.abs(map.lookup(start - 1)) : 0;
  if (goal > 0) goal++;
  for (let at = start; at < end; ) {
    const value = map.translate(at);
    const n = Math.min(map.run, end - at);
    if (value !== 0) goal = Math.abs(value) + n;
    for (let done = 0; value === 0 && done < n; done += space.run) {
      const blk = space.take(window, goal, n - done);
      goal = blk + space.run;
      pushRun(at + done, blk, space.run);
    }
    at += n;
  }
}

/** Populates the blocks of `runs`, or frees them all. */
function populateRuns(space: PooledSpace): number {
  for (let i = 0; i < runs.length; i += RUN) {
    const result = space.segments.populate(runs[i + 1]!, runs[i + 2]!);
    if (result === 0) continue;
    for (let j = 0; j < i; j += RUN) space.give(runs[j + 1]!, runs[j + 2]!);
    for (let j = i; j < runs.length; j += RUN) space.untake(runs[j + 1]!, runs[j + 2]!);
    return result;
  }
  return 0;
}

/** When the arena is full, the blocks mapped so far stay: they are zero and read as the hole did. */
function mapRuns(map: ExtentMap, space: PooledSpace, written: boolean): number {
  for (let i = 0; i < runs.length; i += RUN) {
    const pgoff = runs[i]!;
    const blk = runs[i + 1]!;
    const n = runs[i + 2]!;
    const result = written ? map.map(pgoff, blk, n) : map.preallocate(pgoff, blk, n);
    if (result === 0) continue;
    for (let j = i; j < runs.length; j += RUN) space.give(runs[j + 1]!, runs[j + 2]!);
    return -errno.ENOSPC;
  }
  return 0;
}

/** Adds to `runs`, to the last of them where it goes on. */
function pushRun(pgoff: number, blk: number, n: number): void {
  const last = runs.length - RUN;
  if (last >= 0 && runs[last]! + runs[last + 2]! === pgoff && runs[last + 1]! + runs[last + 2]! === blk) {
    runs[last + 2]! += n;
  } else {
    runs.push(pgoff, blk, n);
  }
}
