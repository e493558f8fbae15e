// Ours as a filesystem uses it: 64 files of one arena, the file is found in a table first. The extents are dealt out
// to the files in pieces of equal size.
import { ExtentArena, ExtentMap } from '../../../src/extent/index.js';
import type { Contestant } from '../contestant.js';
import type { Extents } from '../workload.js';

const FILES = 64;
/** The least size of a file in blocks, a segment: runs end there anyway. */
const SMALLEST = 9;

interface File {
  readonly ino: number;
  readonly map: ExtentMap;
}

class Files implements Contestant {
  run = 0;
  private readonly files: File[];
  private shift = SMALLEST;
  private within = 2 ** SMALLEST - 1;

  constructor() {
    const arena = new ExtentArena();
    this.files = Array.from({ length: FILES }, (_, ino) => ({ ino, map: new ExtentMap(arena) }));
  }
  load({ count, start, blk, length, end }: Extents): void {
    this.reach(end);
    for (let i = 0; i < count; i++) this.map(start[i]!, blk[i]!, length[i]!);
  }
  /** Makes the files so large that they hold `end` blocks together. */
  reach(end: number): void {
    this.shift = Math.max(SMALLEST, Math.ceil(Math.log2(end / FILES)));
    this.within = 2 ** this.shift - 1;
  }
  lookup(pgoff: number): number {
    return this.files[pgoff >>> this.shift]!.map.lookup(pgoff & this.within);
  }
  translate(pgoff: number): number {
    const { map } = this.files[pgoff >>> this.shift]!;
    const value = map.translate(pgoff & this.within);
    this.run = map.run;
    return value;
  }
  map(pgoff: number, blk: number, n: number): void {
    for (let at = pgoff; at < pgoff + n; ) {
      const part = Math.min(pgoff + n - at, this.within + 1 - (at & this.within));
      const result = this.files[at >>> this.shift]!.map.map(at & this.within, blk + at - pgoff, part);
      if (result !== 0) throw new Error('map failed');
      at += part;
    }
  }
  punch(pgoff: number, n: number): void {
    for (let at = pgoff; at < pgoff + n; ) {
      const part = Math.min(pgoff + n - at, this.within + 1 - (at & this.within));
      if (this.files[at >>> this.shift]!.map.punch(at & this.within, part) !== 0)
        throw new Error('punch failed');
      at += part;
    }
  }
  bytes(): number {
    return this.files.reduce((sum, { map }) => sum + map.bytes, 0);
  }
}

export const create = (): Contestant => new Files();
