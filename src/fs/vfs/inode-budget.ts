// What --inodes counts. As on tmpfs: each inode, each name of a file beyond its first, and a KiB of extended attributes or
// of a symbolic link's target as one inode. An attribute counts what it costs this process, not its bytes alone.
import type { Inode } from './inode.js';

/** tmpfs's BOGO_INODE_SIZE. */
const INODE_BYTES = 1024;
/** Of an extended attribute beside its name and value: an empty one was seen to take 310 to 400 bytes. */
const XATTR_BYTES = 400;
/** A target up to here counts with its inode; tmpfs's SHORT_SYMLINK_LEN. */
const SHORT_TARGET = 128;

/** Bytes of the heap for an inode with its name and its file: a million of them were seen to take 1.2 KiB each. */
const INODE_HEAP = 2048;
/** What the young objects, the program and what is not an inode take of the heap. */
const OTHER_HEAP = 64 * 2 ** 20;
const MIN_HEAP = 2 ** 22;

/**
 * So many inodes that the heap holds them: a daemon that ran out of it would take every file with it.
 * @param limit of the heap, bytes
 */
export const inodesOfHeap = (limit: number): number =>
  Math.floor(Math.max(MIN_HEAP, limit - OTHER_HEAP) / INODE_HEAP);

/** Bytes that an extended attribute counts. */
export const xattrCost = (nameLength: number, valueLength: number): number =>
  XATTR_BYTES + nameLength + valueLength;

/** Bytes that a symbolic link's target counts. */
export const targetCost = (length: number): number => (length <= SHORT_TARGET ? 0 : length);

const extraBytes = ({ xattrs, target }: Inode): number =>
  targetCost(target?.length ?? 0) + (xattrs?.cost ?? 0);

export class InodeBudget {
  /** Inodes that there may be, the root one of them. */
  readonly max: number;
  private inodes = 0;
  private links = 0;
  private bytes = 0;

  constructor(max: number) {
    this.max = max;
  }

  get used(): number {
    return this.inodes + this.links + Math.ceil(this.bytes / INODE_BYTES);
  }

  /** Inodes that can still be made. */
  get free(): number {
    return this.max - this.used;
  }

  /** One inode more, and `bytes` beside it; false, and nothing is counted, where there is no room. */
  addInode(bytes: number): boolean {
    this.inodes++;
    this.bytes += bytes;
    if (this.free >= 0) return true;
    this.inodes--;
    this.bytes -= bytes;
    return false;
  }

  /** An inode of the last daemon's, whether there is room or not. */
  restored(inode: Inode): void {
    this.inodes++;
    this.bytes += extraBytes(inode);
    if (inode.children === undefined) this.links += Math.max(0, inode.nlink - 1);
  }

  /** It was not made after all. */
  cancelInode(bytes: number): void {
    this.inodes--;
    this.bytes -= bytes;
  }

  /** The inode is gone, and all that counted with it but its names. */
  removeInode(inode: Inode): void {
    this.inodes--;
    this.bytes -= extraBytes(inode);
  }

  /** A file that has a name gets another; false where there is no room. */
  addLink(): boolean {
    if (this.free < 1) return false;
    this.links++;
    return true;
  }

  removeLink(): void {
    this.links--;
  }

  /** Bytes of attributes more, or fewer; false, and nothing is counted, where there is no room for more. */
  addBytes(bytes: number): boolean {
    this.bytes += bytes;
    if (bytes <= 0 || this.free >= 0) return true;
    this.bytes -= bytes;
    return false;
  }
}
