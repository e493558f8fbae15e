// An extent map over any ordered dictionary of records by first block: what one writes on top of a tree from npm. A
// process holds one subclass only, so its calls are monomorphic.
import { type Contestant, FIELDS } from './contestant.js';
import type { Extents } from './workload.js';

export interface Extent {
  readonly start: number;
  length: number;
  blk: number;
}

export abstract class OrderedExtents implements Contestant {
  run = 0;

  /** The extent with the greatest start <= `pgoff`. */
  protected abstract floor(pgoff: number): Extent | undefined;
  /** The extent with the least start > `pgoff`. */
  protected abstract higher(pgoff: number): Extent | undefined;
  protected abstract put(extent: Extent): void;
  protected abstract drop(extent: Extent): void;
  /** Visits the extents with a start >= `start` in order until `visit` answers false. */
  protected abstract walk(start: number, visit: (extent: Extent) => boolean): void;

  load({ count, start, blk, length }: Extents): void {
    for (let i = 0; i < count; i++) this.put({ start: start[i]!, length: length[i]!, blk: blk[i]! });
  }

  lookup(pgoff: number): number {
    const extent = this.floor(pgoff);
    if (extent === undefined) return 0;
    const behind = pgoff - extent.start;
    return behind < extent.length ? extent.blk + behind : 0;
  }

  translate(pgoff: number): number {
    const extent = this.floor(pgoff);
    this.run = 1;
    if (extent === undefined) return 0;
    const behind = pgoff - extent.start;
    if (behind >= extent.length) return 0;
    this.run = extent.length - behind;
    return extent.blk + behind;
  }

  punch(pgoff: number, n: number): void {
    const end = pgoff + n;
    const first = this.floor(pgoff);
    if (first !== undefined && first.start + first.length > pgoff) this.cut(first, pgoff, end);
    for (let next = this.higher(pgoff); next !== undefined && next.start < end; next = this.higher(pgoff)) {
      this.cut(next, pgoff, end);
      if (next.start + next.length > end) break;
    }
  }

  map(pgoff: number, blk: number, n: number): void {
    this.punch(pgoff, n);
    const before = this.floor(pgoff);
    const after = this.higher(pgoff);
    let length = n;
    if (after !== undefined && after.start === pgoff + n && after.blk === blk + n) {
      length += after.length;
      this.drop(after);
    }
    if (
      before !== undefined &&
      before.start + before.length === pgoff &&
      before.blk + before.length === blk
    ) {
      before.length += length;
    } else {
      this.put({ start: pgoff, length, blk });
    }
  }

  fiemap(pgoff: number, out: Float64Array): number {
    const extent = this.floor(pgoff);
    const from = extent !== undefined && extent.start + extent.length > pgoff ? extent.start : pgoff;
    const most = out.length / FIELDS;
    let found = 0;
    this.walk(from, ({ start, blk, length }) => {
      out[found * FIELDS] = start;
      out[found * FIELDS + 1] = blk;
      out[found * FIELDS + 2] = length;
      out[found * FIELDS + 3] = 0;
      return ++found < most;
    });
    return found;
  }

  /** Takes [from, to) out of an extent that meets it. */
  private cut(extent: Extent, from: number, to: number): void {
    const { start, blk, length } = extent;
    if (start < from) extent.length = from - start;
    else this.drop(extent);
    if (start + length > to) this.put({ start: to, length: start + length - to, blk: blk + to - start });
  }
}
