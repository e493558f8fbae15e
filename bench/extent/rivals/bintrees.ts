// The red-black tree of bintrees.
import bintrees from 'bintrees';
import type { Contestant } from '../contestant.js';
import { type Extent, OrderedExtents } from '../ordered-extents.js';

class Bintrees extends OrderedExtents {
  private readonly tree = new bintrees.RBTree<Extent>((a, b) => a.start - b.start);
  private readonly key = { start: 0, length: 0, blk: 0 };

  protected floor(pgoff: number): Extent | undefined {
    return this.tree.upperBound(this.at(pgoff)).prev() ?? undefined;
  }
  protected higher(pgoff: number): Extent | undefined {
    return this.tree.upperBound(this.at(pgoff)).data() ?? undefined;
  }
  protected put(extent: Extent): void {
    this.tree.insert(extent);
  }
  protected drop(extent: Extent): void {
    this.tree.remove(extent);
  }
  protected walk(start: number, visit: (extent: Extent) => boolean): void {
    const iterator = this.tree.lowerBound(this.at(start));
    for (let extent = iterator.data(); extent !== null; extent = iterator.next()) if (!visit(extent)) return;
  }
  private at(pgoff: number): Extent {
    this.key.start = pgoff;
    return this.key;
  }
}

export const create = (): Contestant => new Bintrees();
