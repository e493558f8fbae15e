// The second floor: what a page table cannot do without. A directory, pages of 512 blocks, no checks, no other forms.
import type { Contestant } from '../contestant.js';
import type { Extents } from '../workload.js';

const SHIFT = 9;
const PAGE = 2 ** SHIFT;
/** 256 MiB of pages. */
const MOST_BLOCKS = 2 ** 26;

class TwoLevelTable implements Contestant {
  private directory = new Int32Array(0);
  private pages = new Int32Array(0);

  load({ count, start, blk, length, end }: Extents): void {
    if (end > MOST_BLOCKS) throw new RangeError('the file is too large for dense pages');
    const segments = Math.ceil(end / PAGE);
    this.directory = Int32Array.from({ length: segments }, (_, i) => i * PAGE);
    this.pages = new Int32Array(segments * PAGE);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < length[i]!; j++) this.pages[start[i]! + j] = blk[i]! + j;
    }
  }
  lookup(pgoff: number): number {
    return this.pages[this.directory[pgoff >>> SHIFT]! + (pgoff & (PAGE - 1))]!;
  }
  bytes(): number {
    return this.directory.byteLength + this.pages.byteLength;
  }
}

export const create = (): Contestant => new TwoLevelTable();
