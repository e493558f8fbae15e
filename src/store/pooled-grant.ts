// Blocks of pooled files that were granted to a client, which may map them: held, so that no other file gets them. Blocks
// that lie side by side are one hold; holds take of the user's share.
import { errno } from '../base/errno.js';
import type { Quota } from '../base/quota.js';
import { BLOCK } from '../base/units.js';
import type { Extent, Grant, Held } from './file-store.js';
import type { PooledSpace } from './pooled-space.js';
import { SEGMENT_BLOCKS } from './segments.js';

interface Run {
  /** Blocks, half open. */
  readonly start: number;
  readonly end: number;
  readonly hold: number;
}

export class PooledGrant implements Grant {
  private readonly space: PooledSpace;
  private readonly uid: number;
  private readonly room: Quota;
  private readonly report: Held | undefined;
  /** In order; none touches the next. */
  private readonly held: Run[] = [];
  private blocks = 0;

  /** @param room of the holds of all grants. @param report called with each run that it holds from now on. */
  constructor(space: PooledSpace, uid: number, room: Quota, report?: Held) {
    this.space = space;
    this.uid = uid;
    this.room = room;
    this.report = report;
  }

  add({ segment, store, len }: Extent): number {
    const fd = this.space.lend(segment - 1);
    if (fd < 0) return fd;
    const blk = (segment - 1) * SEGMENT_BLOCKS + store / BLOCK;
    return this.hold(blk, blk + len / BLOCK, this.room.has(this.uid)) ? fd : -errno.ENOLCK;
  }

  get runs(): readonly number[] {
    return this.held.flatMap(({ start, end }) => [start, end - start]);
  }

  restore(blk: number, n: number): void {
    this.space.relend(blk, n);
    this.hold(blk, blk + n, true);
  }

  get bytes(): number {
    return this.blocks * BLOCK;
  }

  release(): void {
    this.blocks = 0;
    for (const { hold } of this.held) {
      this.space.release(hold);
      this.room.give(this.uid);
    }
    this.held.length = 0;
  }

  /** False: that needs another run, and there is no room for it. */
  private hold(start: number, end: number, hasRoom: boolean): boolean {
    const { space, uid, room, held: runs } = this;
    const first = this.firstFrom(start);
    let next = first;
    while (next < runs.length && runs[next]!.start <= end) next++;
    const joined = runs.slice(first, next);
    const from = Math.min(start, joined[0]?.start ?? start);
    const to = Math.max(end, joined.at(-1)?.end ?? end);
    const [only] = joined;
    if (joined.length === 1 && only!.start === from && only!.end === to) return true;
    if (joined.length === 0) {
      if (!hasRoom) return false;
      room.charge(uid, 1);
    }
    this.report?.(start, end - start);
    this.blocks += to - from - joined.reduce((sum, run) => sum + run.end - run.start, 0);
    runs.splice(first, joined.length, { start: from, end: to, hold: space.hold(from, to - from) });
    joined.forEach(({ hold }, n) => {
      space.release(hold);
      if (n > 0) room.give(uid);
    });
    return true;
  }

  /** The first run that ends at `blk` or behind it. */
  private firstFrom(blk: number): number {
    let low = 0;
    let high = this.held.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.held[middle]!.end < blk) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
