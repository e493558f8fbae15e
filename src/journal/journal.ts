// The journal: what a daemon keeps for the next one, which takes over if it dies (README.md). Two logs of records in shared
// memory; one is used. When it has grown, the state of all things is written into the other one bit by bit, beside all new
// records, and then that one is used.
import { type Descriptor, native } from '../native/binding.js';
import { answerIsOut, dying, entryBegins, entryCounts } from './dying.js';
import { Log, LogReader } from './log.js';
import { RECORD } from './records.js';
import { JOURNAL_VERSION } from './version.js';

const MAGIC = 0x4c46_534a;
const HEADER_BYTES = 4096;
const MIB = 2 ** 20;
const PROT_READ_WRITE = 3;
const MADV_REMOVE = 9;

/** Words of the header. */
const HEAD = {
  magic: 0,
  version: 1,
  /** Which log is used; -1: it overflowed, and the journal tells the next daemon nothing. */
  used: 2,
  tails: 3,
  /** The request that is being carried out, and how often a daemon has died at it. */
  runningLow: 5,
  runningHigh: 6,
  diedLow: 7,
  diedHigh: 8,
  deaths: 9,
  bytes: 10,
} as const;

/** Words from which on a log is written anew, few enough for a processor's cache; and to how much of what it began with it may grow. */
const SMALL = MIB / 4;
const GROWTH = 2;
/** Words that are left to operations that make nothing. */
const RESERVE = MIB / 4;
/** Of the new log, for each word of a batch. */
const SWEPT = 4;
const SWEPT_AT_LEAST = 64;
/** Bytes of an answer that is kept: longer ones are of requests that may be carried out twice. */
const ANSWER_MAX = 1024;

const NO_ANSWERS: readonly Uint8Array[] = [];

/** Writes the state of its things into a log. It sets the journal's `isChanged` with the first change since the last `flush`. */
export interface Source {
  /** What has changed since the last time. */
  flush(log: Log): void;
  /** All things, a few a step. */
  sweep(log: Log): Iterator<void>;
}

export class Journal {
  readonly memory: Descriptor;
  /** A source has something to flush, which it says by this. */
  isChanged = true;
  /** Set before the first commit. */
  readonly sources: Source[] = [];
  private readonly head: Int32Array;
  private readonly parts: readonly ArrayBuffer[];
  private readonly logs: readonly Log[];
  private used: number;
  private limit: number;
  private readonly small: number;
  private sweeping: { readonly to: Log; readonly steps: Iterator<void> } | undefined;
  private readonly afterwards: (() => void)[] = [];
  private readonly overflowed: () => void;
  /** It overflowed: the mount goes on, and no daemon can take over. */
  isOver = false;
  /** How often a log was written anew. */
  rewritten = 0;

  /**
   * @param memory a memfd: an empty one, or the last daemon's.
   * @param bytes of each log, at most, whole pages; of the last daemon's journal that is what it says itself.
   * @param small words from which on a log is written anew.
   * @throws Error: it is of another version, cut or damaged.
   */
  constructor(memory: Descriptor, bytes: number, overflowed: () => void, small = SMALL) {
    this.memory = memory;
    this.small = small;
    this.limit = small;
    this.overflowed = overflowed;
    const isNew = sizeOf(memory.fd) === 0;
    if (isNew) native.ftruncate(memory.fd, HEADER_BYTES + 2 * bytes);
    this.head = new Int32Array(native.map(memory.fd, 0, HEADER_BYTES, PROT_READ_WRITE));
    const { head } = this;
    if (isNew) {
      head[HEAD.version] = JOURNAL_VERSION;
      head[HEAD.bytes] = bytes;
      head[HEAD.magic] = MAGIC;
    }
    checkHead(head, sizeOf(memory.fd));
    const each = head[HEAD.bytes]!;
    this.parts = [0, 1].map(n => native.map(memory.fd, HEADER_BYTES + n * each, each, PROT_READ_WRITE));
    this.used = head[HEAD.used]!;
    this.logs = this.parts.map((part, n) => new Log(new Int32Array(part), head[HEAD.tails + n]!));
  }

  /** The log that records are written to at once, between two commits. */
  get log(): Log {
    return this.logs[this.used]!;
  }

  /** Bytes of memory that it takes, about. */
  get bytes(): number {
    return (this.logs[0]!.tail + this.logs[1]!.tail) * 4 + HEADER_BYTES;
  }

  /** Bytes that it may take. */
  get most(): number {
    return HEADER_BYTES + 2 * this.head[HEAD.bytes]!;
  }

  /** Whether a user may make nothing more that it must keep. */
  get isFull(): boolean {
    return this.log.left < RESERVE;
  }

  /** Whether a commit would do nothing. */
  get isClean(): boolean {
    return !this.isChanged && !this.log.isOpen && this.afterwards.length === 0;
  }

  /** All records of the last daemon. */
  read(): LogReader {
    return new LogReader(this.log.words, this.log.tail);
  }

  /** Why no daemon could read it; undefined: one can. As long as `restore`, about. */
  get unreadable(): string | undefined {
    try {
      checkHead(this.head, sizeOf(this.memory.fd));
      for (const reader = this.read(); reader.next(); );
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** Runs it with the next commit, behind it: what must not happen if the commit does not. */
  afterCommit(run: () => void): void {
    this.afterwards.push(run);
  }

  /** A request is being carried out. */
  running(uniqueLow: number, uniqueHigh: number): void {
    if (dying.left < 0) answerIsOut();
    this.head[HEAD.runningLow] = uniqueLow;
    this.head[HEAD.runningHigh] = uniqueHigh;
  }

  /** No request is being carried out. */
  idle(): void {
    this.head[HEAD.runningLow] = 0;
    this.head[HEAD.runningHigh] = 0;
  }

  /** At the start of the next daemon: the request at which daemons have died last, and how many of them in a row. */
  countDeath(): { readonly uniqueLow: number; readonly uniqueHigh: number; readonly deaths: number } {
    const { head } = this;
    const low = head[HEAD.runningLow]!;
    const high = head[HEAD.runningHigh]!;
    if (low !== 0 || high !== 0) {
      const isSame = head[HEAD.diedLow] === low && head[HEAD.diedHigh] === high;
      head[HEAD.deaths] = isSame ? head[HEAD.deaths]! + 1 : 1;
      head[HEAD.diedLow] = low;
      head[HEAD.diedHigh] = high;
      this.idle();
    }
    return {
      uniqueLow: head[HEAD.diedLow]! >>> 0,
      uniqueHigh: head[HEAD.diedHigh]! >>> 0,
      deaths: head[HEAD.deaths]!,
    };
  }

  /**
   * Writes what has changed since the last commit, as one, with the answers that go out behind it. Without a change nothing is
   * written.
   * @param length bytes of the answer in `answer`, whole words; 0: none. @param more answers
   */
  commit(answer: Int32Array, length: number, more: readonly Uint8Array[] = NO_ANSWERS): void {
    const { log } = this;
    this.isChanged = false;
    for (const source of this.sources) source.flush(log);
    if (this.isOver) log.clear();
    if (!log.isOpen) {
      if (this.afterwards.length > 0) this.runAfterwards();
      return;
    }
    if (length > 0 && length <= ANSWER_MAX) {
      log.begin(RECORD.answer);
      log.aligned(answer, length);
      log.end();
    }
    for (const other of more) putAnswer(log, other);
    if (dying.left > 0) entryBegins();
    const from = log.tail;
    if (!log.seal()) {
      this.overflow();
      return;
    }
    this.publish(log, this.used);
    if (dying.left < 0) entryCounts();
    if (this.sweeping !== undefined) this.goOn(log, from);
    else if (log.tail > this.limit) this.rewrite();
    // What they write belongs into the log that is used from now on.
    if (this.afterwards.length > 0) this.runAfterwards();
  }

  private publish(log: Log, at: number): void {
    // Not moved before the stores of the batch by the compiler.
    Atomics.store(this.head, HEAD.tails + at, log.tail);
  }

  private runAfterwards(): void {
    const { afterwards } = this;
    const { length } = afterwards;
    for (let n = 0; n < length; n++) afterwards[n]!();
    // What they have added waits for the next commit.
    afterwards.splice(0, length);
  }

  /** Begins to write the other log. */
  private rewrite(): void {
    const to = this.logs[1 - this.used]!;
    to.clear();
    this.sweeping = { to, steps: sweepAll(this.sources, to) };
  }

  /** The batch that begins at `from` goes into the new log too, and some of the rest. */
  private goOn(log: Log, from: number): void {
    const { to, steps } = this.sweeping!;
    const target = to.tail + Math.max(SWEPT_AT_LEAST, (log.tail - from) * SWEPT);
    let fits = to.copy(log, from);
    let done = false;
    while (fits && !done && to.written < target) done = steps.next().done === true;
    if (fits && to.isOpen) fits = to.seal();
    if (!fits) {
      this.overflow();
      return;
    }
    if (done) this.use(to);
  }

  private use(to: Log): void {
    const old = this.used;
    this.used = 1 - old;
    this.publish(to, this.used);
    Atomics.store(this.head, HEAD.used, this.used);
    this.sweeping = undefined;
    this.limit = Math.max(this.small, to.tail * GROWTH);
    this.logs[old]!.clear();
    Atomics.store(this.head, HEAD.tails + old, 0);
    this.freeBehind(this.parts[old]!, Math.ceil((this.small * 4) / MIB) * MIB);
    this.rewritten++;
  }

  /** What comes before is written again soon, and a fault for each page would cost more than the records on it. */
  private freeBehind(part: ArrayBuffer, kept: number): void {
    if (part.byteLength > kept) native.madvise(part, kept, part.byteLength - kept, MADV_REMOVE);
  }

  private overflow(): void {
    this.isOver = true;
    this.sweeping = undefined;
    Atomics.store(this.head, HEAD.used, -1);
    this.log.clear();
    this.runAfterwards();
    this.overflowed();
  }
}

/** Of a request that may be carried out twice, if it is long. */
export function putAnswer(log: Log, answer: Uint8Array): void {
  if (answer.length > ANSWER_MAX) return;
  log.begin(RECORD.answer);
  log.bytes(answer);
  log.end();
}

function* sweepAll(sources: readonly Source[], log: Log): Generator<void> {
  for (const source of sources) {
    const steps = source.sweep(log);
    while (steps.next().done !== true) yield;
  }
}

const scratch = new Float64Array(12);
const SIZE = 1;

function sizeOf(fd: number): number {
  native.fstat(fd, scratch);
  return scratch[SIZE]!;
}

function checkHead(head: Int32Array, size: number): void {
  if (head[HEAD.magic] !== MAGIC) throw new Error('it is no journal');
  if (head[HEAD.version] !== JOURNAL_VERSION)
    throw new Error(`the journal is of version ${head[HEAD.version]}, this leasefs reads ${JOURNAL_VERSION}`);
  const bytes = head[HEAD.bytes]!;
  if (bytes <= 0 || size !== HEADER_BYTES + 2 * bytes) throw new Error('the journal is cut');
  const used = head[HEAD.used]!;
  if (used === -1) throw new Error('the journal had no room for all of the mount');
  if (used !== 0 && used !== 1) throw new Error('the journal is damaged in its header');
  const tail = head[HEAD.tails + used]!;
  if (tail < 0 || tail > bytes / 4) throw new Error('the journal is damaged in its header');
}
