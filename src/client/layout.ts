// Where in the store a file's blocks lie, and the memory itself: the ioctl LAYOUT of native/include/leasefs.h.

import * as abi from '../abi/leasefs.js';
import type { StructView } from '../abi/struct.js';
import { errno, FsError } from '../base/errno.js';
import { type Descriptor, native, STAT } from '../native/binding.js';
import type { Calls } from './calls.js';

/** A run of blocks. */
export interface LayoutExtent {
  /** Bytes in the file, whole blocks. */
  readonly off: number;
  readonly len: number;
  /** Bytes into the segment. */
  readonly store: number;
  /** Which segment of the store; 0: the file itself. */
  readonly segment: number;
  /** Allocated, reads as zeros. Never in a granted layout. */
  readonly unwritten: boolean;
}

/** A memfd of the store, as its daemon has it. */
export interface SegmentAddress {
  readonly segment: number;
  readonly pid: number;
  readonly fd: number;
  readonly dev: number;
  readonly ino: number;
}

export interface FileLayout {
  /** Counts the changes of the layout: the same number, the same layout. */
  readonly seq: number;
  /** In the order of the file; what no extent covers is a hole. */
  readonly extents: readonly LayoutExtent[];
  /** Of a granted layout: where the segments are to be had. */
  readonly segments: readonly SegmentAddress[];
}

const ATTEMPTS = 100;

/**
 * The layout of [off, off + len), rounded outward to blocks: granted under the lease of the file, or only listed (`list`).
 * All of it is of one instant.
 * @throws FsError as LAYOUT; EAGAIN also when it changed each time it was read.
 */
export function readLayout(calls: Calls, off: number, len: number, list: boolean): FileLayout {
  for (let attempt = 1; ; attempt++) {
    const layout = attemptLayout(calls, off, len, list);
    if (layout !== undefined) return layout;
    if (attempt === ATTEMPTS) throw new FsError(errno.EAGAIN, 'the layout changes all the time');
  }
}

/** Why a layout that was granted is granted no more, as LAYOUT: EPERM, EAGAIN; undefined: it still is. */
export function grantEnd(calls: Calls, off: number, len: number, seq: number): FsError | undefined {
  const struct = abi.newStruct(abi.layout);
  struct.setU32(abi.layout.flags, abi.LEASEFS_LAYOUT_SEQ);
  struct.setU64(abi.layout.off, off);
  struct.setU64(abi.layout.len, len);
  struct.setU64(abi.layout.seq, seq);
  const result = calls.call(abi.LEASEFS_IOC_LAYOUT, struct.buffer);
  if (result >= 0) return undefined;
  return new FsError(result, `the layout of [${off}, ${off + len}) was recalled before it was mapped`);
}

/** undefined when it changed between two answers. */
function attemptLayout(calls: Calls, off: number, len: number, list: boolean): FileLayout | undefined {
  const struct = abi.newStruct(abi.layout);
  const extents: LayoutExtent[] = [];
  const segments = new Map<number, SegmentAddress>();
  const end = off + len;
  for (let at = off, first = true; first || at < end; first = false) {
    const flags = (list ? abi.LEASEFS_LAYOUT_LIST : 0) | (first ? 0 : abi.LEASEFS_LAYOUT_SEQ);
    struct.setU32(abi.layout.flags, flags);
    struct.setU64(abi.layout.off, at);
    struct.setU64(abi.layout.len, end - at);
    const result = calls.call(abi.LEASEFS_IOC_LAYOUT, struct.buffer);
    if (result === -errno.EAGAIN && !first) return undefined;
    if (result < 0) throw new FsError(result, `asking for the layout of [${off}, ${end})`);
    takeAnswer(struct, extents, segments);
    const next = struct.u64(abi.layout.next);
    if (next <= at) throw new FsError(errno.EIO, 'a layout that does not go on');
    at = next;
  }
  return { seq: struct.u64(abi.layout.seq), extents, segments: [...segments.values()] };
}

function takeAnswer(
  struct: StructView,
  extents: LayoutExtent[],
  segments: Map<number, SegmentAddress>,
): void {
  const segment = struct.u32(abi.layout.segment);
  const count = Math.min(struct.u32(abi.layout.count), abi.LEASEFS_EXTENTS_MAX);
  for (let n = 0; n < count; n++) {
    const base = abi.layout.extents.at + n * abi.extent.bytes;
    extents.push({
      off: struct.u64(abi.extent.off, base),
      len: struct.u64(abi.extent.len, base),
      store: struct.u64(abi.extent.store, base),
      segment,
      unwritten: (struct.u32(abi.extent.flags, base) & abi.LEASEFS_EXTENT_UNWRITTEN) !== 0,
    });
  }
  const pid = struct.s32(abi.layout.pid);
  if (pid === 0) return;
  const fd = struct.s32(abi.layout.fd);
  const dev = struct.u64(abi.layout.dev);
  segments.set(segment, { segment, pid, fd, dev, ino: struct.u64(abi.layout.ino) });
}

/**
 * The segment's memory, to be mapped and closed. The kernel allows it to processes that may trace the daemon: those of its
 * own user and of root.
 * @throws Error with `code` EPERM or EACCES for others; ESRCH where the daemon is not seen (another pid namespace).
 */
export function openSegment(address: SegmentAddress): Descriptor {
  const descriptor = fetch(address);
  const stat = new Float64Array(STAT.length);
  native.fstat(descriptor.fd, stat);
  if (stat[STAT.dev] === address.dev && stat[STAT.ino] === address.ino) return descriptor;
  descriptor.close();
  throw new FsError(errno.ESRCH, `process ${address.pid} is not the daemon: another pid namespace?`);
}

/** O_RDWR | O_NOCTTY | O_NONBLOCK: if it is not the daemon's, opening it must do nothing. */
const FLAGS = 0o4402;

function fetch({ pid, fd }: SegmentAddress): Descriptor {
  try {
    const pidfd = native.pidfdOpen(pid);
    try {
      return native.pidfdGetfd(pidfd.fd, fd);
    } finally {
      pidfd.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') throw error;
    // Yama, a seccomp filter or an older kernel may refuse that where /proc is open to the same user.
    return native.open(`/proc/${pid}/fd/${fd}`, FLAGS);
  }
}
