// Blocks of pooled files that were granted to a client, which may map them: held, so that no other file gets them. Blocks
// that lie side by side are one hold; holds take of the user's share.
import { errno } from '../base/errno.js';
import type { Quota } from '../base/quota.js';
import { BLOCK } from '../base/units.js';
import type { Extent, Grant } from './file-store.js';
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
  /** In order; none touches the next. */
  private readonly held: Run[] = [];
  private blocks = 0;

  /** @param room of the holds of all grants. */
  constructor(space: PooledSpace, uid: number, room: Quota) {
    this.space = space;
    this.uid = uid;
    this.room = room;
  }

  add({ segment, store, len }: Extent): number {
    const fd = this.space.lend(segment - 1);
    if (fd < 0) return fd;
    const blk = (segment - 1) * SEGMENT_BLOCKS + store / BLOCK;
    return this.hold(blk, blk + len / BLOCK) ? fd : -errno.ENOLCK;
  }

  get runs(): readonly number[] {
    return this.held.flatMap(({ start, end }) => [start, end - start]);
  }

  /** Takes over what a daemon before has granted. Precondition: it holds nothing. */
  restore(runs: readonly number[]): void {
    const { space, uid, room } = this;
    for (let i = 0; i < runs.length; i += 2) {
      const start = runs[i]!;
      const n = runs[i + 1]!;
      space.relend(start);
      room.charge(uid, 1);
      this.held.push({ start, end: start + n, hold: space.hold(start, n) });
      this.blocks += n;
    }
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

  /** False: the user has no share left for another run. */
  private hold(start: number, end: number): boolean {
    const { space, uid, room, held: runs } = this;
    const first = this.firstFrom(start);
    let next = first;
    while (next < runs.length && runs[next]!.start <= end) next++;
    const joined = runs.slice(first, next);
    const from = Math.min(start, joined[0]?.start ?? start);
    const to = Math.max(end, joined.at(-1)?.end ?? end);
    const [only] = joined;
    if (joined.length === 1 && only!.start === from && only!.end === to) return true;
    if (joined.length === 0 && !room.take(uid)) return false;
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
