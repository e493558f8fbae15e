// A pooled file: its extent map says where its blocks are among those of the store. Every read and write of it comes
// here and is one copy between the request and the segment's memory.
//
// Invariants: all bytes of a mapped block that were never written, and all behind the file's end, are zero; a mapped
// block is populated. Times: mtime and ctime move with every change; atime stays as it was (noatime), as reads that
// the page cache answers are not seen anyway.
import { errno } from '../base/errno.js';
import type { Gather } from '../base/gather.js';
import { SEEK_DATA } from '../base/linux.js';
import { BLOCK, blockOf, blocksFor } from '../base/units.js';
import { type ExtentArena, MAX_PGOFF } from '../extent/index.js';
import type { Log } from '../journal/log.js';
import { RECORD } from '../journal/records.js';
import { native } from '../native/binding.js';
import { Window } from './block-allocator.js';
import type { ChargedMap } from './charged-map.js';
import { dropRuns } from './dropped-runs.js';
import { type Extent, type FileStat, MORE, type StoredFile } from './file-store.js';
import { fillRuns } from './filled-runs.js';
import type { PooledSpace } from './pooled-space.js';
import { SEGMENT_BLOCKS, segmentOf } from './segments.js';

/** What a gathered hole reads as: as long as the longest read. */
const zeros = new ArrayBuffer(1 << 20);

/** What it is, but for its blocks. */
export interface FileState {
  size: number;
  atimeSec: number;
  atimeNsec: number;
  mtimeSec: number;
  mtimeNsec: number;
  changes: number;
  /** Changes of its layout. */
  seq: number;
}
/** Runs of a large range that are looked at before its first slice, some 20 ns each. Slices find the others. */
const LOOKS = 1 << 14;

export class PooledFile implements StoredFile {
  readonly backing = -1;
  readonly number: number;
  readonly map: ChargedMap;
  /** It is among those whose state the next commit writes. */
  isMarked = false;
  private readonly space: PooledSpace;
  private readonly arena: ExtentArena;
  private readonly window = new Window();
  private length = 0;
  private readonly atimeSec: number;
  private readonly atimeNsec: number;
  private mtimeSec = 0;
  private mtimeNsec = 0;
  private changes = 0;
  /** Changes of its layout before the map was made. */
  private readonly seqBefore: number;

  /** @param state as a daemon before wrote it; none: the file is new. */
  constructor(space: PooledSpace, arena: ExtentArena, map: ChargedMap, state?: FileState) {
    this.number = map.number;
    this.space = space;
    this.arena = arena;
    this.map = map;
    if (state === undefined) {
      this.changed();
    } else {
      this.length = state.size;
      this.mtimeSec = state.mtimeSec;
      this.mtimeNsec = state.mtimeNsec;
      this.changes = state.changes;
    }
    this.seqBefore = state === undefined ? 0 : state.seq - map.seq;
    this.atimeSec = state?.atimeSec ?? this.mtimeSec;
    this.atimeNsec = state?.atimeNsec ?? this.mtimeNsec;
    map.records?.made(this, state === undefined);
  }

  /** Its state changes with most operations: it is written once per commit. */
  writeState(log: Log): void {
    log.begin(RECORD.pooledFile);
    log.f64(this.number);
    log.f64(this.length);
    log.f64(this.mtimeSec);
    log.u32(this.mtimeNsec);
    log.f64(this.changes);
    log.f64(this.seq);
    log.end();
  }

  /** What never changes. */
  writeMade(log: Log): void {
    log.begin(RECORD.pooledFileMade);
    log.f64(this.number);
    log.f64(this.atimeSec);
    log.u32(this.atimeNsec);
    log.end();
  }

  chargeTo(uid: number): void {
    this.map.chargeTo(uid);
  }

  /** It has no descriptor. */
  rest(): number {
    return 0;
  }

  wake(): number {
    return 0;
  }

  isInUse(): boolean {
    return this.space.segments.lent.size > 0;
  }

  size(): number {
    return this.length;
  }

  stat(out: FileStat): void {
    out.size = this.length;
    out.blocks = this.map.blocks * (BLOCK / 512);
    out.atime = this.atimeSec;
    out.atimeNsec = this.atimeNsec;
    out.mtime = this.mtimeSec;
    out.mtimeNsec = this.mtimeNsec;
    out.ctime = this.mtimeSec;
    out.ctimeNsec = this.mtimeNsec;
    out.changes = this.changes;
  }

  gather(off: number, len: number, out: Gather): number {
    const end = Math.min(off + Math.min(len, zeros.byteLength), this.length);
    if (off >= end) return 0;
    const { map } = this;
    for (let from = off; from < end; ) {
      const pgoff = blockOf(from);
      const blk = map.translate(pgoff);
      const skip = from - pgoff * BLOCK;
      const n = Math.min(map.run * BLOCK - skip, end - from);
      if (blk > 0) this.space.segments.gather(blk, skip, n, out);
      else out.add(zeros, 0, n);
      from += n;
    }
    return end - off;
  }

  read(off: number, len: number, out: ArrayBuffer, at: number): number {
    const end = Math.min(off + len, this.length);
    if (off >= end) return 0;
    const { map } = this;
    const target = bytesOf(out);
    let to = at;
    for (let from = off; from < end; ) {
      const pgoff = blockOf(from);
      const blk = map.translate(pgoff);
      const skip = from - pgoff * BLOCK;
      const n = Math.min(map.run * BLOCK - skip, end - from);
      if (blk > 0) this.space.segments.read(blk, skip, n, target, to);
      else target.fill(0, to, to + n);
      from += n;
      to += n;
    }
    return end - off;
  }

  write(off: number, len: number, data: ArrayBuffer, at: number): number {
    if (len === 0) return 0;
    const start = blockOf(off);
    let end = off + len;
    let ready = this.makeWritten(start, blocksFor(end));
    if (ready === -errno.ENOSPC) {
      end = Math.min(end, this.fitting(start, blocksFor(end)) * BLOCK);
      if (end > off) ready = this.makeWritten(start, blocksFor(end));
    }
    if (ready < 0) return ready;
    const { map } = this;
    const source = bytesOf(data);
    let from = at;
    for (let to = off; to < end; ) {
      const pgoff = blockOf(to);
      const blk = map.translate(pgoff);
      const skip = to - pgoff * BLOCK;
      const n = Math.min(map.run * BLOCK - skip, end - to);
      this.space.segments.write(blk, skip, n, source, from);
      to += n;
      from += n;
    }
    if (end > this.length) this.length = end;
    this.changed();
    return end - off;
  }

  setSize(size: number): number {
    const kept = blocksFor(Math.min(size, this.length));
    // Frees preallocated blocks beyond the end too, as tmpfs does.
    const freed = size <= this.length ? this.drop(kept, MAX_PGOFF) : 0;
    if (freed < 0) return freed;
    if (size < this.length) this.clear(size, kept * BLOCK);
    this.length = size;
    this.changed();
    return freed;
  }

  /** Its work is cut into pieces: MORE. */
  cutAside(): undefined {}
  punchAside(): undefined {}

  /** The segments have the guard and lift it themselves: here and below `lift` has no meaning. */
  allocate(off: number, len: number, keepSize: boolean): number {
    const filled = this.fill(blockOf(off), blocksFor(off + len), false);
    if (filled < 0) return filled;
    if (!keepSize && off + len > this.length) this.length = off + len;
    this.changed();
    return 0;
  }

  fits(off: number, len: number): boolean {
    this.space.settle();
    const end = blocksFor(off + len);
    const fitting = this.fitting(blockOf(off), end, LOOKS);
    return fitting === end && (this.map.mayGrow || !this.hasHole(blockOf(off), end));
  }

  punch(off: number, len: number): number {
    const end = off + len;
    const start = blocksFor(off);
    const stop = blockOf(end);
    if (start < stop) {
      const freed = this.drop(start, stop);
      if (freed !== 0) return freed;
    }
    this.clear(off, end);
    this.changed();
    return 0;
  }

  zero(off: number, len: number, keepSize: boolean): number {
    const allocated = this.allocate(off, len, keepSize);
    if (allocated === 0) this.clear(off, off + len);
    return allocated;
  }

  /** Unwritten blocks are no data, as on XFS and ext4. */
  seek(off: number, whence: number): number {
    if (off >= this.length) return -errno.ENXIO;
    if (whence === SEEK_DATA) {
      const data = this.map.nextData(blockOf(off));
      const at = Math.max(off, data * BLOCK);
      return data < 0 || at >= this.length ? -errno.ENXIO : at;
    }
    return Math.min(Math.max(off, this.map.nextHole(blockOf(off)) * BLOCK), this.length);
  }

  hasData(start: number, end: number): boolean {
    const mapped = this.map.nextMapped(start);
    return mapped >= 0 && mapped < end;
  }

  hasHole(start: number, end: number): boolean {
    return start < end && this.map.nextGap(start) < end;
  }

  get seq(): number {
    return this.seqBefore + this.map.seq;
  }

  nextExtent(off: number, out: Extent): boolean {
    const { map } = this;
    const start = map.nextMapped(blockOf(off));
    const end = blocksFor(this.length);
    if (start < 0 || start >= end) return false;
    const value = map.translate(start);
    const blk = Math.abs(value);
    const within = blk % SEGMENT_BLOCKS;
    const most = Math.min(end - start, SEGMENT_BLOCKS - within);
    let n = map.run;
    while (n < most && map.translate(start + n) === (value > 0 ? value + n : value - n)) n += map.run;
    out.off = start * BLOCK;
    out.len = Math.min(n, most) * BLOCK;
    out.segment = segmentOf(blk) + 1;
    out.store = within * BLOCK;
    out.unwritten = value < 0;
    return true;
  }

  extentCount(): number {
    return this.map.count();
  }

  commit(off: number, len: number): number {
    this.mark();
    return this.map.markWritten(blockOf(off), blocksFor(len)) < 0 ? -errno.ENOSPC : 0;
  }

  free(): undefined {
    this.map.records?.gone(this);
    const { map, space } = this;
    while (dropRuns(map, space.now, 0, MAX_PGOFF) === MORE) if (space.leave(map)) break;
    space.close(this.window);
    this.length = 0;
  }

  /** mtime and ctime are now. The clock goes by ticks of some ms: it does not tell one change from the next. */
  private changed(): void {
    this.changes++;
    native.clock();
    this.mtimeSec = native.scratch[0]!;
    this.mtimeNsec = native.scratch[1]!;
    this.mark();
  }

  /** The next commit writes its state. */
  private mark(): void {
    const { records } = this.map;
    if (records !== undefined && !this.isMarked) records.mark(this);
  }

  /** Makes the blocks [start, end) ready to be written. 0 or -ENOSPC. */
  private makeWritten(start: number, end: number): number {
    const { map } = this;
    for (let at = start; at < end; at += map.run) {
      if (map.translate(at) <= 0) return this.fill(start, end, true);
    }
    return 0;
  }

  /** The end of those blocks from `start` on, up to `end`, whose holes find a block. @param looks runs that are looked at. */
  private fitting(start: number, end: number, looks = Number.POSITIVE_INFINITY): number {
    const { map } = this;
    let left = this.space.available;
    if (end - start <= left) return end;
    let looked = 0;
    for (let at = start; at < end && looked++ < looks; at += map.run) {
      if (map.translate(at) !== 0) continue;
      const n = Math.min(map.run, end - at);
      if (n > left) return at + left;
      left -= n;
    }
    return end;
  }

  /** Gives the holes of [start, end) their blocks, all of them or none; written: what is unwritten becomes written too. */
  private fill(start: number, end: number, written: boolean): number {
    const { map, space } = this;
    space.settle();
    space.makeRoom(this.arena);
    let holes = 0;
    for (let at = start; at < end && holes <= space.available; at += map.run) {
      if (map.translate(at) === 0) holes += Math.min(map.run, end - at);
    }
    if (holes > space.available || (holes > 0 && !map.mayGrow)) return -errno.ENOSPC;
    if (holes > 0) {
      const failed = fillRuns(map, space, this.window, start, end, written);
      this.mark();
      if (failed < 0) return failed;
    }
    return written && map.markWritten(start, end - start) < 0 ? -errno.ENOSPC : 0;
  }

  /** Makes the blocks [start, end) a hole and frees them. 0; MORE; -ENOSPC when the arena is full, then nothing is changed. */
  private drop(start: number, end: number): number {
    this.mark();
    return dropRuns(this.map, this.space, start, end);
  }

  /** Makes the bytes [off, end) zero on the blocks that they have. */
  private clear(off: number, end: number): void {
    const { map } = this;
    for (let pgoff = map.nextData(blockOf(off)); pgoff >= 0 && pgoff * BLOCK < end; ) {
      const blk = map.translate(pgoff);
      const next = pgoff + map.run;
      const from = Math.max(off, pgoff * BLOCK);
      this.space.segments.zero(blk, from - pgoff * BLOCK, Math.min(end, next * BLOCK) - from);
      pgoff = map.nextData(next);
    }
  }
}

let buffer: ArrayBuffer = new ArrayBuffer(0);
let bytes = new Uint8Array(buffer);

/** The buffer as bytes; requests come in one and the same buffer. */
function bytesOf(of: ArrayBuffer): Uint8Array {
  if (of !== buffer) {
    buffer = of;
    bytes = new Uint8Array(of);
  }
  return bytes;
}
