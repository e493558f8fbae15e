// lru-cache with 65,536 entries, block by block, before a sorted array of objects. A change would have to throw the
// cache away, so changes have a dash.
import { LRUCache } from 'lru-cache';
import type { Contestant } from '../contestant.js';
import type { Extent } from '../ordered-extents.js';
import { SortedArray } from '../sorted-array.js';
import type { Extents } from '../workload.js';

const NO_EXTENT: Extent = { start: 0, length: 0, blk: 0 };

class Found extends SortedArray {
  find(pgoff: number): Extent {
    return this.floor(pgoff) ?? NO_EXTENT;
  }
}

class Cached implements Contestant {
  run = 0;
  private readonly extents = new Found();
  private readonly cache = new LRUCache<number, Extent>({ max: 65_536 });

  load(extents: Extents): void {
    this.extents.load(extents);
  }
  lookup(pgoff: number): number {
    return this.translate(pgoff);
  }
  translate(pgoff: number): number {
    let extent = this.cache.get(pgoff);
    if (extent === undefined) {
      extent = this.extents.find(pgoff);
      this.cache.set(pgoff, extent);
    }
    const behind = pgoff - extent.start;
    this.run = 1;
    if (behind >= extent.length) return 0;
    this.run = extent.length - behind;
    return extent.blk + behind;
  }
}

export const create = (): Contestant => new Cached();
