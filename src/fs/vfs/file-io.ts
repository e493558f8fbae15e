// The data path through the daemon: for files without passthrough, and for requests that always come (lseek,
// copy_file_range). Writes of a direct file change no layout; those of a pooled file may, and then ask the gate first (X8).
import { errno } from '../../base/errno.js';
import type { Gather } from '../../base/gather.js';
import { O_NOATIME, SEEK_DATA, SEEK_HOLE } from '../../base/linux.js';
import type { FileHandle, InodeNumber } from '../../base/units.js';
import { blockOf, blocksFor, MAX_OFFSET } from '../../base/units.js';
import type { StoredFile } from '../../store/file-store.js';
import type { Answer, Caller } from '../operations.js';
import { invalidateAttrs, invalidateAttrsForWriteback } from './attr-cache.js';
import { dropsPages } from './cached-pages.js';
import type { Inode } from './inode.js';
import { saysNoSpace } from './kept-blocks.js';
import { contentChanged } from './killpriv.js';
import type { Superblock } from './superblock.js';

/** Bytes that one copy_file_range moves at most, so that it does not delay other requests; the caller asks again. */
const COPY_MAX = 1 << 20;
const copyBuffer = new ArrayBuffer(COPY_MAX);

/** @param cached into the kernel's page cache. */
export function read(
  sb: Superblock,
  ino: InodeNumber,
  fh: FileHandle,
  off: number,
  len: number,
  out: ArrayBuffer,
  at: number,
  gather: Gather,
  cached: boolean,
): Answer {
  const inode = sb.inode(ino);
  const file = inode?.file;
  if (file === undefined) return -errno.EBADF;
  if (cached) inode!.pages.filled(off, len, inode!.nrdwr > 0);
  const gathered = file.gather(off, len, gather);
  // The memory of a direct file has an access time of its own.
  if (gathered < 0) return file.read(off, len, out, at);
  if (((sb.handles.get(fh)?.flags ?? 0) & O_NOATIME) === 0) sb.accessed(inode!);
  return gathered;
}

/** @param writeback from the page cache: never refused, never waits (X8). */
export function write(
  sb: Superblock,
  caller: Caller,
  ino: InodeNumber,
  fh: FileHandle,
  off: number,
  len: number,
  data: ArrayBuffer,
  at: number,
  writeback: boolean,
): Answer {
  const inode = sb.inode(ino);
  if (inode?.file === undefined) return -errno.EBADF;
  if (off + len > MAX_OFFSET) return -errno.EFBIG;
  if (writeback) {
    invalidateAttrsForWriteback(sb, inode);
    inode.cachedPages?.settle(inode.file, off, len, data, at);
  } else {
    inode.cachedPages?.locked();
    const refused = sb.gate.write(caller, inode, fh, off, len);
    if (refused !== 0) return refused;
    if (sb.host?.writesDirectly) inode.cachedPages?.writing(inode.file, off, len);
  }
  // A page of the cache comes from the kernel, by a description of one of those who may have stored it.
  const uid = writeback ? (sb.handles.get(fh)?.uid ?? caller.uid) : caller.uid;
  inode.file.chargeTo(uid);
  const written = saysNoSpace(sb, uid, inode.file.write(off, len, data, at));
  // The kernel takes a page of its cache as written, even if we answer fewer bytes, unless we answer an error.
  return writeback && written >= 0 && written < len ? -errno.ENOSPC : written;
}

export function lseek(sb: Superblock, ino: InodeNumber, off: number, whence: number): Answer {
  const file = sb.inode(ino)?.file;
  if (file === undefined) return -errno.EBADF;
  if (whence !== SEEK_DATA && whence !== SEEK_HOLE) return -errno.EINVAL;
  return file.seek(off, whence);
}

/** Holes stay holes where the target has no blocks either. */
export function copyFileRange(
  sb: Superblock,
  caller: Caller,
  from: InodeNumber,
  fromOff: number,
  to: InodeNumber,
  toFh: FileHandle,
  toOff: number,
  len: number,
): Answer {
  const source = sb.inode(from)?.file;
  const inode = sb.inode(to);
  const target = inode?.file;
  if (source === undefined || target === undefined) return -errno.EBADF;
  if (toOff + len > MAX_OFFSET) return -errno.EFBIG;
  if (mayLoseStores(sb, inode!)) return -errno.EOPNOTSUPP;
  const busy = sb.slices.wait(caller, from) || sb.slices.wait(caller, to);
  if (busy !== 0) return busy;
  inode!.cachedPages?.locked();
  const there = Math.min(len, source.size() - fromOff);
  if (there <= 0) return 0;
  const skipped = holeAt(source, fromOff, there);
  if (skipped > 0 && !target.hasData(blockOf(toOff), blocksFor(toOff + skipped))) {
    const end = toOff + skipped;
    const refused = sb.gate.extend(caller, inode!, toFh, toOff, skipped);
    if (refused !== 0) return refused;
    const grown = end > target.size() ? target.setSize(end) : 0;
    if (grown < 0) return grown;
    contentChanged(sb, caller, inode!);
    dropsPages(inode!);
    return skipped;
  }
  const n = Math.min(skipped || source.seek(fromOff, SEEK_HOLE) - fromOff, there, COPY_MAX);
  const refused = sb.gate.write(caller, inode!, toFh, toOff, n);
  if (refused !== 0) return refused;
  const read = source.read(fromOff, n, copyBuffer, 0);
  if (!sb.store.isDirect) sb.accessed(sb.inode(from)!);
  // Its atime, of which the kernel takes no note here.
  invalidateAttrs(sb, sb.inode(from)!);
  if (read <= 0) return read;
  contentChanged(sb, caller, inode!);
  dropsPages(inode!);
  target.chargeTo(caller.uid);
  return target.write(toOff, read, copyBuffer, 0);
}

/**
 * After a copy_file_range the kernel drops whole pages of its cache, and with them the stores of other processes since the
 * copy (fuse_copy_file_range). On EOPNOTSUPP it copies by read and write.
 */
const mayLoseStores = (sb: Superblock, inode: Inode): boolean =>
  sb.host?.writesDirectly ? inode.cachedPages?.mayBeStored === true : !sb.store.isDirect && inode.nrdwr > 0;

/** Bytes of hole from `off` on, up to `len`; 0 where there are data. */
function holeAt(file: StoredFile, off: number, len: number): number {
  const data = file.seek(off, SEEK_DATA);
  return data < 0 ? len : Math.min(data - off, len);
}
