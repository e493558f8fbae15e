// A text that is made part by part and that a user reads piece by piece. Between two parts or pieces it takes memory of the
// daemon, out of the user's share; after the last one it takes none.
import { heapPart } from './heap.js';
import { Quota } from './quota.js';

const MIB = 2 ** 20;
const encoder = new TextEncoder();

/** For texts that are read at the same time, bytes. */
export const textRoom = (): Quota => new Quota(heapPart(8, 16 * MIB, 128 * MIB));

/** Its parts one after the other; an empty one stands for work. */
export type Source = Iterator<string, unknown>;

/** Of one call of `make`: parts, and bytes of them. */
const PARTS = 32;
const BYTES = 4096;

export class KeptText {
  /** Bytes of the whole text, when it was made. */
  size = 0;
  private readonly room: Quota;
  private readonly uid: number;
  private source: Source | undefined;
  /** What was made, and where each begins; none without a text. */
  private chunks: Uint8Array[] = [];
  private starts: number[] = [];
  private isThere = false;
  private charged = 0;
  private isRefused = false;

  constructor(room: Quota, uid: number) {
    this.room = room;
    this.uid = uid;
  }

  /** Whether a read at `off` finds its text, or is behind its end. */
  has(off: number): boolean {
    return this.isThere || (this.size > 0 && off >= this.size);
  }

  /** Makes another text in place of the one before. */
  begin(source: Source): void {
    this.drop();
    this.size = 0;
    this.isRefused = false;
    this.source = source;
  }

  /** Makes some of the text; true: it may be read now. */
  make(): boolean {
    const { source } = this;
    if (source === undefined) return true;
    let text = '';
    let isDone = false;
    for (let n = 0; n < PARTS && text.length < BYTES && !isDone; n++) {
      const next = source.next();
      if (next.done) isDone = true;
      else text += next.value;
    }
    this.add(encoder.encode(text));
    if (!isDone && this.charge()) return false;
    this.source = undefined;
    this.isThere = isDone;
    if (!isDone) this.refuse();
    return true;
  }

  /**
   * Puts the text from byte `off` on into `out`; how many bytes, 0 behind the end. Undefined: it, or the rest of it, cannot be
   * kept, since the user has no share left.
   */
  read(off: number, out: Uint8Array): number | undefined {
    if (this.isRefused) return undefined;
    let at = 0;
    for (let n = this.chunkOf(off); n < this.chunks.length && at < out.length; n++) {
      const chunk = this.chunks[n]!;
      const from = off + at - this.starts[n]!;
      const piece = chunk.subarray(from, from + out.length - at);
      out.set(piece, at);
      at += piece.length;
    }
    if (off + out.length >= this.size) this.drop();
    else if (!this.charge()) {
      this.refuse();
      return undefined;
    }
    return at;
  }

  /** Keeps nothing of it. */
  drop(): void {
    this.chunks = [];
    this.starts = [];
    this.isThere = false;
    this.source = undefined;
    if (this.charged > 0) this.room.give(this.uid, this.charged);
    this.charged = 0;
  }

  private refuse(): void {
    this.drop();
    this.size = 0;
    this.isRefused = true;
  }

  private add(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.starts.push(this.size);
    this.chunks.push(chunk);
    this.size += chunk.length;
  }

  private charge(): boolean {
    const more = this.size - this.charged;
    if (more > 0 && !this.room.take(this.uid, more)) return false;
    this.charged = this.size;
    return true;
  }

  /** The chunk that has byte `off`. */
  private chunkOf(off: number): number {
    let low = 0;
    for (let high = this.starts.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (this.starts[middle]! + this.chunks[middle]!.length <= off) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
