// sorted-btree, the fastest ordered dictionary of npm. Pairs are answered in an array that is used again.
import BTree from 'sorted-btree';
import type { Contestant } from '../contestant.js';
import { type Extent, OrderedExtents } from '../ordered-extents.js';

// The package is CommonJS with a `default`.
const Tree = BTree.default;

class SortedBTree extends OrderedExtents {
  private readonly tree = new Tree<number, Extent>(undefined, (a, b) => a - b);
  private readonly pair: [number, Extent] = [0, { start: 0, length: 0, blk: 0 }];

  protected floor(pgoff: number): Extent | undefined {
    return this.tree.getPairOrNextLower(pgoff, this.pair)?.[1];
  }
  protected higher(pgoff: number): Extent | undefined {
    return this.tree.nextHigherPair(pgoff, this.pair)?.[1];
  }
  protected put(extent: Extent): void {
    this.tree.set(extent.start, extent);
  }
  protected drop(extent: Extent): void {
    this.tree.delete(extent.start);
  }
  protected walk(start: number, visit: (extent: Extent) => boolean): void {
    for (const [, extent] of this.tree.entries(start, this.pair)) if (!visit(extent)) return;
  }
}

export const create = (): Contestant => new SortedBTree();
