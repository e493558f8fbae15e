// A packed sorted array, three int32 columns, searched without branches: in the manner of the extent maps that the
// kernel's FUSE tree gained in 2026 (fs/fuse/ext_map.c), here with partial updates too.
import { type Contestant, FIELDS } from '../contestant.js';
import type { Extents } from '../workload.js';

class PackedInt32 implements Contestant {
  run = 0;
  private start = new Int32Array(16);
  private length = new Int32Array(16);
  private blk = new Int32Array(16);
  private count = 0;

  load({ count, start, blk, length }: Extents): void {
    for (let i = 0; i < count; i++) this.map(start[i]!, blk[i]!, length[i]!);
  }
  lookup(pgoff: number): number {
    const at = this.floor(pgoff);
    const behind = pgoff - this.start[at]!;
    return behind >= 0 && behind < this.length[at]! ? this.blk[at]! + behind : 0;
  }
  translate(pgoff: number): number {
    const at = this.floor(pgoff);
    const behind = pgoff - this.start[at]!;
    const length = this.length[at]!;
    this.run = 1;
    if (behind < 0 || behind >= length) return 0;
    this.run = length - behind;
    return this.blk[at]! + behind;
  }
  map(pgoff: number, blk: number, n: number): void {
    this.replace(pgoff, pgoff + n, blk);
  }
  punch(pgoff: number, n: number): void {
    this.replace(pgoff, pgoff + n, 0);
  }
  fiemap(pgoff: number, out: Float64Array): number {
    let at = this.floor(pgoff);
    if (this.start[at]! + this.length[at]! <= pgoff) at++;
    const n = Math.min(out.length / FIELDS, this.count - at);
    for (let i = 0; i < n; i++) {
      out[i * FIELDS] = this.start[at + i]!;
      out[i * FIELDS + 1] = this.blk[at + i]!;
      out[i * FIELDS + 2] = this.length[at + i]!;
      out[i * FIELDS + 3] = 0;
    }
    return n;
  }
  bytes(): number {
    return this.start.byteLength * 3;
  }

  /** The last extent with a start <= `pgoff`; 0 if there is none. */
  private floor(pgoff: number): number {
    const { start } = this;
    let at = 0;
    for (let n = this.count; n > 1; ) {
      const half = n >> 1;
      at += (Number(start[at + half]! <= pgoff) | 0) * half;
      n -= half;
    }
    return at;
  }

  /** Gives [lo, hi) the store blocks from `value` on, 0 for a hole. */
  private replace(lo: number, hi: number, value: number): void {
    const { start, length, blk, count } = this;
    // Extents from .. to - 1 meet [lo, hi) or touch it.
    let from = this.floor(lo - 1);
    if (from < count && start[from]! + length[from]! < lo) from++;
    let to = from;
    while (to < count && start[to]! <= hi) to++;

    let left = lo;
    let leftBlk = 0;
    let right = hi;
    let rightBlk = 0;
    if (from < to) {
      if (start[from]! < lo) {
        left = start[from]!;
        leftBlk = blk[from]!;
      }
      const end = start[to - 1]! + length[to - 1]!;
      if (end > hi) {
        right = end;
        rightBlk = blk[to - 1]! + hi - start[to - 1]!;
      }
    }
    let first = lo;
    let firstBlk = value;
    let end = hi;
    if (value !== 0 && left < lo && leftBlk + lo - left === value) {
      first = left;
      firstBlk = leftBlk;
      left = lo;
    }
    if (value !== 0 && right > hi && value + hi - lo === rightBlk) {
      end = right;
      right = hi;
    }
    const pieces = (left < lo ? 1 : 0) + (value !== 0 ? 1 : 0) + (right > hi ? 1 : 0);
    this.move(to, from + pieces);
    let at = from;
    if (left < lo) this.set(at++, left, lo - left, leftBlk);
    if (value !== 0) this.set(at++, first, end - first, firstBlk);
    if (right > hi) this.set(at, hi, right - hi, rightBlk);
  }

  /** Moves the extents from index `from` on to index `to`. */
  private move(from: number, to: number): void {
    const { count } = this;
    this.count += to - from;
    if (this.count > this.start.length) {
      const grown = (column: Int32Array) => {
        const twice = new Int32Array(column.length * 2);
        twice.set(column);
        return twice;
      };
      this.start = grown(this.start);
      this.length = grown(this.length);
      this.blk = grown(this.blk);
    }
    if (from === to || from === count) return;
    this.start.copyWithin(to, from, count);
    this.length.copyWithin(to, from, count);
    this.blk.copyWithin(to, from, count);
  }

  private set(at: number, start: number, length: number, blk: number): void {
    this.start[at] = start;
    this.length[at] = length;
    this.blk[at] = blk;
  }
}

export const create = (): Contestant => new PackedInt32();
