// The direct store: one tmpfs file a file, whose layout is the identity. The kernel serves read, write and mmap from the
// file's own pages (F1, F2), so that only what changes the layout comes here.
//
// Guard (F14): the file is immutable, so MADV_REMOVE, which never reaches us, is refused by the kernel itself. Our own
// ftruncate passes; holes are filled by MADV_POPULATE_WRITE; only a real punch, and blocks beyond the end, need the flag lifted
// for an instant, which the caller allows (`lift`) while nothing in the file is protected.
//
// A file has a descriptor while it may be open or mapped. Else it may rest without one, under its number in the tmpfs.
import { opendir } from 'node:fs/promises';
import { errno, FsError } from '../base/errno.js';
import {
  F_SETLEASE,
  F_UNLCK,
  F_WRLCK,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  SEEK_DATA,
  SEEK_HOLE,
} from '../base/linux.js';
import { BLOCK, blockOf, blocksFor, MAX_OFFSET } from '../base/units.js';
import { type Descriptor, native, type Result, STAT } from '../native/binding.js';
import type { Aside, Extent, FileStat, FileStore, Freeing, Grant, StoredFile } from './file-store.js';
import { Tmpfs, type TmpfsOptions } from './tmpfs.js';

const stat = native.scratch;
const zeros = new ArrayBuffer(1 << 20);
/** Bytes that are freed at once: 60 us. */
const LONG = 1 << 20;

export class DirectStore implements FileStore {
  readonly name = 'direct';
  readonly isDirect = true;
  readonly freeInLongRuns = undefined;
  /** Files that have a descriptor. */
  descriptors = 0;
  /** Files of the last daemon's that it has taken over. */
  private readonly claimed = new Set<number>();
  /** The kernel's own count. */
  readonly capacity: Tmpfs;

  /**
   * @param tmpfs of the last daemon, with its files.
   * @throws as Tmpfs.
   */
  constructor(options: TmpfsOptions, tmpfs?: Descriptor) {
    this.capacity = new Tmpfs(options, tmpfs);
    if (tmpfs !== undefined) return;
    // Fails here where the guard cannot be set.
    try {
      this.create().free();
    } catch (error) {
      this.capacity.close();
      throw error;
    }
  }

  create(): StoredFile {
    const { capacity } = this;
    const number = capacity.next();
    let fd = native.fileCreate(capacity.fd, number);
    // The last daemon died before it could say that it had made the file.
    if (fd === -errno.EEXIST && capacity.isAdopted) {
      native.fileRemove(capacity.fd, number, -1);
      fd = native.fileCreate(capacity.fd, number);
    }
    if (fd < 0) throw new FsError(fd, 'a file of the direct store');
    return new DirectFile(this, number, fd);
  }

  /** At rest. */
  restored(number: number): StoredFile {
    this.capacity.has(number);
    this.claimed.add(number);
    return new DirectFile(this, number, -1);
  }

  /** Those of the last daemon's that it has made or removed and not said so. All others have been `restored`. */
  async removeUnclaimed(): Promise<void> {
    const { claimed, capacity } = this;
    const { last } = capacity;
    for await (const { name } of await opendir(`/proc/self/fd/${capacity.fd}`)) {
      const number = Number(name);
      if (number <= last && !claimed.has(number)) native.fileRemove(capacity.fd, number, -1);
    }
    claimed.clear();
  }

  isShort(): boolean {
    return false;
  }

  tidy(): boolean {
    return false;
  }

  get huge(): string {
    return this.capacity.huge;
  }

  resize(size: number): number {
    return this.capacity.resize(size);
  }

  lent(): undefined {}

  newGrant(): Grant {
    return NO_SEGMENTS;
  }
}

/** The client maps the file itself, whose memory belongs to no other file. */
const NO_SEGMENTS: Grant = {
  add: () => -errno.EINVAL,
  bytes: 0,
  runs: [],
  restore: () => {},
  release: () => {},
};

class DirectFile implements StoredFile {
  readonly seq = 0;
  readonly number: number;
  private readonly store: DirectStore;
  /** -1 at rest. A plain number, no Descriptor for the collector to finish: `rest` and `free` close it. */
  private fd: number;

  constructor(store: DirectStore, number: number, fd: number) {
    this.store = store;
    this.number = number;
    this.fd = fd;
    if (fd >= 0) store.descriptors++;
  }

  get backing(): number {
    return this.fd;
  }

  /** It has no map. */
  chargeTo(): void {}

  /** The kernel grants a write lease only where no other description is open, and a mapping keeps one open (F20). */
  isInUse(): boolean {
    if (this.fd < 0) return false;
    if (native.fcntl(this.fd, F_SETLEASE, F_WRLCK) < 0) return true;
    native.fcntl(this.fd, F_SETLEASE, F_UNLCK);
    return false;
  }

  rest(): Result {
    if (this.fd < 0) return 0;
    if (this.isInUse()) return -errno.EBUSY;
    native.close(this.fd);
    this.fd = -1;
    this.store.descriptors--;
    return 0;
  }

  wake(): Result {
    if (this.fd >= 0) return 0;
    const fd = native.fileOpen(this.store.capacity.fd, this.number);
    if (fd < 0) return fd;
    this.fd = fd;
    this.store.descriptors++;
    return 0;
  }

  size(): number {
    this.look();
    return stat[STAT.size]!;
  }

  stat(out: FileStat): void {
    this.look();
    out.size = stat[STAT.size]!;
    out.blocks = stat[STAT.blocks]!;
    out.atime = stat[STAT.atimeSec]!;
    out.atimeNsec = stat[STAT.atimeNsec]!;
    out.mtime = stat[STAT.mtimeSec]!;
    out.mtimeNsec = stat[STAT.mtimeNsec]!;
    out.ctime = stat[STAT.ctimeSec]!;
    out.ctimeNsec = stat[STAT.ctimeNsec]!;
    out.changes = undefined;
  }

  gather(): number {
    return -1;
  }

  read(off: number, len: number, out: ArrayBuffer, at: number): number {
    return native.pread(this.fd, out, at, len, off);
  }

  write(off: number, len: number, data: ArrayBuffer, at: number): number {
    return native.pwrite(this.fd, data, at, len, off);
  }

  setSize(size: number): number {
    return native.ftruncate(this.fd, size);
  }

  cutAside(size: number, waits: boolean): Aside | undefined {
    this.look();
    if (!waits && !this.isLongCut(size)) return undefined;
    return this.aside(
      fd => native.ftruncateAside(fd, size),
      () => this.setSize(size),
    );
  }

  /** Whether a cut frees much, preallocated blocks beyond the end included. */
  private isLongCut(size: number): boolean {
    const before = stat[STAT.size]!;
    if (before <= size || stat[STAT.blocks]! * 512 <= LONG) return false;
    return before - size + this.present(blocksFor(before), blocksFor(MAX_OFFSET)) * BLOCK > LONG;
  }

  allocate(off: number, len: number, keepSize: boolean, lift: boolean): number {
    const end = off + len;
    const size = this.size();
    if (!this.hasRoom(blockOf(off), blocksFor(end))) return -errno.ENOSPC;
    if (end > size && keepSize) {
      return lift ? this.fallocate(FALLOC_FL_KEEP_SIZE, off, len) : -errno.EOPNOTSUPP;
    }
    if (end > size) {
      const grown = this.setSize(end);
      if (grown < 0) return grown;
    }
    const filled = native.populate(this.fd, off, len);
    if (filled === 0) return 0;
    if (end > size) this.setSize(size);
    return filled === -errno.ENOMEM || filled === -errno.EFAULT ? -errno.ENOSPC : filled;
  }

  fits(off: number, len: number): boolean {
    return this.hasRoom(blockOf(off), blocksFor(off + len));
  }

  punch(off: number, len: number, lift: boolean): number {
    if (lift) return this.fallocate(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, off, len);
    return this.clear(off, Math.min(off + len, this.size()));
  }

  punchAside(off: number, len: number): Aside | undefined {
    if (len <= LONG) return undefined;
    this.look();
    if (stat[STAT.blocks]! * 512 <= LONG) return undefined;
    return this.aside(
      fd => native.punchAside(fd, off, len),
      () => this.punch(off, len, true),
    );
  }

  zero(off: number, len: number, keepSize: boolean, lift: boolean): number {
    const end = Math.min(off + len, this.size());
    const allocated = this.allocate(off, len, keepSize, lift);
    return allocated < 0 ? allocated : this.clear(off, end);
  }

  seek(off: number, whence: number): number {
    return native.lseek(this.fd, off, whence);
  }

  hasData(start: number, end: number): boolean {
    const data = this.seek(start * BLOCK, SEEK_DATA);
    return (data >= 0 && data < end * BLOCK) || this.present(start, end) > 0;
  }

  hasHole(start: number, end: number): boolean {
    // SEEK_HOLE walks all pages up to the next hole, wherever that is; this looks at the range alone.
    return this.present(start, end) !== end - start && this.holes(start, end, 0) > 0;
  }

  nextExtent(off: number, out: Extent): boolean {
    const start = blockOf(off);
    const data = this.seek(start * BLOCK, SEEK_DATA);
    const written = data < 0 ? blocksFor(this.size()) : blockOf(data);
    const unwritten = start < written ? this.firstPresent(start, written) : written;
    if (unwritten === written && data < 0) return false;
    out.unwritten = unwritten < written;
    out.off = unwritten * BLOCK;
    const end = out.unwritten ? this.firstAbsent(unwritten, written) : blocksFor(this.seek(data, SEEK_HOLE));
    out.len = end * BLOCK - out.off;
    out.store = out.off;
    out.segment = 0;
    return true;
  }

  extentCount(): number {
    return 1;
  }

  /** The kernel does that when they are touched. */
  commit(): number {
    return 0;
  }

  free(): Freeing | undefined {
    this.look();
    const bytes = stat[STAT.blocks]! * 512;
    const isLong = bytes > LONG && this.wake() === 0;
    const { fd } = this;
    native.fileRemove(this.store.capacity.fd, this.number, fd);
    if (fd < 0) return undefined;
    this.fd = -1;
    this.store.descriptors--;
    if (isLong) return { bytes, start: () => native.closeAside(fd) };
    native.close(fd);
    return undefined;
  }

  /** @param here without a thread, where no descriptor is left for one. */
  private aside(call: (fd: number) => Promise<number>, here: () => number): Aside {
    return async () => {
      // It may rest by now.
      const awake = this.wake();
      if (awake < 0) return awake;
      const result = await call(this.fd);
      return result === -errno.EMFILE ? here() : result;
    };
  }

  /** stat(2) into `stat`. */
  private look(): void {
    if (this.fd >= 0) native.fstatScratch(this.fd);
    else native.fileStatScratch(this.store.capacity.fd, this.number);
  }

  /** Whether the holes of the blocks [at, end) find room now: to give them some of it and then fail would leave those. */
  private hasRoom(at: number, end: number): boolean {
    const left = Math.floor(this.store.capacity.free / BLOCK);
    return end - at <= left || this.holes(at, end, left) <= left;
  }

  /** How many of the blocks [at, end) are absent; once there are more than `most`, some number above it. */
  private holes(at: number, end: number, most: number): number {
    let holes = 0;
    while (at < end && holes <= most) {
      const data = this.seek(at * BLOCK, SEEK_DATA);
      const to = data < 0 ? end : Math.min(end, blockOf(data));
      if (at < to) holes += to - at - this.present(at, to);
      at = to < end ? blocksFor(this.seek(data, SEEK_HOLE)) : end;
    }
    return holes;
  }

  /**
   * How many of the blocks [start, end) are in memory. To SEEK_DATA a block that fallocate has given and no process has
   * touched is a hole; it counts here. What is swapped out does not; that is data to SEEK_DATA.
   */
  private present(start: number, end: number): number {
    const len = Math.min(end * BLOCK, MAX_OFFSET) - start * BLOCK;
    return len > 0 ? native.presentPages(this.fd, start * BLOCK, len) : 0;
  }

  /** Of the blocks [start, end): the first that is present, or `end`. */
  private firstPresent(start: number, end: number): number {
    if (this.present(start, end) === 0) return end;
    let at = start;
    for (let to = end; to - at > 1; ) {
      const middle = Math.floor((at + to) / 2);
      if (this.present(at, middle) > 0) to = middle;
      else at = middle;
    }
    return at;
  }

  /** Of the blocks [start, end), the first of which is present: the first that is not, or `end`. */
  private firstAbsent(start: number, end: number): number {
    let at = start + 1;
    for (let to = end; at < to; ) {
      const middle = Math.ceil((at + to) / 2);
      if (this.present(at, middle) === middle - at) at = middle;
      else to = middle - 1;
    }
    return at;
  }

  /** Writes zeros over the data of [off, end), keeping its blocks. */
  private clear(off: number, end: number): number {
    for (let at = off; at < end; ) {
      const data = this.seek(at, SEEK_DATA);
      if (data < 0 || data >= end) break;
      const [start, behind] = [blockOf(data), blocksFor(end)];
      // SEEK_HOLE walks all pages up to the next hole, wherever that is.
      const full = this.present(start, behind) === behind - start;
      const stop = full ? end : Math.min(end, this.seek(data, SEEK_HOLE));
      for (at = data; at < stop; ) {
        const n = native.pwrite(this.fd, zeros, 0, Math.min(zeros.byteLength, stop - at), at);
        if (n < 0) return n;
        at += n;
      }
    }
    return 0;
  }

  private fallocate(mode: number, off: number, len: number): number {
    return native.fallocateGuarded(this.fd, mode, off, len);
  }
}
