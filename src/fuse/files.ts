// Open files and their data. READ and WRITE come for files without passthrough; the other requests always come (F4).
import { errno } from '../base/errno.js';
import { O_ACCMODE, O_RDONLY, O_TRUNC } from '../base/linux.js';
import { type InodeNumber, MAX_OFFSET } from '../base/units.js';
import { type Answer, PARKED } from '../fs/operations.js';
import { killSuidgid } from './attributes.js';
import { type Connection, MALFORMED, NO_REPLY } from './connection.js';
import {
  FOPEN_DIRECT_IO,
  FOPEN_KEEP_CACHE,
  FOPEN_NOFLUSH,
  FOPEN_PASSTHROUGH,
  FOPEN_STREAM,
  OPEN_KILL_SUIDGID,
  READ_LOCKOWNER,
  WRITE_CACHE,
  WRITE_KILL_SUIDGID,
} from './flags.js';
import { THROUGH_DAEMON } from './passthrough.js';
import { ENTRY_OUT, putEntry } from './wire/attr.js';
import { OUT_HEADER } from './wire/reply.js';
import { IN_HEADER, type Request } from './wire/request.js';

const OPEN_OUT = 16;
const WRITE_OUT = 8;
/** Bytes of one copy, which must fit into the 32 bits of the older answer; the kernel asks again for the rest. */
const COPY_LENGTH_MAX = 1 << 30;

/**
 * fuse_open_out: 0 fh, 8 open_flags, 12 backing_id; its length. NOFLUSH: a lease does not end at close(2) of one of
 * several descriptors (K28), so only a connection that checks pins at the last close asks for it. KEEP_CACHE: the data has
 * not changed without the kernel's knowledge.
 *
 * DIRECT_IO for a description open for writing. In a cached write the kernel copies the bytes into its pages before it asks
 * us, and drops the pages when we refuse, with the stores of other processes in them. Mappings, and descriptions open for
 * reading, still use the page cache (DIRECT_IO_ALLOW_MMAP, Linux 6.6; before that, and with -o kernel_cache, a refused write
 * does this harm). The kernel takes the flag at open alone, so it cannot be left out until a file has a lease: a description
 * that was opened before would write through the cache for good.
 */
function putOpen(connection: Connection, request: Request, ino: InodeNumber, at: number): number {
  const { reply, passthrough, writesDirectly, tellsCloses } = connection;
  const { fh, backing, keepCache, uncached, stream, tellsClose } = request.opened;
  // A virtual file has nothing to be cached.
  const id = uncached ? THROUGH_DAEMON : passthrough.idFor(ino, backing);
  reply.set64(at, fh);
  const mayWrite = (request.u32(0) & O_ACCMODE) !== O_RDONLY;
  let flags = tellsClose && tellsCloses ? 0 : FOPEN_NOFLUSH;
  if (id !== THROUGH_DAEMON) flags |= FOPEN_PASSTHROUGH;
  else if (uncached) flags |= FOPEN_DIRECT_IO | (stream ? FOPEN_STREAM : 0);
  else flags |= (keepCache ? FOPEN_KEEP_CACHE : 0) | (mayWrite && writesDirectly ? FOPEN_DIRECT_IO : 0);
  reply.setU32(at + 8, flags);
  reply.setU32(at + 12, id);
  return OPEN_OUT;
}

/** fuse_open_in: 0 flags, 4 open_flags. */
export function open(connection: Connection, request: Request): Answer {
  const flags = request.u32(0);
  const answer = connection.operations.open(request.caller, request.ino, flags, request.opened);
  if (answer !== 0) return answer;
  if (flags & O_TRUNC && request.u32(4) & OPEN_KILL_SUIDGID) killSuidgid(connection, request);
  return putOpen(connection, request, request.ino, 0);
}

/** fuse_create_in: 0 flags, 4 mode, 8 umask, 12 open_flags; the name. */
export function create(connection: Connection, request: Request): Answer {
  const { caller, ino, attr, opened } = request;
  const flags = request.u32(0);
  const name = request.name(16);
  caller.umask = request.u32(8);
  const answer = connection.operations.create(caller, ino, name, request.u32(4), flags, attr, opened);
  return answer === 0 ? created(connection, request) : answer;
}

/** As CREATE; the name means nothing. */
export function tmpfile(connection: Connection, request: Request): Answer {
  const { caller, ino, attr, opened } = request;
  const flags = request.u32(0);
  caller.umask = request.u32(8);
  const answer = connection.operations.tmpfile(caller, ino, request.u32(4), flags, attr, opened);
  return answer === 0 ? created(connection, request) : answer;
}

function created(connection: Connection, request: Request): number {
  putEntry(connection.reply, 0, request.attr);
  return ENTRY_OUT + putOpen(connection, request, request.attr.ino, ENTRY_OUT);
}

/** fuse_flush_in: 0 fh, 16 lock_owner. */
export function flush({ operations, tellsCloses }: Connection, request: Request): Answer {
  // ENOSYS: the kernel never asks again.
  return tellsCloses ? operations.flush(request.caller, request.fh(0)) : -errno.ENOSYS;
}

/** fuse_release_in: 0 fh, 8 flags, 12 release_flags, 16 lock_owner. */
export function release(connection: Connection, request: Request): Answer {
  const fh = request.fh(0);
  connection.operations.release(fh);
  connection.forget(fh);
  return 0;
}

/** fuse_read_in: 0 fh, 8 offset, 16 size, 20 read_flags, 24 lock_owner, 32 flags. */
export function read(connection: Connection, request: Request): Answer {
  const { operations, reply, gather } = connection;
  const off = request.u64(8);
  if (off > MAX_OFFSET) return 0;
  const size = Math.min(request.u32(16), reply.capacity);
  const { caller, ino } = request;
  gather.clear();
  // The kernel names the owner of locks with what a process reads, not with what it reads into its cache.
  const cached = (request.u32(20) & READ_LOCKOWNER) === 0;
  const fh = request.fh(0);
  const read = operations.read(caller, ino, fh, off, size, reply.buffer, OUT_HEADER, gather, cached);
  if (gather.count === 0) return read;
  connection.sendGathered(request, read);
  return NO_REPLY;
}

/** fuse_write_in: 0 fh, 8 offset, 16 size, 20 write_flags, 24 lock_owner, 32 flags; the data. */
export function write(connection: Connection, request: Request): Answer {
  const { operations, reply } = connection;
  const off = request.u64(8);
  const size = request.u32(16);
  const flags = request.u32(20);
  const at = 40;
  if (request.length !== at + size) return MALFORMED;
  if (off + size > MAX_OFFSET) return -errno.EFBIG;
  const { caller, ino, buffer } = request;
  const writeback = (flags & WRITE_CACHE) !== 0;
  const written = operations.write(caller, ino, request.fh(0), off, size, buffer, IN_HEADER + at, writeback);
  if (written < 0 || written > size) return written;
  if (flags & WRITE_KILL_SUIDGID) killSuidgid(connection, request);
  reply.setU32(0, written);
  reply.setU32(4, 0);
  return WRITE_OUT;
}

/** fuse_fallocate_in: 0 fh, 8 offset, 16 length, 24 mode. */
export function fallocate({ operations }: Connection, request: Request): Answer {
  const off = request.u64(8);
  const len = request.u64(16);
  if (off + len > MAX_OFFSET) return -errno.EFBIG;
  return operations.fallocate(request.caller, request.ino, request.fh(0), request.u32(24), off, len);
}

/** fuse_lseek_in: 0 fh, 8 offset, 16 whence. Answers the offset. */
export function lseek({ operations, reply }: Connection, request: Request): Answer {
  const off = request.u64(8);
  if (off > MAX_OFFSET) return -errno.ENXIO;
  // An offset may read as PARKED.
  const busy = operations.slices.wait(request.caller, request.ino);
  if (busy !== 0) return busy;
  const found = operations.lseek(request.caller, request.ino, request.fh(0), off, request.u32(16));
  if (found < 0) return found;
  reply.set64(0, found);
  return 8;
}

/**
 * fuse_copy_file_range_in: 0 fh_in, 8 off_in, 16 nodeid_out, 24 fh_out, 32 off_out, 40 len, 48 flags. Answers both forms
 * of it: the length in 64 bits, which in the older one are 32 and padding. A copy is far shorter than 2^32.
 */
export function copyFileRange({ operations, reply }: Connection, request: Request): Answer {
  const { caller, ino } = request;
  const fromOff = request.u64(8);
  const to = request.u64(16) as InodeNumber;
  const toOff = request.u64(32);
  const len = Math.min(request.u64(40), COPY_LENGTH_MAX);
  if (request.u64(48) !== 0) return -errno.EINVAL;
  // No file is that long.
  if (fromOff > MAX_OFFSET) {
    reply.set64(0, 0);
    return WRITE_OUT;
  }
  if (toOff + len > MAX_OFFSET) return -errno.EFBIG;
  const copied = operations.copyFileRange(
    caller,
    ino,
    request.fh(0),
    fromOff,
    to,
    request.fh(24),
    toOff,
    len,
  );
  if (copied < 0 || copied === PARKED) return copied;
  reply.set64(0, copied);
  return WRITE_OUT;
}
