// What the pooled store writes into the journal. Changes of maps and of the space are written at once, in their order, and a
// file's size and times once per commit.
//
// A sweep writes behind all batches since the new log began, and between two commits: what it writes of a map joins what
// those batches say, and holes need no record, since nothing was mapped before the log began. So a file may change, come or
// go between any two steps.
import { EXTENT_FIELDS, EXTENT_UNWRITTEN, type ExtentMap, MAX_PGOFF } from '../extent/index.js';
import type { Journal, Source } from '../journal/journal.js';
import type { Log } from '../journal/log.js';
import { RECORD } from '../journal/records.js';
import type { PooledFile } from './pooled-file.js';
import type { PooledSpace } from './pooled-space.js';
import { SEGMENT_BLOCKS } from './segments.js';

/** Extents that a step of a sweep writes. */
const STEP = 64;
const extents = new Float64Array(STEP * EXTENT_FIELDS);

export class PooledRecords implements Source {
  readonly journal: Journal;
  private readonly space: PooledSpace;
  private readonly files = new Map<number, PooledFile>();
  /** Those whose state has changed since the last commit: the first `count`. */
  private readonly marked: PooledFile[] = [];
  private count = 0;

  constructor(journal: Journal, space: PooledSpace) {
    this.journal = journal;
    this.space = space;
  }

  /** @param isNew or restored: then the journal has its state. */
  made(file: PooledFile, isNew: boolean): void {
    this.files.set(file.number, file);
    if (isNew) file.writeMade(this.journal.log);
  }

  /** Precondition: it is not marked. */
  mark(file: PooledFile): void {
    file.isMarked = true;
    this.journal.isChanged = true;
    this.marked[this.count++] = file;
  }

  /** The file and all its blocks. */
  gone(file: PooledFile): void {
    this.files.delete(file.number);
    file.map.records = undefined;
    this.journal.log.number(RECORD.pooledFileGone, file.number);
  }

  /** @param value of the first block; below 0 they are unwritten */
  blocks(number: number, pgoff: number, value: number, n: number): void {
    writeBlocks(this.journal.log, number, pgoff, value, n);
  }

  /** The unwritten blocks of [pgoff, pgoff + n) are written now. */
  written(number: number, pgoff: number, n: number): void {
    writeRange(this.journal.log, RECORD.written, number, pgoff, n);
  }

  hole(number: number, pgoff: number, n: number): void {
    writeRange(this.journal.log, RECORD.hole, number, pgoff, n);
  }

  /** How large the store is, and the last number that a file got. */
  size(): void {
    writeSpace(this.journal.log, this.space);
  }

  lent(segment: number, isLent: boolean): void {
    writeLent(this.journal.log, segment, isLent);
  }

  exposed(blk: number, n: number, isExposed: boolean): void {
    writeExposed(this.journal.log, blk, n, isExposed);
  }

  flush(log: Log): void {
    for (let i = 0; i < this.count; i++) {
      const file = this.marked[i]!;
      file.isMarked = false;
      if (file.map.records !== undefined) file.writeState(log);
    }
    this.count = 0;
    // Of files that are gone a few are kept, until others take their places.
    if (this.marked.length > STEP) this.marked.length = 0;
  }

  *sweep(log: Log): Generator<void> {
    const { space } = this;
    writeSpace(log, space);
    for (const segment of space.segments.lent) {
      writeLent(log, segment, true);
      yield;
    }
    yield* sweepExposed(log, space);
    for (const file of this.files.values()) {
      file.writeState(log);
      file.writeMade(log);
      yield* sweepMap(log, file);
    }
  }
}

/** A segment, or some runs of one, a step. */
function* sweepExposed(log: Log, space: PooledSpace): Generator<void> {
  const { exposed, segments } = space;
  if (exposed === undefined) return;
  for (let segment = 0; segment < segments.count; segment++) {
    const end = Math.min((segment + 1) * SEGMENT_BLOCKS, exposed.length);
    for (let at = segment * SEGMENT_BLOCKS; at < end; yield) {
      for (let i = 0; i < STEP && at < end; i++) {
        const blk = at + exposed.clearRun(at, end - at);
        const next = blk < end ? exposed.nextClear(blk) : end;
        at = next < 0 ? end : Math.min(next, end);
        if (at > blk) writeExposed(log, blk, at - blk, true);
      }
    }
  }
}

function* sweepMap(log: Log, { number, map }: PooledFile): Generator<void> {
  for (let from = 0; map.records !== undefined; ) {
    const end = writeExtents(log, number, map, from);
    yield;
    if (end === MAX_PGOFF) return;
    from = end;
  }
}

/** Some extents from block `from` on; where the rest begins, MAX_PGOFF: there is none. */
function writeExtents(log: Log, number: number, map: ExtentMap, from: number): number {
  const found = map.fiemap(from, MAX_PGOFF - from, extents);
  let end = MAX_PGOFF;
  for (let i = 0; i < found; i++) {
    const at = i * EXTENT_FIELDS;
    const start = extents[at]!;
    // An extent that has grown to the front since the last step.
    const pgoff = Math.max(start, from);
    const blk = extents[at + 1]! + pgoff - start;
    end = start + extents[at + 2]!;
    const isUnwritten = (extents[at + 3]! & EXTENT_UNWRITTEN) !== 0;
    writeBlocks(log, number, pgoff, isUnwritten ? -blk : blk, end - pgoff);
  }
  return found < STEP ? MAX_PGOFF : end;
}

function writeBlocks(log: Log, number: number, pgoff: number, value: number, n: number): void {
  log.begin(RECORD.blocks);
  log.f64(number);
  log.f64(pgoff);
  log.u32(value);
  log.u32(n);
  log.end();
}

function writeRange(
  log: Log,
  type: typeof RECORD.written | typeof RECORD.hole,
  number: number,
  pgoff: number,
  n: number,
): void {
  log.begin(type);
  log.f64(number);
  log.f64(pgoff);
  log.f64(n);
  log.end();
}

function writeSpace(log: Log, space: PooledSpace): void {
  log.begin(RECORD.space);
  log.f64(space.capacity.total);
  log.f64(space.lastNumber);
  log.end();
}

function writeLent(log: Log, segment: number, isLent: boolean): void {
  log.begin(RECORD.lent);
  log.u32(segment);
  log.u32(isLent ? 1 : 0);
  log.end();
}

function writeExposed(log: Log, blk: number, n: number, isExposed: boolean): void {
  log.begin(RECORD.exposed);
  log.u32(blk);
  log.u32(n);
  log.u32(isExposed ? 1 : 0);
  log.end();
}
