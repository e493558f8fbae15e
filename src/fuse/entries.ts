// Names: LOOKUP, FORGET, the operations that make, move or remove a name, and READLINK.
import { errno } from '../base/errno.js';
import { type InodeNumber, isVirtual } from '../base/units.js';
import type { Answer } from '../fs/operations.js';
import { type Connection, MALFORMED, NO_REPLY } from './connection.js';
import { FOREVER, putEntry, putNoEntry } from './wire/attr.js';
import type { Reply } from './wire/reply.js';
import { OUT_HEADER } from './wire/reply.js';
import type { Request } from './wire/request.js';

/** Answers the entry that an operation put into the request, or its errno. */
function entry(reply: Reply, request: Request, answer: Answer): Answer {
  return answer === 0 ? putEntry(reply, 0, request.attr) : answer;
}

/**
 * The kernel caches the absence of a name until it is created through this mount. Virtual names come and go without a
 * request, so their absence is not cached.
 */
export function lookup({ operations, reply }: Connection, request: Request): Answer {
  const answer = operations.lookup(request.caller, request.ino, request.name(0), request.attr);
  const missing = answer === -errno.ENOENT && !isVirtual(request.ino);
  return missing ? putNoEntry(reply, 0, FOREVER) : entry(reply, request, answer);
}

/** fuse_forget_in: 0 nlookup. */
export function forget({ operations }: Connection, request: Request): Answer {
  operations.forget(request.ino, request.u64(0));
  return NO_REPLY;
}

/** fuse_batch_forget_in: 0 count, then for each: 0 nodeid, 8 nlookup. */
export function batchForget({ operations }: Connection, request: Request): Answer {
  const count = request.u32(0);
  if (request.length !== 8 + count * 16) return MALFORMED;
  for (let at = 8; at < request.length; at += 16) {
    operations.forget(request.u64(at) as InodeNumber, request.u64(at + 8));
  }
  return NO_REPLY;
}

/** fuse_mknod_in: 0 mode, 4 rdev, 8 umask, 12 padding; the name. */
export function mknod({ operations, reply }: Connection, request: Request): Answer {
  const { caller, ino, attr } = request;
  const mode = request.u32(0);
  caller.umask = request.u32(8);
  return entry(reply, request, operations.mknod(caller, ino, request.name(16), mode, request.u32(4), attr));
}

/** fuse_mkdir_in: 0 mode, 4 umask; the name. */
export function mkdir({ operations, reply }: Connection, request: Request): Answer {
  const { caller, ino, attr } = request;
  caller.umask = request.u32(4);
  return entry(reply, request, operations.mkdir(caller, ino, request.name(8), request.u32(0), attr));
}

/** The name, then the target. */
export function symlink({ operations, reply }: Connection, request: Request): Answer {
  const { caller, ino, attr, nameBegin } = request;
  const target = request.data(nameBegin, request.length - 1 - nameBegin);
  return entry(reply, request, operations.symlink(caller, ino, request.name(0), target, attr));
}

/** fuse_link_in: 0 oldnodeid; the new name, in the directory that the header names. */
export function link({ operations, reply }: Connection, request: Request): Answer {
  const old = request.u64(0) as InodeNumber;
  const answer = operations.link(request.caller, old, request.ino, request.name(8), request.attr);
  return entry(reply, request, answer);
}

export function unlink({ operations }: Connection, request: Request): Answer {
  return operations.unlink(request.caller, request.ino, request.name(0));
}

export function rmdir({ operations }: Connection, request: Request): Answer {
  return operations.rmdir(request.caller, request.ino, request.name(0));
}

/** fuse_rename_in: 0 newdir; the old name, the new one. */
export function rename(connection: Connection, request: Request): Answer {
  return move(connection, request, 8, 0);
}

/** fuse_rename2_in: 0 newdir, 8 flags, 12 padding; the names. */
export function rename2(connection: Connection, request: Request): Answer {
  return move(connection, request, 16, request.u32(8));
}

function move({ operations }: Connection, request: Request, at: number, flags: number): Answer {
  const to = request.u64(0) as InodeNumber;
  return operations.rename(request.caller, request.ino, request.name(at), to, request.secondName(), flags);
}

export function readlink({ operations, reply }: Connection, request: Request): Answer {
  return operations.readlink(request.caller, request.ino, reply.bytes, OUT_HEADER);
}
