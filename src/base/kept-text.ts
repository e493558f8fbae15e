// A text that a user reads piece by piece. Between two pieces it takes memory of the daemon, out of the user's share; after
// the last one it takes none.
import { heapPart } from './heap.js';
import { Quota } from './quota.js';

const MIB = 2 ** 20;
const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();

/** For texts that are read at the same time, bytes. */
export const textRoom = (): Quota => new Quota(heapPart(8, 16 * MIB, 128 * MIB));

export class KeptText {
  /** Bytes of the whole text; 0 before the first read. */
  size = 0;
  private readonly room: Quota;
  private readonly uid: number;
  private bytes: Uint8Array | undefined;
  private isCharged = false;

  constructor(room: Quota, uid: number) {
    this.room = room;
    this.uid = uid;
  }

  /** Whether a read at `off` finds its text, or is behind its end. */
  has(off: number): boolean {
    return this.bytes !== undefined || (this.size > 0 && off >= this.size);
  }

  /**
   * Up to `length` bytes from byte `off` on, of the text that is kept or made now. Undefined: the rest cannot be kept,
   * since the user has no share left.
   */
  read(off: number, length: number, make: () => string): Uint8Array | undefined {
    if (!this.has(off)) {
      this.bytes = encoder.encode(make());
      this.size = this.bytes.length;
    }
    const piece = this.bytes?.subarray(off, off + length) ?? NOTHING;
    if (off + length >= this.size) this.drop();
    else if (!this.charge()) {
      this.drop();
      return undefined;
    }
    return piece;
  }

  /** Keeps nothing of it. */
  drop(): void {
    this.bytes = undefined;
    if (this.isCharged) this.room.give(this.uid, this.size);
    this.isCharged = false;
  }

  private charge(): boolean {
    this.isCharged ||= this.room.take(this.uid, this.size);
    return this.isCharged;
  }
}
