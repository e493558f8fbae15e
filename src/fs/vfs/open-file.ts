// Open file descriptions. Kernel counterpart: struct file.
import { O_NONBLOCK } from '../../base/linux.js';
import type { FileHandle } from '../../base/units.js';
import type { Dentry, Inode } from './inode.js';

export interface OpenFile {
  readonly fh: FileHandle;
  readonly inode: Inode;
  /** Of the process that opened it: whose share it takes. */
  readonly uid: number;
  /** open(2)'s flags. */
  readonly flags: number;
  /** The thread that opened it. */
  readonly opener: number;
  /** A poll(2) waits to be notified of a change. */
  pollArmed: boolean;
  /** Directories: where the last READDIR stopped. */
  cursor: DirCursor | undefined;
  /** Directories: the cookie at which reading ends. */
  end: number;
}

export interface DirCursor {
  readonly entries: Iterator<Dentry>;
  /** The cookie after which `pending` and `entries` go on. */
  after: number;
  /** Taken from `entries`, not yet taken by the reader. */
  pending: Dentry | undefined;
}

/**
 * O_NONBLOCK as given to open (B4); a later F_SETFL does not reach the daemon. A change by path is never non-blocking, but
 * for the cut of an open with O_TRUNC where that comes after the OPEN.
 */
export const isNonblocking = (file: OpenFile | undefined): boolean =>
  file !== undefined && (file.flags & O_NONBLOCK) !== 0;
