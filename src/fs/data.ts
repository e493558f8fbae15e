// The data path through the daemon: where passthrough is not to be had, and for what the kernel always asks (lseek,
// fsync, copy_file_range). Writes of a direct file change no layout and ask no lease (X8).
import { errno } from '../base/errno.js';
import type { FileHandle, InodeNumber } from '../base/units.js';
import { MAX_OFFSET } from '../base/units.js';
import type { Answer } from './operations.js';
import type { Superblock } from './superblock.js';

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** One copy_file_range moves at most this many bytes, so that it does not hold others up; the caller asks again. */
const COPY_MAX = 1 << 20;
const copyBuffer = new ArrayBuffer(COPY_MAX);

export function read(
  sb: Superblock,
  ino: InodeNumber,
  off: number,
  len: number,
  out: ArrayBuffer,
  at: number,
): Answer {
  const file = sb.inode(ino)?.file;
  return file === undefined ? -errno.EBADF : file.read(off, len, out, at);
}

export function write(
  sb: Superblock,
  ino: InodeNumber,
  off: number,
  len: number,
  data: ArrayBuffer,
  at: number,
): Answer {
  const file = sb.inode(ino)?.file;
  if (file === undefined) return -errno.EBADF;
  if (off + len > MAX_OFFSET) return -errno.EFBIG;
  return file.write(off, len, data, at);
}

export function lseek(sb: Superblock, ino: InodeNumber, off: number, whence: number): Answer {
  const file = sb.inode(ino)?.file;
  if (file === undefined) return -errno.EBADF;
  if (whence !== SEEK_DATA && whence !== SEEK_HOLE) return -errno.EINVAL;
  return file.seek(off, whence);
}

export function copyFileRange(
  sb: Superblock,
  from: InodeNumber,
  fromOff: number,
  to: InodeNumber,
  toOff: number,
  len: number,
): Answer {
  const source = sb.inode(from)?.file;
  const target = sb.inode(to)?.file;
  if (source === undefined || target === undefined) return -errno.EBADF;
  if (toOff + len > MAX_OFFSET) return -errno.EFBIG;
  const n = source.read(fromOff, Math.min(len, COPY_MAX), copyBuffer, 0);
  return n <= 0 ? n : target.write(toOff, n, copyBuffer, 0);
}

/** Memory is as stable as it gets. */
export function fsync(sb: Superblock, fh: FileHandle): Answer {
  return sb.handles.has(fh) ? 0 : -errno.EBADF;
}
