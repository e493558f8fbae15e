// functional-red-black-tree: persistent, so each change makes a path of new nodes.
import createTree from 'functional-red-black-tree';
import type { Contestant } from '../contestant.js';
import { type Extent, OrderedExtents } from '../ordered-extents.js';

class FunctionalTree extends OrderedExtents {
  private tree = createTree<number, Extent>((a, b) => a - b);

  protected floor(pgoff: number): Extent | undefined {
    return this.tree.le(pgoff).value;
  }
  protected higher(pgoff: number): Extent | undefined {
    return this.tree.gt(pgoff).value;
  }
  protected put(extent: Extent): void {
    this.tree = this.tree.insert(extent.start, extent);
  }
  protected drop(extent: Extent): void {
    this.tree = this.tree.remove(extent.start);
  }
  protected walk(start: number, visit: (extent: Extent) => boolean): void {
    const iterator = this.tree.ge(start);
    for (; iterator.valid && iterator.value !== undefined; iterator.next())
      if (!visit(iterator.value)) return;
  }
}

export const create = (): Contestant => new FunctionalTree();
