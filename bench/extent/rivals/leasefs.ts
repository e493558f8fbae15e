// Ours, one map.
import { EXTENT_FIELDS, ExtentArena, ExtentMap } from '../../../src/extent/index.js';
import { type Contestant, FIELDS } from '../contestant.js';
import type { Extents } from '../workload.js';

export class OneMap implements Contestant {
  run = 0;
  // declare: a field that was once undefined is checked at every use.
  declare private readonly extents: ExtentMap;

  constructor(arena: ExtentArena) {
    this.extents = new ExtentMap(arena);
  }

  load({ count, start, blk, length }: Extents): void {
    for (let i = 0; i < count; i++) this.map(start[i]!, blk[i]!, length[i]!);
  }
  lookup(pgoff: number): number {
    return this.extents.lookup(pgoff);
  }
  translate(pgoff: number): number {
    const map = this.extents;
    const value = map.translate(pgoff);
    this.run = map.run;
    return value;
  }
  map(pgoff: number, blk: number, n: number): void {
    if (this.extents.map(pgoff, blk, n) !== 0) throw new Error('map failed');
  }
  punch(pgoff: number, n: number): void {
    if (this.extents.punch(pgoff, n) !== 0) throw new Error('punch failed');
  }
  fiemap(pgoff: number, out: Float64Array): number {
    return this.extents.fiemap(pgoff, 2 ** 31, out);
  }
  bytes(): number {
    return this.extents.bytes;
  }
}

if (EXTENT_FIELDS !== FIELDS) throw new Error('the bench fills extents of another size');
export const create = (): Contestant => new OneMap(new ExtentArena());
