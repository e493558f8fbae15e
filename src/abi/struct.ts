// Structs of leasefs.h in memory: a field says where it lies and what it is, a view reads and writes it. Byte order is
// the machine's. Nothing is allocated by a read or a write but the bigint of `big`.

const WORD = 0x1_0000_0000;

/** Bytes [at, at + size) of a struct. */
interface Field<Type extends string> {
  readonly type: Type;
  readonly at: number;
  readonly size: number;
}
export type U32 = Field<'u32'>;
export type S32 = Field<'s32'>;
export type U64 = Field<'u64'>;
/** Text, an array of structs. */
export type Bytes = Field<'bytes'>;
/** Zeros; others are EINVAL. */
export type Reserved = Field<'reserved'>;

export const u32 = (at: number): U32 => ({ type: 'u32', at, size: 4 });
export const s32 = (at: number): S32 => ({ type: 's32', at, size: 4 });
export const u64 = (at: number): U64 => ({ type: 'u64', at, size: 8 });
export const bytes = (at: number, size: number): Bytes => ({ type: 'bytes', at, size });
/** [from, to) */
export const reserved = (from: number, to: number): Reserved => ({
  type: 'reserved',
  at: from,
  size: to - from,
});

/** A struct that begins with its version. */
export interface Versioned {
  readonly bytes: number;
  readonly version: U32;
}

/** A struct at `at` of a buffer; where it is one of an array, `base` says how far into the view. */
export class StructView {
  readonly buffer: ArrayBuffer;
  private readonly begin: number;
  private readonly words: Uint32Array;

  /** @param at a multiple of 4. A last piece that is no whole word cannot be read. */
  constructor(buffer: ArrayBuffer, at = 0) {
    this.buffer = buffer;
    this.begin = at;
    this.words = new Uint32Array(buffer, at, (buffer.byteLength - at) >> 2);
  }

  u32(field: U32, base = 0): number {
    return this.words[(base + field.at) >> 2]!;
  }

  s32(field: S32, base = 0): number {
    return this.words[(base + field.at) >> 2]! | 0;
  }

  /** Exact to 2^53-1; a larger value reads as some number above that. */
  u64(field: U64, base = 0): number {
    const word = (base + field.at) >> 2;
    return this.words[word]! + this.words[word + 1]! * WORD;
  }

  big(field: U64, base = 0): bigint {
    const word = (base + field.at) >> 2;
    const low = this.words[word]!;
    const high = this.words[word + 1]!;
    // The high half is mostly 0, and each step of a bigint sum allocates.
    return high === 0 ? BigInt(low) : BigInt(low) | (BigInt(high) << 32n);
  }

  setU32(field: U32, value: number, base = 0): void {
    this.words[(base + field.at) >> 2] = value;
  }

  setS32(field: S32, value: number, base = 0): void {
    this.words[(base + field.at) >> 2] = value;
  }

  /** @param value whole, from 0 to 2^53-1. */
  setU64(field: U64, value: number, base = 0): void {
    const word = (base + field.at) >> 2;
    this.words[word] = value;
    this.words[word + 1] = value / WORD;
  }

  setBig(field: U64, value: bigint, base = 0): void {
    const word = (base + field.at) >> 2;
    this.words[word] = Number(value & 0xffff_ffffn);
    this.words[word + 1] = Number((value >> 32n) & 0xffff_ffffn);
  }

  /** The field itself, not a copy. */
  data({ at, size }: Bytes): Uint8Array {
    return new Uint8Array(this.buffer, this.begin + at, size);
  }

  isZero({ at, size }: Reserved): boolean {
    for (let word = at >> 2; word < (at + size) >> 2; word++) if (this.words[word] !== 0) return false;
    return true;
  }

  /** Zeros in [from, to), multiples of 4. */
  clear(from: number, to: number): void {
    this.words.fill(0, from >> 2, to >> 2);
  }

  /** The other's first `count` bytes, a multiple of 4. */
  copy(other: StructView, count: number): void {
    for (let word = 0; word < count >> 2; word++) this.words[word] = other.words[word]!;
  }
}
