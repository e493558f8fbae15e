// The memory behind store blocks: memfds of 1 GiB, sparse, made when their first block is needed and mapped once.
// Seals keep their size; the guard (F14), where the daemon may set it, keeps other processes from punching them.
//
// It promises: a block that is not in use is zero, always; a block is populated before it is touched, so that want of
// memory is an error code and never SIGBUS. Places are store blocks and bytes behind their beginning; runs may cross
// from one segment to the next. Counterpart: a block device.
import { check, errno, failureOf } from '../base/errno.js';
import type { Gather } from '../base/gather.js';
import {
  F_ADD_SEALS,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SETFL,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  MADV_POPULATE_WRITE,
  O_NONBLOCK,
  O_RDWR,
  SEEK_DATA,
  SEEK_HOLE,
} from '../base/linux.js';
import { BLOCK } from '../base/units.js';
import { type Descriptor, native, PROT_READ, PROT_WRITE, STAT } from '../native/binding.js';
import type { LentMemory } from './file-store.js';
import { fallocate, setGuard } from './guard.js';
import { probeUnused } from './in-use.js';

export const SEGMENT_BLOCKS = 2 ** 18;
const SEGMENT_BYTES = SEGMENT_BLOCKS * BLOCK;

/** F_SEAL_SEAL: a client that was lent the segment can add no seal that would keep others from writing. */
const SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;

const stat = new Float64Array(STAT.length);

export const segmentOf = (blk: number): number => Math.floor(blk / SEGMENT_BLOCKS);

export class Segments {
  /** Called with each new segment, before it is used: its memory can be kept beyond this process. */
  made: ((segment: number, fd: number) => void) | undefined;
  private readonly segments: (Segment | undefined)[] = [];
  private last: Uint8Array = new Uint8Array(0);

  /** Gives [blk, blk + n) their pages. 0; -ENOSPC when there is no memory, -EMFILE. */
  populate(blk: number, n: number): number {
    for (let at = blk; at < blk + n; ) {
      const part = partOf(at, blk + n);
      let segment = this.segments[segmentOf(at)];
      if (segment === undefined) {
        try {
          segment = new Segment(segmentOf(at));
          this.made?.(segmentOf(at), segment.fd);
        } catch (error) {
          return failureOf(error);
        }
        this.segments[segmentOf(at)] = segment;
      }
      const result = segment.populate(within(at), part * BLOCK);
      if (result < 0) return result === -errno.EFAULT || result === -errno.ENOMEM ? -errno.ENOSPC : result;
      at += part;
    }
    return 0;
  }

  /** A segment of a daemon before, which is closed here from now on. @throws Error: it is none, EMFILE, ENOMEM. */
  adopt(index: number, memfd: Descriptor): void {
    this.segments[index] = new Segment(index, memfd);
  }

  /** Segments are numbers below it; some may not be there. */
  get count(): number {
    return this.segments.length;
  }

  has(segment: number): boolean {
    return this.segments[segment] !== undefined;
  }

  /** Blocks of the segment that have pages. */
  populated(segment: number): number {
    this.segments[segment]!.stat(stat);
    return stat[STAT.blocks]! / (BLOCK / 512);
  }

  /**
   * The runs of [blk, blk + n), which lie in one segment, that have pages which may hold bytes; how many blocks they are.
   */
  eachPage(blk: number, n: number, each: (blk: number, n: number) => void): number {
    const end = blk + n;
    let pages = 0;
    for (let at = this.seek(blk, end, SEEK_DATA); at < end; ) {
      const stop = this.seek(at, end, SEEK_HOLE);
      each(at, stop - at);
      pages += stop - at;
      at = stop < end ? this.seek(stop, end, SEEK_DATA) : end;
    }
    return pages;
  }

  private seek(blk: number, end: number, whence: number): number {
    const at = this.segments[segmentOf(blk)]!.seek(within(blk), whence);
    return at < 0 ? end : Math.min(end, blk + (at - within(blk)) / BLOCK);
  }

  /** Adds `n` bytes from byte `skip` of block `blk` on to `out`. Precondition, here and below: populated. */
  gather(blk: number, skip: number, n: number, out: Gather): void {
    let from = within(blk) + skip;
    for (let segment = segmentOf(blk), left = n; left > 0; segment++) {
      const part = Math.min(left, SEGMENT_BYTES - from);
      out.add(this.segments[segment]!.memory, from, part);
      left -= part;
      from = 0;
    }
  }

  /** Copies `n` bytes from byte `skip` of block `blk` on to `out`. */
  read(blk: number, skip: number, n: number, out: Uint8Array, at: number): void {
    let from = within(blk) + skip;
    for (let segment = segmentOf(blk), done = 0; done < n; segment++) {
      const part = Math.min(n - done, SEGMENT_BYTES - from);
      out.set(this.bytes(segment).subarray(from, from + part), at + done);
      done += part;
      from = 0;
    }
  }

  /** Copies `n` bytes of `data` to byte `skip` of block `blk` and on. */
  write(blk: number, skip: number, n: number, data: Uint8Array, at: number): void {
    let to = within(blk) + skip;
    for (let segment = segmentOf(blk), done = 0; done < n; segment++) {
      const part = Math.min(n - done, SEGMENT_BYTES - to);
      this.bytes(segment).set(this.piece(data, at + done, part), to);
      done += part;
      to = 0;
    }
  }

  /** Makes `n` bytes zero, on the same pages. */
  zero(blk: number, skip: number, n: number): void {
    let from = within(blk) + skip;
    for (let segment = segmentOf(blk), left = n; left > 0; segment++) {
      const part = Math.min(left, SEGMENT_BYTES - from);
      this.bytes(segment).fill(0, from, from + part);
      left -= part;
      from = 0;
    }
  }

  /** Returns the pages of [blk, blk + n) to the kernel: the blocks are zero. Lifts the guard for an instant. */
  punch(blk: number, n: number): void {
    for (let at = blk; at < blk + n; ) {
      const part = partOf(at, blk + n);
      this.segments[segmentOf(at)]!.punch(within(at), part * BLOCK);
      at += part;
    }
  }

  /** Segments that clients were given and may still have. */
  readonly lent = new Set<number>();

  /**
   * A descriptor of the segment for clients to take and map, ours until `reclaim`. -EBUSY while one that was reclaimed
   * is still in use and the guard must therefore stay; -EMFILE.
   */
  lend(segment: number): number {
    const fd = this.segments[segment]!.lend(this.lent.has(segment));
    if (fd >= 0) this.lent.add(segment);
    return fd;
  }

  /** A segment that is lent has a descriptor to take again, after the death of the daemon that lent it. */
  relend(segment: number): void {
    // On failure the client gets EBUSY when it asks for more, and nothing else.
    if (this.lent.has(segment)) this.segments[segment]!.lend(false);
  }

  lentMemory(): Omit<LentMemory, 'kept'> {
    const byIno = new Map<number, number>();
    for (const segment of this.lent) {
      this.segments[segment]!.stat(stat);
      byIno.set(stat[STAT.ino]!, segment + 1);
    }
    return { dev: stat[STAT.dev]!, byIno };
  }

  /** Ends the loan of the segment. Answers whether no other process has it (F20), neither open nor mapped. */
  reclaim(segment: number): boolean {
    const free = this.segments[segment]!.reclaim();
    if (free) this.lent.delete(segment);
    return free;
  }

  /** `n` bytes of `data` from `at` on: the same object again for the same piece, since most writes are like the last. */
  private piece(data: Uint8Array, at: number, n: number): Uint8Array {
    const { last } = this;
    if (last.buffer === data.buffer && last.byteOffset === data.byteOffset + at && last.length === n)
      return last;
    this.last = data.subarray(at, at + n);
    return this.last;
  }

  private bytes(segment: number): Uint8Array {
    return this.segments[segment]!.bytes;
  }
}

/** Byte of its segment at which the block begins. */
const within = (blk: number): number => (blk % SEGMENT_BLOCKS) * BLOCK;

/** How many blocks of [blk, end) lie in the first one's segment. */
const partOf = (blk: number, end: number): number =>
  Math.min(end - blk, SEGMENT_BLOCKS - (blk % SEGMENT_BLOCKS));

function checkSize(fd: number, index: number): void {
  check(native.fstat(fd, stat), 'fstat of a segment');
  if (stat[STAT.size] !== SEGMENT_BYTES) throw new Error(`segment ${index} has ${stat[STAT.size]} bytes`);
}

class Segment {
  readonly bytes: Uint8Array;
  readonly memory: ArrayBuffer;
  private readonly memfd: Descriptor;
  private readonly guarded: boolean;
  /** What clients take: a description of its own, since the kernel's count of opens leaves the memfd's first out. */
  private handout: Descriptor | undefined;

  /** @param adopted a segment's memory. @throws Error with `errno` (EMFILE, ENOMEM). */
  constructor(index: number, adopted?: Descriptor) {
    const memfd = adopted ?? native.memfdCreate(`leasefs:segment${index}`);
    try {
      if (adopted === undefined) {
        check(native.ftruncate(memfd.fd, SEGMENT_BYTES), 'ftruncate of a segment');
        check(native.fcntl(memfd.fd, F_ADD_SEALS, SEALS), 'seals of a segment');
      } else {
        checkSize(memfd.fd, index);
      }
      // A daemon may have died while the guard was lifted.
      this.guarded = setGuard(memfd.fd);
      this.memory = native.map(memfd.fd, 0, SEGMENT_BYTES, PROT_READ | PROT_WRITE);
    } catch (error) {
      memfd.close();
      throw error;
    }
    this.bytes = new Uint8Array(this.memory);
    this.memfd = memfd;
  }

  get fd(): number {
    return this.memfd.fd;
  }

  stat(out: Float64Array): void {
    native.fstat(this.memfd.fd, out);
  }

  seek(at: number, whence: number): number {
    return native.lseek(this.memfd.fd, at, whence);
  }

  populate(at: number, length: number): number {
    const result = native.madvise(this.memory, at, length, MADV_POPULATE_WRITE);
    // Kernels before 5.14 do not know it.
    return result === -errno.EINVAL ? this.fallocate(FALLOC_FL_KEEP_SIZE, at, length) : result;
  }

  punch(at: number, length: number): void {
    if (this.fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length) < 0)
      this.bytes.fill(0, at, at + length);
  }

  /** @param inUse others may have the segment: then the guard stays, so that no process can open it for writing. */
  lend(inUse: boolean): number {
    if (this.handout !== undefined) return this.handout.fd;
    if (inUse && this.guarded && !this.reclaim()) return -errno.EBUSY;
    if (this.guarded) native.setImmutable(this.memfd.fd, false);
    try {
      // O_NONBLOCK: a client's kernel lease would make the open wait for the client.
      this.handout = native.open(`/proc/self/fd/${this.memfd.fd}`, O_RDWR | O_NONBLOCK);
      native.fcntl(this.handout.fd, F_SETFL, O_RDWR);
    } catch (error) {
      const failure = failureOf(error);
      return failure === -errno.EAGAIN ? -errno.EBUSY : failure;
    } finally {
      if (this.guarded) native.setImmutable(this.memfd.fd, true);
    }
    return this.handout.fd;
  }

  reclaim(): boolean {
    this.handout?.close();
    this.handout = undefined;
    const alone = probeUnused(this.memfd.fd);
    alone?.close();
    return alone !== undefined;
  }

  private fallocate(mode: number, at: number, length: number): number {
    return fallocate(this.memfd.fd, this.guarded, mode, at, length);
  }
}
