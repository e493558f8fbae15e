// A range of a file in memory, mapped from where the store has it: loads and stores reach the blocks without the
// daemon. Holds under a lease: LeaseFile.mapDirect makes it and unmaps it when the layout is recalled.
//
// Where the kernel has a page cache for the file (no passthrough) the mapping bypasses it: dirty pages of the range are
// written to the store before, cached pages are dropped after. In between, a process that opens the file sees the stores
// through the mapping; one that already had it open may see older data, as on NFS.
import { check, errno, FsError } from '../base/errno.js';
import { BLOCK } from '../base/units.js';
import { type Descriptor, native, POSIX_FADV_DONTNEED, PROT_READ, PROT_WRITE } from '../native/binding.js';
import type { Calls } from './calls.js';
import { type FileLayout, grantEnd, openSegment, readLayout } from './layout.js';

export class DirectMapping implements Disposable {
  /** Bytes of the file. */
  readonly off: number;
  readonly len: number;
  /** Of the layout that is mapped: see FileLayout. */
  readonly seq: number;
  /**
   * Bytes [off, off + len) of the file; detached (length 0, as all views of it) once it is unmapped. Not for
   * asynchronous calls of Node, which would go on with memory that is gone.
   */
  readonly memory: ArrayBuffer;
  private readonly fd: number;

  /** Use LeaseFile.mapDirect. @param fd open until it is unmapped. */
  constructor(fd: number, calls: Calls, off: number, len: number) {
    if (off % BLOCK !== 0) throw new FsError(errno.EINVAL, `${off} is no multiple of ${BLOCK}`);
    check(native.syncFileRange(fd, off, len), 'sync_file_range before a direct mapping');
    const { layout, memory } = mapGranted(fd, calls, off, len);
    this.fd = fd;
    this.off = off;
    this.len = len;
    this.seq = layout.seq;
    this.memory = memory;
    // From now on the store keeps the blocks as long as they are mapped. A break that ended before may have freed them.
    const ended = grantEnd(calls, off, len, layout.seq);
    if (ended === undefined) return;
    this.unmap();
    throw ended;
  }

  /** False once it was unmapped. */
  get mapped(): boolean {
    return this.memory.byteLength > 0;
  }

  /** Idempotent. */
  unmap(): void {
    if (!this.mapped) return;
    native.unmap(this.memory);
    native.fadvise(this.fd, this.off, this.len, POSIX_FADV_DONTNEED);
  }

  [Symbol.dispose](): void {
    this.unmap();
  }
}

interface Granted {
  readonly layout: FileLayout;
  readonly memory: ArrayBuffer;
}

/** Where another daemon serves the mount since it granted the layout, its segments are that one's now. */
function mapGranted(fd: number, calls: Calls, off: number, len: number): Granted {
  let layout = readLayout(calls, off, len, false);
  for (;;) {
    try {
      return { layout, memory: mapLayout(fd, off, len, layout) };
    } catch (error) {
      const ended = grantEnd(calls, off, len, layout.seq);
      if (ended !== undefined) throw ended;
      const now = readLayout(calls, off, len, false);
      if (isOfSameDaemon(layout, now)) throw error;
      layout = now;
    }
  }
}

const isOfSameDaemon = (one: FileLayout, other: FileLayout): boolean =>
  one.segments.every(({ pid }) => other.segments.every(theirs => theirs.pid === pid));

function mapLayout(fd: number, off: number, len: number, { extents, segments }: FileLayout): ArrayBuffer {
  const opened = new Map<number, Descriptor>();
  try {
    for (const address of segments) opened.set(address.segment, openSegment(address));
    const pieces = new Float64Array(extents.length * 3);
    let at = off;
    for (const [i, extent] of extents.entries()) {
      if (extent.off !== at) throw hole(at);
      const n = Math.min(extent.len, off + len - at);
      const memory = extent.segment === 0 ? fd : opened.get(extent.segment)!.fd;
      pieces.set([memory, extent.store, n], i * 3);
      at += n;
    }
    if (at !== off + len) throw hole(at);
    return native.mapPieces(pieces, extents.length, PROT_READ | PROT_WRITE);
  } finally {
    for (const descriptor of opened.values()) descriptor.close();
  }
}

const hole = (at: number): FsError => new FsError(errno.ENXIO, `no block at ${at}: a hole, fallocate first`);
