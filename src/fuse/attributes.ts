// Attributes: GETATTR, STATX, SETATTR, STATFS.
import { NAME_MAX } from '../base/linux.js';
import { BLOCK } from '../base/units.js';
import {
  type Answer,
  SET_ATIME,
  SET_ATIME_NOW,
  SET_CTIME,
  SET_GID,
  SET_KILL_SUIDGID,
  SET_MODE,
  SET_MTIME,
  SET_MTIME_NOW,
  SET_SIZE,
  SET_UID,
  StatFs,
} from '../fs/operations.js';
import type { Connection } from './connection.js';
import { FATTR_FH } from './flags.js';
import { putAttrOut, putStatx } from './wire/attr.js';
import type { Request } from './wire/request.js';

const STATFS_OUT = 80;

const statFs = new StatFs();

export function getattr({ operations, reply }: Connection, request: Request): Answer {
  const answer = operations.getattr(request.caller, request.ino, request.attr);
  return answer === 0 ? putAttrOut(reply, request.attr) : answer;
}

/** All fields are answered, not only those of the mask: they cost nothing more. */
export function statx({ operations, reply }: Connection, request: Request): Answer {
  const answer = operations.getattr(request.caller, request.ino, request.attr);
  return answer === 0 ? putStatx(reply, request.attr) : answer;
}

/** FATTR_* beside our SET_*; FATTR_LOCKOWNER belongs to mandatory locks, which Linux no longer has. */
const meanings: readonly (readonly [wire: number, ours: number])[] = [
  [1 << 0, SET_MODE],
  [1 << 1, SET_UID],
  [1 << 2, SET_GID],
  [1 << 3, SET_SIZE],
  [1 << 4, SET_ATIME],
  [1 << 5, SET_MTIME],
  [1 << 7, SET_ATIME_NOW],
  [1 << 8, SET_MTIME_NOW],
  [1 << 10, SET_CTIME],
  [1 << 11, SET_KILL_SUIDGID],
];

/**
 * fuse_setattr_in: 0 valid, 8 fh, 16 size, 24 lock_owner, 32 atime, 40 mtime, 48 ctime, 56 atimensec, 60 mtimensec,
 * 64 ctimensec, 68 mode, 76 uid, 80 gid.
 */
export function setattr({ operations, reply }: Connection, request: Request): Answer {
  const { set, attr } = request;
  const valid = request.u32(0);
  set.valid = 0;
  for (let i = 0; i < meanings.length; i++) {
    if (valid & meanings[i]![0]) set.valid |= meanings[i]![1];
  }
  set.fh = valid & FATTR_FH ? request.fh(8) : 0;
  set.size = request.u64(16);
  set.atime = request.i64(32);
  set.mtime = request.i64(40);
  set.ctime = request.i64(48);
  set.atimeNsec = request.u32(56);
  set.mtimeNsec = request.u32(60);
  set.ctimeNsec = request.u32(64);
  set.mode = request.u32(68);
  set.uid = request.u32(76);
  set.gid = request.u32(80);
  const answer = operations.setattr(request.caller, request.ino, set, attr);
  return answer === 0 ? putAttrOut(reply, attr) : answer;
}

/**
 * Clears setuid and setgid, as HANDLE_KILLPRIV_V2 leaves to us: the kernel says so at every write and truncating open of a
 * caller without CAP_FSETID.
 */
export function killSuidgid({ operations }: Connection, { caller, ino, attr, set }: Request): void {
  set.valid = SET_KILL_SUIDGID;
  operations.setattr(caller, ino, set, attr);
}

/** fuse_kstatfs */
export function statfs({ operations, reply }: Connection): Answer {
  const answer = operations.statfs(statFs);
  if (answer !== 0) return answer;
  reply.clear(0, STATFS_OUT);
  reply.set64(0, statFs.blocks);
  reply.set64(8, statFs.blocksFree);
  reply.set64(16, statFs.blocksFree);
  reply.set64(24, statFs.files);
  reply.set64(32, statFs.filesFree);
  reply.setU32(40, BLOCK);
  reply.setU32(44, NAME_MAX);
  reply.setU32(48, BLOCK);
  return STATFS_OUT;
}
