// @flatten-js/interval-tree. Its intervals are closed. It cannot be walked in order from a place on: FIEMAP asks it
// for a range that holds about so many extents, and for a larger one if they were too few.
import IntervalTree from '@flatten-js/interval-tree';
import { type Contestant, FIELDS } from '../contestant.js';
import type { Extent } from '../ordered-extents.js';
import type { Extents } from '../workload.js';

class FlattenTree implements Contestant {
  run = 0;
  private readonly tree = new IntervalTree<Extent>();
  private end = 0;
  private blocksAnExtent = 16;

  load({ count, start, blk, length, end }: Extents): void {
    for (let i = 0; i < count; i++) this.put({ start: start[i]!, length: length[i]!, blk: blk[i]! });
    this.blocksAnExtent = Math.ceil(end / count);
  }
  lookup(pgoff: number): number {
    return this.translate(pgoff);
  }
  translate(pgoff: number): number {
    const extent = this.tree.search([pgoff, pgoff])[0];
    this.run = 1;
    if (extent === undefined) return 0;
    this.run = extent.start + extent.length - pgoff;
    return extent.blk + pgoff - extent.start;
  }
  map(pgoff: number, blk: number, n: number): void {
    const end = pgoff + n;
    let start = pgoff;
    let last = end;
    let first = blk;
    for (const extent of this.tree.search([pgoff - 1, end])) {
      const behind = extent.start + extent.length;
      if (behind === pgoff && extent.blk + extent.length === blk) {
        start = extent.start;
        first = extent.blk;
        this.drop(extent);
      } else if (extent.start === end && extent.blk === blk + n) {
        last = behind;
        this.drop(extent);
      } else if (behind > pgoff && extent.start < end) {
        this.cut(extent, pgoff, end);
        // What is left of it may go on the new extent or be gone on with.
        if (extent.start < pgoff && extent.blk + pgoff - extent.start === blk) {
          this.tree.remove([extent.start, pgoff - 1]);
          start = extent.start;
          first = extent.blk;
        }
        if (behind > end && extent.blk + end - extent.start === blk + n) {
          this.tree.remove([end, behind - 1]);
          last = behind;
        }
      }
    }
    this.put({ start, length: last - start, blk: first });
  }
  punch(pgoff: number, n: number): void {
    for (const extent of this.tree.search([pgoff, pgoff + n - 1])) this.cut(extent, pgoff, pgoff + n);
  }
  fiemap(pgoff: number, out: Float64Array): number {
    const most = out.length / FIELDS;
    for (let range = most * this.blocksAnExtent; ; range *= 2) {
      const found = this.tree.search([pgoff, pgoff + range]);
      if (found.length < most && pgoff + range < this.end) continue;
      const n = Math.min(found.length, most);
      for (let i = 0; i < n; i++) {
        const { start, blk, length } = found[i]!;
        out[i * FIELDS] = start;
        out[i * FIELDS + 1] = blk;
        out[i * FIELDS + 2] = length;
        out[i * FIELDS + 3] = 0;
      }
      return n;
    }
  }

  private put(extent: Extent): void {
    this.tree.insert([extent.start, extent.start + extent.length - 1], extent);
    this.end = Math.max(this.end, extent.start + extent.length);
  }
  private drop(extent: Extent): void {
    this.tree.remove([extent.start, extent.start + extent.length - 1], extent);
  }
  private cut(extent: Extent, from: number, to: number): void {
    const { start, blk, length } = extent;
    this.drop(extent);
    if (start < from) this.put({ start, length: from - start, blk });
    if (start + length > to) this.put({ start: to, length: start + length - to, blk: blk + to - start });
  }
}

export const create = (): Contestant => new FlattenTree();
