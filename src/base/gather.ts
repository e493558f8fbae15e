// A reply in several pieces of memory, which is written without a copy (as writev).

/** An unaligned read of 1 MiB touches 257 blocks, which may all lie apart. */
const MAX_PIECES = 512;

/** One object serves each read in turn and makes no garbage. */
export class Gather {
  /** Of each piece: the memory, and at 2i and 2i + 1 the first byte in it and how many, in bytes. */
  readonly memories: ArrayBuffer[] = [];
  readonly places = new Float64Array(2 * MAX_PIECES);
  count = 0;

  /** Precondition: fewer than 512 pieces so far. */
  add(memory: ArrayBuffer, at: number, length: number): void {
    const i = this.count++;
    this.memories[i] = memory;
    this.places[2 * i] = at;
    this.places[2 * i + 1] = length;
  }

  clear(): void {
    this.count = 0;
  }

  /** Copies the pieces together, for a transport that needs one buffer. Precondition: they fit. */
  copyTo(out: Uint8Array): void {
    let to = 0;
    for (let i = 0; i < this.count; i++) {
      const length = this.places[2 * i + 1]!;
      out.set(new Uint8Array(this.memories[i]!, this.places[2 * i]!, length), to);
      to += length;
    }
  }
}
