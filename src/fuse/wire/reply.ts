// The buffer of the record to the kernel: fuse_out_header, 16 bytes, then the payload.
//
//    0 len        4 error (0 or -errno; of a notification its code)        8 unique (64 bits, 0 of a notification)
//
// Positions (`at`) are bytes from the payload's begin, multiples of 4. One buffer serves all: an adapter writes it only
// after its operation has answered, since an operation may wake parked requests, whose replies are written first. The
// operations that fill it themselves (read, readlink, readdir, xattrs) wake no request.
import { StructView } from '../../abi/struct.js';
import type { Request } from './request.js';

export const OUT_HEADER = 16;
/** fuse_ioctl_out, behind which its struct lies. */
export const IOCTL_OUT = 16;
const OUT_HEADER_WORDS = OUT_HEADER / 4;
const WORD = 0x1_0000_0000;

export class Reply {
  readonly buffer: ArrayBuffer;
  readonly bytes: Uint8Array;
  /** The same in words. */
  readonly record: Int32Array;
  private readonly words: Uint32Array;
  /** Of an ioctl. */
  readonly struct: StructView;
  /** Bytes of the longest payload. */
  readonly capacity: number;

  constructor(buffer: ArrayBuffer) {
    this.buffer = buffer;
    this.bytes = new Uint8Array(buffer);
    this.record = new Int32Array(buffer);
    this.words = new Uint32Array(buffer);
    this.struct = new StructView(buffer, OUT_HEADER + IOCTL_OUT);
    this.capacity = buffer.byteLength - OUT_HEADER;
  }

  setU32(at: number, value: number): void {
    this.words[OUT_HEADER_WORDS + (at >> 2)] = value;
  }

  /** Of a whole number from -2^53 to 2^53: stored as 64 bits, two's complement. */
  set64(at: number, value: number): void {
    const word = OUT_HEADER_WORDS + (at >> 2);
    this.words[word] = value;
    this.words[word + 1] = Math.floor(value / WORD);
  }

  /** Zeros in [from, to), both multiples of 4. */
  clear(from: number, to: number): void {
    // A loop is faster than fill() for so few.
    const end = OUT_HEADER_WORDS + (to >> 2);
    for (let word = OUT_HEADER_WORDS + (from >> 2); word < end; word++) this.words[word] = 0;
  }

  /** Bytes of the payload. */
  data(at: number, length: number): Uint8Array {
    return this.bytes.subarray(OUT_HEADER + at, OUT_HEADER + at + length);
  }

  /** Heads a payload of `payload` bytes; the record's length. */
  succeed(request: Request, payload: number): number {
    return this.head(OUT_HEADER + payload, 0, request.uniqueLow, request.uniqueHigh);
  }

  /** @param answer -errno */
  fail(request: Request, answer: number): number {
    return this.head(OUT_HEADER, answer, request.uniqueLow, request.uniqueHigh);
  }

  /** An answer that lies here is another request's now; its length. */
  again(request: Request, length: number): number {
    this.words[2] = request.uniqueLow;
    this.words[3] = request.uniqueHigh;
    return length;
  }

  notify(code: number, payload: number): number {
    return this.head(OUT_HEADER + payload, code, 0, 0);
  }

  private head(length: number, error: number, uniqueLow: number, uniqueHigh: number): number {
    this.words[0] = length;
    this.words[1] = error;
    this.words[2] = uniqueLow;
    this.words[3] = uniqueHigh;
    return length;
  }
}
