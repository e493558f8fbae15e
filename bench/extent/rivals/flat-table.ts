// The floor: one load from a table with the store block of every file block. Nothing answers in less.
import type { Contestant } from '../contestant.js';
import type { Extents } from '../workload.js';

/** 256 MiB. */
const MOST_BLOCKS = 2 ** 26;

class FlatTable implements Contestant {
  private table = new Int32Array(0);

  load({ count, start, blk, length, end }: Extents): void {
    if (end > MOST_BLOCKS) throw new RangeError('the file is too large for a flat table');
    this.table = new Int32Array(end);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < length[i]!; j++) this.table[start[i]! + j] = blk[i]! + j;
    }
  }
  lookup(pgoff: number): number {
    return this.table[pgoff]!;
  }
  bytes(): number {
    return this.table.byteLength;
  }
}

export const create = (): Contestant => new FlatTable();
