// The direct store: one memfd a file, whose layout is the identity. The kernel serves read, write and mmap from the
// memfd's own pages (F1, F2), so that only what changes the layout comes here.
//
// Guard (F14): the memfd is immutable, so MADV_REMOVE, which never reaches us, is refused by the kernel itself. Our
// own ftruncate passes; holes are filled by MADV_POPULATE_WRITE; only a real punch needs the flag lifted for an
// instant, which the caller allows (`lift`) while nothing in the file is protected.
//
// A file costs a descriptor. An unused file can be moved into the pool until it is opened again (moves.ts).
import { errno, FsError } from '../base/errno.js';
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, SEEK_DATA, SEEK_HOLE } from '../base/linux.js';
import { BLOCK, blockOf, blocksFor } from '../base/units.js';
import { native, STAT } from '../native/binding.js';
import {
  Capacity,
  type Extent,
  type FileStat,
  type FileStore,
  type Grant,
  type Moves,
  type StoredFile,
} from './file-store.js';
import { fallocate, setGuard } from './guard.js';
import { probeUnused } from './in-use.js';
import { DirectMoves } from './moves.js';

const stat = native.scratch;
const zeros = new ArrayBuffer(1 << 20);

export class DirectStore implements FileStore {
  readonly name = 'direct';
  readonly isDirect = true;
  readonly freeInLongRuns = undefined;
  readonly capacity: Capacity;
  readonly moves: Moves = new DirectMoves(this);
  /** Files that are there. */
  descriptors = 0;

  /** @param size bytes that fallocate, pins and writes through the daemon may use; passthrough writes are not asked. */
  constructor(size: number) {
    this.capacity = new Capacity(size);
  }

  create(label: string): StoredFile {
    const memfd = native.memfdCreateRaw(label);
    if (memfd < 0) throw new FsError(memfd, 'memfd_create');
    try {
      return new DirectFile(memfd, setGuard(memfd), this);
    } catch (error) {
      native.close(memfd);
      throw error;
    }
  }

  lent(): undefined {}

  newGrant(): Grant {
    return NO_SEGMENTS;
  }
}

/** The client maps the file itself, whose memory belongs to no other file. */
const NO_SEGMENTS: Grant = { add: () => -errno.EINVAL, release: () => {} };

class DirectFile implements StoredFile {
  readonly seq = 0;
  /** A plain number, no Descriptor for the collector to finish: `free` closes it. */
  private memfd: number;
  private readonly guarded: boolean;
  private readonly store: DirectStore;
  private readonly capacity: Capacity;
  /** Bytes counted in the capacity. */
  private counted = 0;

  constructor(memfd: number, guarded: boolean, store: DirectStore) {
    this.memfd = memfd;
    this.guarded = guarded;
    this.store = store;
    this.capacity = store.capacity;
    store.descriptors++;
  }

  get backing(): number {
    return this.memfd;
  }

  isInUse(): boolean {
    const alone = probeUnused(this.memfd);
    alone?.close();
    return alone === undefined;
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
    return native.pread(this.memfd, out, at, len, off);
  }

  write(off: number, len: number, data: ArrayBuffer, at: number): number {
    const n = this.fitting(off, len);
    return n > 0 || len === 0 ? native.pwrite(this.memfd, data, at, n, off) : -errno.ENOSPC;
  }

  setSize(size: number): number {
    return native.ftruncate(this.memfd, size);
  }

  allocate(off: number, len: number, keepSize: boolean, lift: boolean): number {
    if (this.fitting(off, len) < len) return -errno.ENOSPC;
    // As `fitting` has just seen it.
    const size = stat[STAT.size]!;
    const end = off + len;
    if (end > size && keepSize) {
      return lift ? this.fallocate(FALLOC_FL_KEEP_SIZE, off, len) : -errno.EOPNOTSUPP;
    }
    if (end > size) {
      const grown = this.setSize(end);
      if (grown < 0) return grown;
    }
    const filled = native.populate(this.memfd, off, len);
    if (filled === 0) return 0;
    if (end > size) this.setSize(size);
    return filled === -errno.ENOMEM || filled === -errno.EFAULT ? -errno.ENOSPC : filled;
  }

  fits(off: number, len: number): boolean {
    return this.fitting(off, len) >= len;
  }

  punch(off: number, len: number, lift: boolean): number {
    if (lift) return this.fallocate(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, off, len);
    return this.clear(off, Math.min(off + len, this.size()));
  }

  zero(off: number, len: number, keepSize: boolean, lift: boolean): number {
    const end = Math.min(off + len, this.size());
    const allocated = this.allocate(off, len, keepSize, lift);
    return allocated < 0 ? allocated : this.clear(off, end);
  }

  seek(off: number, whence: number): number {
    return native.lseek(this.memfd, off, whence);
  }

  hasData(start: number, end: number): boolean {
    const data = this.seek(start * BLOCK, SEEK_DATA);
    return data >= 0 && data < end * BLOCK;
  }

  hasHole(start: number, end: number): boolean {
    // SEEK_HOLE walks all pages up to the next hole, wherever that is; this looks at the range alone.
    if (native.presentPages(this.memfd, start * BLOCK, (end - start) * BLOCK) === end - start) return false;
    const hole = this.seek(start * BLOCK, SEEK_HOLE);
    // The end of the file counts as a hole, also amid a block: that block is there.
    return hole < 0 || blocksFor(hole) < end;
  }

  nextExtent(off: number, out: Extent): boolean {
    const data = this.seek(off, SEEK_DATA);
    if (data < 0) return false;
    out.off = blockOf(data) * BLOCK;
    out.len = blocksFor(this.seek(data, SEEK_HOLE)) * BLOCK - out.off;
    out.store = out.off;
    out.segment = 0;
    out.unwritten = false;
    return true;
  }

  extentCount(): number {
    return 1;
  }

  commit(): number {
    return 0;
  }

  free(): void {
    this.capacity.used -= this.counted;
    this.counted = 0;
    this.store.descriptors--;
    native.close(this.memfd);
    this.memfd = -1;
  }

  /** fstat(2) into `stat`, and the capacity brought up to date. */
  private look(): void {
    native.fstatScratch(this.memfd);
    const used = stat[STAT.blocks]! * 512;
    this.capacity.used += used - this.counted;
    this.counted = used;
  }

  /** How many of the `len` bytes from `off` on find their blocks in what --size leaves. */
  private fitting(off: number, len: number): number {
    this.look();
    const { capacity } = this;
    const end = blocksFor(off + len);
    let at = blockOf(off);
    if (capacity.fits((end - at) * BLOCK)) return len;
    let left = blockOf(Math.max(0, capacity.total - capacity.used));
    while (at < end) {
      const data = this.seek(at * BLOCK, SEEK_DATA);
      const next = data < 0 ? end : Math.min(blockOf(data), end);
      if (next - at > left) return Math.max(0, (at + left) * BLOCK - off);
      left -= next - at;
      if (next === end) break;
      at = blocksFor(this.seek(next * BLOCK, SEEK_HOLE));
    }
    return len;
  }

  /** Writes zeros over the data of [off, end), keeping its blocks. */
  private clear(off: number, end: number): number {
    for (let at = off; at < end; ) {
      const data = this.seek(at, SEEK_DATA);
      if (data < 0 || data >= end) break;
      const stop = Math.min(end, this.seek(data, SEEK_HOLE));
      for (at = data; at < stop; ) {
        const n = native.pwrite(this.memfd, zeros, 0, Math.min(zeros.byteLength, stop - at), at);
        if (n < 0) return n;
        at += n;
      }
    }
    return 0;
  }

  private fallocate(mode: number, off: number, len: number): number {
    return fallocate(this.memfd, this.guarded, mode, off, len);
  }
}
