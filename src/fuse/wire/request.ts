// One record from the kernel. It begins with fuse_in_header, 40 bytes:
//
//    0 len        4 opcode     8 unique (64 bits)      16 nodeid (64 bits)
//   24 uid       28 gid       32 pid                   36 total_extlen (16 bits)
//
// then the body, then total_extlen * 8 bytes of extensions, which we never ask for and leave out. Positions (`at`) are
// bytes from the body's begin; those of 32 and 64 bit fields are multiples of 4.
//
// The kernel is not trusted to be well-formed: `receive` checks the header, records.ts the body's shape, before an
// adapter reads any field.
import { StructView } from '../../abi/struct.js';
import type { FileHandle, InodeNumber, Name } from '../../base/units.js';
import { NO_WAITER } from '../../base/units.js';
import { Attr, Caller, Opened, SetAttr } from '../../fs/operations.js';
import { nameOf } from './names.js';

export const IN_HEADER = 40;
/** fuse_ioctl_in, behind which its struct lies. */
export const IOCTL_IN = 32;
const IN_HEADER_WORDS = IN_HEADER / 4;
const WORD = 0x1_0000_0000;
/** Of a copy without its body: 2.1 KB were seen. */
const COPY_BYTES = 2048;
/** Bit 63 of a request's number: the kernel sends it again. */
export const RESENT = 0x8000_0000;

export class Request {
  readonly buffer: ArrayBuffer;
  readonly bytes: Uint8Array;
  private readonly words: Uint32Array;
  private readonly text: Buffer;
  private structOfIoctl: StructView | undefined;

  // The operations' inputs and outputs belong to the request: one that wakes others is not finished while they run.
  readonly caller = new Caller();
  readonly attr = new Attr();
  readonly opened = new Opened();
  readonly set = new SetAttr();

  opcode = 0;
  /** The kernel's number of the request, bit for bit: bit 63 says that it was sent again. */
  uniqueLow = 0;
  uniqueHigh = 0;
  ino = 0 as InodeNumber;
  /** Bytes of the body without extensions. */
  length = 0;
  /** Where the body's first name ends and its second begins (records.ts). */
  nameEnd = 0;
  nameBegin = 0;

  /** @param buffer its length is a multiple of 4. */
  constructor(buffer: ArrayBuffer) {
    this.buffer = buffer;
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.text = Buffer.from(buffer);
  }

  /**
   * Takes the header of a record of `length` bytes; false when it contradicts itself, with `opcode` and the rest still set.
   */
  receive(length: number): boolean {
    const { words, caller } = this;
    if (length < IN_HEADER) return false;
    this.opcode = words[1]!;
    this.uniqueLow = words[2]!;
    this.uniqueHigh = words[3]!;
    this.ino = (words[4]! + words[5]! * WORD) as InodeNumber;
    caller.uid = words[6]!;
    caller.gid = words[7]!;
    caller.tid = words[8]!;
    caller.waiter = NO_WAITER;
    caller.isResent = (words[3]! & RESENT) !== 0;
    caller.interruptible = true;
    this.opened.fh = 0 as FileHandle;
    this.length = length - IN_HEADER - (words[9]! & 0xffff) * 8;
    return words[0] === length && this.length >= 0;
  }

  /** The same request in memory of its own, to outlive the channel's buffer. */
  copy(): Request {
    const length = IN_HEADER + this.length;
    const copy = new Request(new ArrayBuffer((length + 3) & ~3));
    copy.bytes.set(this.bytes.subarray(0, length));
    copy.opcode = this.opcode;
    copy.uniqueLow = this.uniqueLow;
    copy.uniqueHigh = this.uniqueHigh;
    copy.ino = this.ino;
    copy.length = this.length;
    copy.nameEnd = this.nameEnd;
    copy.nameBegin = this.nameBegin;
    Object.assign(copy.caller, this.caller);
    return copy;
  }

  /** Bytes that a copy takes. */
  get cost(): number {
    return COPY_BYTES + this.length;
  }

  /** The struct of an ioctl whose length has been looked at. */
  get struct(): StructView {
    this.structOfIoctl ??= new StructView(this.buffer, IN_HEADER + IOCTL_IN);
    return this.structOfIoctl;
  }

  u32(at: number): number {
    return this.words[IN_HEADER_WORDS + (at >> 2)]!;
  }

  i32(at: number): number {
    return this.u32(at) | 0;
  }

  /** Exact to 2^53-1; a larger value reads as some number above that. */
  u64(at: number): number {
    return this.u32(at) + this.u32(at + 4) * WORD;
  }

  /** A signed one, for times. */
  i64(at: number): number {
    return this.u32(at) + this.i32(at + 4) * WORD;
  }

  /** A file handle; one that we never gave out is found nowhere. */
  fh(at: number): FileHandle {
    return this.u64(at) as FileHandle;
  }

  /** Bytes of the body; valid as long as the request. */
  data(at: number, length: number): Uint8Array {
    return this.bytes.subarray(IN_HEADER + at, IN_HEADER + at + length);
  }

  /** The body's first name, which begins at `at`. */
  name(at: number): Name {
    return nameOf(this.text, this.bytes, IN_HEADER + at, IN_HEADER + this.nameEnd);
  }

  /** The second name, up to the NUL that ends the body. */
  secondName(): Name {
    return nameOf(this.text, this.bytes, IN_HEADER + this.nameBegin, IN_HEADER + this.length - 1);
  }
}
