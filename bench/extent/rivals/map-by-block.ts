// A Map from file block to store block. It knows no runs and no order, and costs an entry a block.
import type { Contestant } from '../contestant.js';
import type { Extents } from '../workload.js';

/** V8's Map holds 2^24 entries at most. */
const MOST_BLOCKS = 2 ** 24;

class MapByBlock implements Contestant {
  private readonly blocks = new Map<number, number>();

  load({ count, start, blk, length }: Extents): void {
    if (length.reduce((sum, n) => sum + n, 0) >= MOST_BLOCKS)
      throw new RangeError('a Map cannot hold so many blocks');
    for (let i = 0; i < count; i++) this.map(start[i]!, blk[i]!, length[i]!);
  }
  lookup(pgoff: number): number {
    return this.blocks.get(pgoff) ?? 0;
  }
  map(pgoff: number, blk: number, n: number): void {
    for (let i = 0; i < n; i++) this.blocks.set(pgoff + i, blk + i);
  }
  punch(pgoff: number, n: number): void {
    for (let i = 0; i < n; i++) this.blocks.delete(pgoff + i);
  }
}

export const create = (): Contestant => new MapByBlock();
