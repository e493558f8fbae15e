import { BLOCK } from '../../src/base/units.js';

/** What a file is, in the simplest form: its bytes, and which blocks are there and written. */
export class Naive {
  bytes = Buffer.alloc(0);
  readonly blocks = new Map<number, boolean>();

  resize(size: number): void {
    const next = Buffer.alloc(size);
    this.bytes.copy(next);
    this.bytes = next;
  }

  grow(size: number): void {
    if (size > this.bytes.length) this.resize(size);
  }

  missing(off: number, len: number): number {
    let missing = 0;
    for (let i = Math.floor(off / BLOCK); i * BLOCK < off + len; i++) if (!this.blocks.has(i)) missing++;
    return missing;
  }

  /** How many of the bytes find a block while `left` are left. */
  fitting(off: number, len: number, left: number): number {
    for (let i = Math.floor(off / BLOCK); i * BLOCK < off + len; i++) {
      if (!this.blocks.has(i) && left-- === 0) return Math.max(0, i * BLOCK - off);
    }
    return len;
  }

  give(off: number, len: number, written: boolean): void {
    for (let i = Math.floor(off / BLOCK); i * BLOCK < off + len; i++) {
      this.blocks.set(i, written || this.blocks.get(i) === true);
    }
  }

  clear(off: number, len: number): void {
    const { length } = this.bytes;
    this.bytes.fill(0, Math.min(off, length), Math.min(off + len, length));
  }

  drop(start: number, end: number): void {
    for (const i of this.blocks.keys()) if (i >= start && i < end) this.blocks.delete(i);
  }
}
