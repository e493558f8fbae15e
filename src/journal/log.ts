// One log of records in memory that outlives the process. Words of 32 bits, in batches:
//
//   batch    0 words of it   1 check of the rest   2.. records
//   record   0 type (low 8 bits) and words of it   1.. fields
//
// A number of 53 bits takes two words, bytes take their length and whole words. Nothing of a batch counts before `seal`,
// which the header's tail follows in one store: a process may die between any two stores.
import type { RecordType } from './records.js';

const BATCH = 2;
const HASH = 0x9e3779b1 | 0;
const TYPE_BITS = 8;

const pair = new Int32Array(2);
const double = new Float64Array(pair.buffer);

/** Of the words [from, to). Four sums, since each step of one waits for the step before. */
function checkOf(words: Int32Array, from: number, to: number): number {
  let a = HASH;
  let b = HASH;
  let c = HASH;
  let d = HASH;
  let at = from;
  for (; at + 4 <= to; at += 4) {
    a = step(a, words[at]!);
    b = step(b, words[at + 1]!);
    c = step(c, words[at + 2]!);
    d = step(d, words[at + 3]!);
  }
  for (; at < to; at++) a = step(a, words[at]!);
  return step(step(step(a, b), c), d);
}

/** Another word, or another sum, gives another one. */
function step(sum: number, word: number): number {
  const h = Math.imul(sum ^ word, HASH);
  return h ^ (h >>> 15);
}

/** Writes a log. */
export class Log {
  readonly words: Int32Array;
  /** The next word, and where the batch begins that is being written. */
  private at: number;
  private batch: number;
  private record = 0;

  /** @param tail words of the log that are there already */
  constructor(words: Int32Array, tail: number) {
    this.words = words;
    this.batch = tail;
    this.at = tail + BATCH;
  }

  /** Words that are sealed. */
  get tail(): number {
    return this.batch;
  }

  /** Words that are written, sealed or not. */
  get written(): number {
    return this.at;
  }

  /** Whether records were written since the last batch. */
  get isOpen(): boolean {
    return this.at > this.batch + BATCH;
  }

  /** Words that are left. What is written beyond them is lost, and `seal` says so. */
  get left(): number {
    return this.words.length - this.at;
  }

  begin(type: RecordType): void {
    this.record = this.at;
    this.words[this.at++] = type;
  }

  u32(value: number): void {
    this.words[this.at++] = value;
  }

  /** A whole number to 2^53, negative ones too. */
  f64(value: number): void {
    double[0] = value;
    this.words[this.at++] = pair[0]!;
    this.words[this.at++] = pair[1]!;
  }

  /** A char a byte. */
  text(value: string): void {
    const { words } = this;
    const { length } = value;
    words[this.at++] = length;
    let word = 0;
    for (let i = 0; i < length; i++) {
      word |= value.charCodeAt(i) << ((i & 3) << 3);
      if ((i & 3) !== 3) continue;
      words[this.at++] = word;
      word = 0;
    }
    if ((length & 3) !== 0) words[this.at++] = word;
  }

  bytes(value: Uint8Array): void {
    const { words } = this;
    const { length } = value;
    words[this.at++] = length;
    let word = 0;
    for (let i = 0; i < length; i++) {
      word |= value[i]! << ((i & 3) << 3);
      if ((i & 3) !== 3) continue;
      words[this.at++] = word;
      word = 0;
    }
    if ((length & 3) !== 0) words[this.at++] = word;
  }

  /** Bytes that lie in whole words, the last one with any bytes behind them. */
  aligned(value: Int32Array, length: number): void {
    const { words } = this;
    const count = (length + 3) >> 2;
    words[this.at] = length;
    const to = this.at + 1;
    for (let i = 0; i < count; i++) words[to + i] = value[i]!;
    this.at = to + count;
  }

  end(): void {
    this.words[this.record]! |= (this.at - this.record) << TYPE_BITS;
  }

  /** A record of one number: of a thing that is gone, mostly. */
  number(type: RecordType, value: number): void {
    this.begin(type);
    this.f64(value);
    this.end();
  }

  /** Ends the batch; it counts once `tail` is known to the next process. False: it did not fit. */
  seal(): boolean {
    const { words, batch, at } = this;
    if (at > words.length) return false;
    words[batch] = at - batch;
    words[batch + 1] = checkOf(words, batch + BATCH, at);
    this.batch = at;
    this.at = at + BATCH;
    return true;
  }

  /** Appends what another log has sealed from word `from` on. Precondition: no records were written since the last batch. */
  copy(other: Log, from: number): boolean {
    const { words, batch } = this;
    const length = other.tail - from;
    if (batch + length > words.length) return false;
    const source = other.words;
    for (let i = 0; i < length; i++) words[batch + i] = source[from + i]!;
    this.batch = batch + length;
    this.at = this.batch + BATCH;
    return true;
  }

  /** Begins anew. */
  clear(): void {
    this.batch = 0;
    this.at = BATCH;
  }
}

/** Reads the fields of one record after the other. */
export class LogReader {
  type = 0;
  private readonly words: Int32Array;
  private readonly tail: number;
  private batchEnd = 0;
  private end = 0;
  private at = 0;

  constructor(words: Int32Array, tail: number) {
    this.words = words;
    this.tail = tail;
  }

  /** The next record; false: there is none. @throws Error: the log is damaged. */
  next(): boolean {
    this.at = this.end;
    if (this.at === this.batchEnd && !this.nextBatch()) return false;
    const head = this.words[this.at]!;
    this.type = head & 0xff;
    const end = this.at + (head >>> TYPE_BITS);
    if (end <= this.at || end > this.batchEnd) throw damaged(this.at);
    this.end = end;
    this.at++;
    return true;
  }

  u32(): number {
    return this.words[this.at++]! >>> 0;
  }

  f64(): number {
    pair[0] = this.words[this.at++]!;
    pair[1] = this.words[this.at++]!;
    return double[0]!;
  }

  /** A new copy. */
  bytes(): Uint8Array {
    const length = this.u32();
    if (length > (this.end - this.at) * 4) throw damaged(this.at);
    const value = new Uint8Array(length);
    for (let i = 0; i < length; i++) value[i] = this.words[this.at + (i >> 2)]! >>> ((i & 3) << 3);
    this.at += (length + 3) >> 2;
    return value;
  }

  /** A char a byte. */
  text(): string {
    const bytes = this.bytes();
    return Buffer.from(bytes.buffer).toString('latin1', 0, bytes.length);
  }

  private nextBatch(): boolean {
    const { words, at } = this;
    if (at >= this.tail) return false;
    const end = at + words[at]!;
    const isWhole = words[at]! > BATCH && end <= this.tail;
    if (!isWhole || checkOf(words, at + BATCH, end) !== words[at + 1]) throw damaged(at);
    this.batchEnd = end;
    this.at = at + BATCH;
    return true;
  }
}

const damaged = (word: number): Error => new Error(`the journal is damaged at byte ${word * 4}`);
