// Extents as objects in a sorted array, found by binary search.
import { type Extent, OrderedExtents } from './ordered-extents.js';

export class SortedArray extends OrderedExtents {
  private readonly extents: Extent[] = [];

  protected floor(pgoff: number): Extent | undefined {
    return this.extents[this.upper(pgoff) - 1];
  }
  protected higher(pgoff: number): Extent | undefined {
    return this.extents[this.upper(pgoff)];
  }
  protected put(extent: Extent): void {
    const at = this.upper(extent.start);
    if (at === this.extents.length) this.extents.push(extent);
    else this.extents.splice(at, 0, extent);
  }
  protected drop(extent: Extent): void {
    this.extents.splice(this.upper(extent.start) - 1, 1);
  }
  protected walk(start: number, visit: (extent: Extent) => boolean): void {
    for (let i = this.upper(start - 1); i < this.extents.length; i++) if (!visit(this.extents[i]!)) return;
  }

  /** The index of the first extent with a start > `pgoff`. */
  private upper(pgoff: number): number {
    const { extents } = this;
    let low = 0;
    for (let high = extents.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (extents[middle]!.start <= pgoff) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
