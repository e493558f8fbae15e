// Blocks of pooled files that were granted to a client, which may map them: held, so that no other file gets them.
import { BLOCK } from '../base/units.js';
import type { Extent, Grant } from './file-store.js';
import type { PooledSpace } from './pooled-space.js';
import { SEGMENT_BLOCKS } from './segments.js';

export class PooledGrant implements Grant {
  private readonly space: PooledSpace;
  /** By their first block, so that a repeated grant of the same blocks holds them once. */
  private readonly held = new Map<number, { readonly blocks: number; readonly hold: number }>();

  constructor(space: PooledSpace) {
    this.space = space;
  }

  add({ segment, store, len }: Extent): number {
    const { space, held } = this;
    const fd = space.lend(segment - 1);
    if (fd < 0) return fd;
    const blk = (segment - 1) * SEGMENT_BLOCKS + store / BLOCK;
    const blocks = len / BLOCK;
    const before = held.get(blk);
    if (before !== undefined && before.blocks >= blocks) return fd;
    held.set(blk, { blocks, hold: space.hold(blk, blocks) });
    if (before !== undefined) space.release(before.hold);
    return fd;
  }

  release(): void {
    for (const { hold } of this.held.values()) this.space.release(hold);
    this.held.clear();
  }
}
