// The gate: what the POSIX filesystem asks the lease plane before it changes a file's layout, and what it reports about the
// ends of descriptions. It is the one seam between them: nothing else here knows of leases and pins. Kernel counterpart:
// xfs_break_layouts before a change.
import type { FileHandle, InodeNumber } from '../../base/units.js';
import type { Answer, Caller } from '../operations.js';
import type { Inode } from './inode.js';
import type { OpenFile } from './open-file.js';

/** What a fallocate does: gives holes their blocks, frees blocks, or makes blocks read as zeros. */
export type FallocateAct = 'allocate' | 'punch' | 'zero';

/**
 * The first four answer 0: go on; `-errno` or PARKED: answer that, nothing was changed. Offsets and lengths are bytes.
 * What a change touches is computed at this instant, also when the operation runs again after it waited (X4, X8).
 */
export interface LayoutGate {
  /** truncate, ftruncate, O_TRUNC. @param through undefined: by path. @param before the size now. */
  truncate(
    caller: Caller,
    inode: Inode,
    through: OpenFile | undefined,
    before: number,
    size: number,
    nonblock: boolean,
  ): Answer;
  fallocate(
    caller: Caller,
    inode: Inode,
    through: OpenFile,
    act: FallocateAct,
    before: number,
    off: number,
    len: number,
    keepSize: boolean,
  ): Answer;
  /** X8: before [off, off + len) is written. A write into present blocks costs no look at the caller. */
  write(caller: Caller, inode: Inode, fh: FileHandle, off: number, len: number): Answer;
  /** X8: before [off, off + len) becomes part of the file without blocks. */
  extend(caller: Caller, inode: Inode, fh: FileHandle, off: number, len: number): Answer;
  /** Whether `closing` is to be called at each close(2) of a descriptor of files that are opened now. */
  readonly wantsClosings: boolean;
  /** close(2) of one descriptor of the description: 0 or PARKED. */
  closing(caller: Caller, fh: FileHandle): Answer;
  /** The description has ended, and with it its lease and the pins that it owns (L2, N4, N5). */
  closed(file: OpenFile): void;
  /** A lease, pin or waiter refers to the file: its inode must stay. Costs one look-up. */
  holds(ino: InodeNumber): boolean;
  /** The file has a pin or an unbreakable lease: its guard must not be lifted (F14). */
  guards(ino: InodeNumber): boolean;
  /** A client may load from and store into the file's blocks by a layout. */
  lends(ino: InodeNumber): boolean;
  /** The processes that have blocks by layouts, in words; '' for none. */
  borrowers(): string;
}

/** The gate of a filesystem that has no lease plane. */
export const openGate: LayoutGate = {
  truncate: () => 0,
  fallocate: () => 0,
  write: () => 0,
  extend: () => 0,
  wantsClosings: false,
  closing: () => 0,
  closed: () => {},
  holds: () => false,
  guards: () => false,
  lends: () => false,
  borrowers: () => '',
};
