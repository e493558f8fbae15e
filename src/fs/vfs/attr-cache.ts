// How long the kernel may answer a regular file's attributes from its cache: until a request changes them, or not at all.
//
// The kernel itself notices a change that comes by a request, a passthrough read and a passthrough write. It does not
// notice what a passthrough mapping does, nor when the mapping ends (F5): a store moves the mtime, a page fault takes
// blocks for a hole. So attributes of a direct file are cached only where no process can have such a mapping. Stores
// into a mapping of a pooled file come back as writes, which the kernel notices.
//
// An answer that is on its way may be older than a change. The kernel drops it where the change has raised the inode's
// attr_version (fs/fuse/inode.c); where the change has not, `invalidateAttrs` does. What is left: a read that overlaps a
// stat may show in the atime at the next read only.
import { O_ACCMODE, O_RDWR, S_ISGID, S_ISUID } from '../../base/linux.js';
import { BLOCK, blocksFor } from '../../base/units.js';
import { neverMapped } from '../../store/never-mapped.js';
import type { Attr } from '../operations.js';
import type { Inode } from './inode.js';
import type { Superblock } from './superblock.js';

const NOT_GIVEN = -1;

/** Of one inode. */
export class AttrCache {
  /** The kernel was given attributes that it may answer without a request. */
  attrsCached = false;
  /** The ctime of those attributes; NOT_GIVEN in `givenNsec`: it was last given some that it may not keep. */
  givenSec = 0;
  givenNsec = NOT_GIVEN;
  /** A description that can be mapped for stores was open since `isInUse` last said no. */
  mayBeMapped = false;
  /** `mayBeMapped` was checked since the last such description was closed. */
  mappingsChecked = false;
  /** It was opened with O_NOATIME: a mapping then leaves no trace in the atime. */
  openedNoatime = false;
  /** Pages came back from the kernel's page cache since a description could first be mapped for stores. */
  writebackSeen = false;
  /** fallocate gave it blocks beyond its end. */
  allocatedBeyondEof = false;
  /** A client may have stored into the blocks by a layout since the last open, behind the kernel's page cache. */
  bypassedByClient = false;
}

/** Whether the kernel may cache the attributes. Precondition: the inode was refreshed just now. */
export function isLasting(sb: Superblock, inode: Inode, size: number, blocks: number): boolean {
  // A write clears setuid and setgid without an update of the kernel's inode (HANDLE_KILLPRIV_V2).
  if (inode.mode & (S_ISUID | S_ISGID)) return false;
  if (!sb.store.isDirect) return !inode.cache.writebackSeen;
  // No mapping reaches an empty file, and the kernel notices what gives it a size.
  if (size === 0) return true;
  if (inode.nrdwr > 0) return false;
  // A mapping for reading is enough to fill a hole.
  if (inode.cache.allocatedBeyondEof || blocks * 512 !== blocksFor(size) * BLOCK) return false;
  return !mayBeMapped(inode);
}

/** The kernel is given attributes as they are now. */
export function answered({ cache, ctime }: Inode, lasting: boolean): void {
  if (lasting) cache.attrsCached = true;
  cache.givenSec = ctime.sec;
  cache.givenNsec = lasting ? ctime.nsec : NOT_GIVEN;
}

/**
 * The same, but the kernel may not keep them: it keeps those of a SETATTR's answer even if it was notified since, and those of
 * a name that another request may be changing.
 */
export function answeredOnce({ cache, file }: Inode, out: Attr): void {
  if (file === undefined) return;
  out.lasting = false;
  cache.givenNsec = NOT_GIVEN;
}

/**
 * Whether the kernel has the attributes as they are now: a listing need not carry them, and what else the kernel has cached of
 * the inode, its ACLs, stays. Where it has lost them since, it asks. Precondition: the inode was refreshed just now.
 */
export const isKnown = ({ cache, ctime, nlookup }: Inode): boolean =>
  nlookup > 0 && cache.givenSec === ctime.sec && cache.givenNsec === ctime.nsec;

/** Whether a mapping for stores may be left. */
function mayBeMapped(inode: Inode): boolean {
  const { cache } = inode;
  if (!cache.mayBeMapped || (!cache.openedNoatime && neverMapped(inode.seenAtime))) return false;
  if (inode.nopen > 0 || cache.mappingsChecked) return true;
  cache.mappingsChecked = true;
  cache.mayBeMapped = inode.file!.isInUse();
  return cache.mayBeMapped;
}

/** Only such a description can be mapped for stores. */
const mapsForStores = (flags: number): boolean => (flags & O_ACCMODE) === O_RDWR;

export function openedFor(sb: Superblock, inode: Inode, flags: number): void {
  // A read makes the kernel forget the atime.
  inode.cache.givenNsec = NOT_GIVEN;
  if (!mapsForStores(flags)) return;
  inode.nrdwr++;
  inode.cache.mayBeMapped = true;
  if (sb.store.isDirect) invalidateAttrs(sb, inode);
}

export function closedFor(inode: Inode, flags: number): void {
  if (!mapsForStores(flags)) return;
  inode.nrdwr--;
  inode.cache.mappingsChecked = false;
  if (inode.nrdwr > 0) return;
  inode.cache.writebackSeen = false;
  inode.cachedPages?.closed();
}

/**
 * The kernel drops the attributes. Precondition: called while a request that references the inode is unanswered.
 * Otherwise the kernel may be evicting the inode, and this notification would wait for that.
 */
export function invalidateAttrs(sb: Superblock, { ino, cache }: Inode): void {
  cache.givenNsec = NOT_GIVEN;
  if (!cache.attrsCached) return;
  cache.attrsCached = false;
  sb.host?.invalidateAttrs(ino);
}

/**
 * The same when pages from the kernel's cache are written, which moves the mtime without raising attr_version. Nothing may
 * reference the inode then, so the notification is written on another thread, and the write is answered after it.
 */
export function invalidateAttrsForWriteback(sb: Superblock, { ino, cache }: Inode): void {
  cache.writebackSeen = true;
  cache.givenNsec = NOT_GIVEN;
  if (!cache.attrsCached) return;
  cache.attrsCached = false;
  sb.host?.invalidateAttrsAsync(ino);
}
