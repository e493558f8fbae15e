// How long the kernel may answer a regular file's attributes from its memory: until a request changes them, or not at all.
//
// A change that comes by a request the kernel knows of itself; so does a passthrough read or write, which it passes on. It
// does not see what a passthrough mapping does, nor when it ends (F5): a store moves the mtime, a page fault takes
// blocks for a hole. So attributes of a direct file last where nobody could be mapping it so. Pages of a pooled file
// that were stored into come back as writes; of those the kernel knows.
//
// An answer that is on its way may be older than a change. The kernel drops it where the change has raised the inode's
// attr_version (fs/fuse/inode.c); where it has not, we do that by telling it to ask again (`recall`). What is left: a
// read that overlaps a stat may show in the atime at the next read only.
import { BLOCK, blocksFor } from '../../base/units.js';
import { neverMapped } from '../../store/never-mapped.js';
import { type Inode, S_ISGID, S_ISUID } from './inode.js';
import { O_ACCMODE, O_RDWR, type Superblock } from './superblock.js';

/** Whether the attributes hold until the kernel hears otherwise. The inode was refreshed just now. */
export function isLasting(sb: Superblock, inode: Inode, size: number, blocks: number): boolean {
  // A write takes setuid and setgid away without a word to the kernel's inode (HANDLE_KILLPRIV_V2).
  if (inode.mode & (S_ISUID | S_ISGID)) return false;
  if (!sb.store.identity) return !inode.stored;
  // No mapping reaches an empty file, and what gives it a size the kernel hears of.
  if (size === 0) return true;
  if (inode.nrdwr > 0) return false;
  // A mapping for reading is enough to fill a hole.
  if (inode.blocksBeyond || blocks * 512 !== blocksFor(size) * BLOCK) return false;
  return !mayBeMapped(inode);
}

/** Whether somebody may have a mapping left for stores. */
function mayBeMapped(inode: Inode): boolean {
  if (!inode.mayBeMapped || (!inode.openedUnseen && neverMapped(inode.seenAtime))) return false;
  if (inode.nopen > 0 || inode.lookedForMappings) return true;
  inode.lookedForMappings = true;
  inode.mayBeMapped = inode.file!.isInUse();
  return inode.mayBeMapped;
}

/** Only such a description can be mapped for stores. */
const mapsForStores = (flags: number): boolean => (flags & O_ACCMODE) === O_RDWR;

export function openedFor(sb: Superblock, inode: Inode, flags: number): void {
  if (!mapsForStores(flags)) return;
  inode.nrdwr++;
  inode.mayBeMapped = true;
  if (sb.store.identity) recall(sb, inode);
}

export function closedFor(inode: Inode, flags: number): void {
  if (!mapsForStores(flags)) return;
  inode.nrdwr--;
  inode.lookedForMappings = false;
  if (inode.nrdwr === 0) inode.stored = false;
}

/**
 * The kernel forgets the attributes. Precondition: a request of somebody who has the inode is being answered, so that it
 * is not just being thrown out of the kernel's memory, which this would wait for.
 */
export function recall(sb: Superblock, inode: Inode): void {
  if (!inode.remembered) return;
  inode.remembered = false;
  sb.host?.attributesGone(inode.ino);
}

/**
 * The same when pages from the kernel's cache are written, which moves the mtime without raising attr_version. Nobody need
 * have the inode then, so the kernel is told aside, and hears of the write's end after that.
 */
export function recallForWriteback(sb: Superblock, inode: Inode): void {
  inode.stored = true;
  if (!inode.remembered) return;
  inode.remembered = false;
  sb.host?.attributesGoneAside(inode.ino);
}
