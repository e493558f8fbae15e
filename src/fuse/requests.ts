// The requests of the FUSE protocol (enum fuse_opcode of linux/fuse.h), each with the shape of its body and its adapter.
// Sizes are those of linux/fuse.h for protocol 7.31 to 7.45 and the flags that init.ts agrees to.
//
// A request without an adapter is answered ENOSYS, and the kernel does without: ACCESS (it judges permissions itself,
// default_permissions), locks (it keeps them itself), FSYNC and FSYNCDIR (memory needs no write-back; the kernel writes its own
// pages back first, and then answers 0 without us), BMAP, SYNCFS, SETUPMAPPING. The session itself answers INIT, INTERRUPT and
// DESTROY.
import { errno } from '../base/errno.js';
import { getattr, setattr, statfs, statx } from './attributes.js';
import type { Adapter } from './connection.js';
import { opendir, readdir, readdirplus, releasedir } from './directories.js';
import * as entries from './entries.js';
import * as files from './files.js';
import { ioctl } from './ioctl.js';
import { poll } from './poll.js';
import { DATA, NAME, NAME_AND_DATA, NOTHING, type Tail, TWO_NAMES } from './wire/records.js';
import { getxattr, listxattr, removexattr, setxattr } from './xattrs.js';

interface RequestType {
  readonly name: string;
  readonly opcode: number;
  /** Bytes of the body's fixed part; NONE: the request is not served. */
  readonly fixed: number;
  /** What follows it. */
  readonly tail: Tail;
  /** Undefined: the session's own, or none. */
  readonly adapter: Adapter | undefined;
}

const NONE = -1;

const row = (
  name: string,
  opcode: number,
  fixed: number = NONE,
  tail: Tail = NOTHING,
  adapter?: Adapter,
): RequestType => ({ name, opcode, fixed, tail, adapter });

/** -o noxattr: after this answer the kernel asks no more. */
const ofXattrs =
  (adapter: Adapter): Adapter =>
  (connection, request) =>
    connection.xattrs ? adapter(connection, request) : -errno.ENOSYS;

export const INIT = 26;
export const INTERRUPT = 36;
export const DESTROY = 38;
const FORGET = 2;
const BATCH_FORGET = 42;

const table: readonly RequestType[] = [
  row('LOOKUP', 1, 0, NAME, entries.lookup),
  row('FORGET', FORGET, 8, NOTHING, entries.forget),
  row('GETATTR', 3, 16, NOTHING, getattr),
  row('SETATTR', 4, 88, NOTHING, setattr),
  row('READLINK', 5, 0, NOTHING, entries.readlink),
  row('SYMLINK', 6, 0, TWO_NAMES, entries.symlink),
  row('MKNOD', 8, 16, NAME, entries.mknod),
  row('MKDIR', 9, 8, NAME, entries.mkdir),
  row('UNLINK', 10, 0, NAME, entries.unlink),
  row('RMDIR', 11, 0, NAME, entries.rmdir),
  row('RENAME', 12, 8, TWO_NAMES, entries.rename),
  row('LINK', 13, 8, NAME, entries.link),
  row('OPEN', 14, 8, NOTHING, files.open),
  row('READ', 15, 40, NOTHING, files.read),
  row('WRITE', 16, 40, DATA, files.write),
  row('STATFS', 17, 0, NOTHING, statfs),
  row('RELEASE', 18, 24, NOTHING, files.release),
  row('FSYNC', 20),
  row('SETXATTR', 21, 8, NAME_AND_DATA, ofXattrs(setxattr)),
  row('GETXATTR', 22, 8, NAME, ofXattrs(getxattr)),
  row('LISTXATTR', 23, 8, NOTHING, ofXattrs(listxattr)),
  row('REMOVEXATTR', 24, 0, NAME, ofXattrs(removexattr)),
  row('FLUSH', 25, 24, NOTHING, files.flush),
  row('INIT', INIT, 16, DATA),
  row('OPENDIR', 27, 8, NOTHING, opendir),
  row('READDIR', 28, 40, NOTHING, readdir),
  row('RELEASEDIR', 29, 24, NOTHING, releasedir),
  row('FSYNCDIR', 30),
  row('GETLK', 31),
  row('SETLK', 32),
  row('SETLKW', 33),
  row('ACCESS', 34),
  row('CREATE', 35, 16, NAME, files.create),
  row('INTERRUPT', INTERRUPT, 8, NOTHING),
  row('BMAP', 37),
  row('DESTROY', DESTROY, 0, NOTHING),
  row('IOCTL', 39, 32, DATA, ioctl),
  row('POLL', 40, 24, NOTHING, poll),
  row('BATCH_FORGET', BATCH_FORGET, 8, DATA, entries.batchForget),
  row('FALLOCATE', 43, 32, NOTHING, files.fallocate),
  row('READDIRPLUS', 44, 40, NOTHING, readdirplus),
  row('RENAME2', 45, 16, TWO_NAMES, entries.rename2),
  row('LSEEK', 46, 24, NOTHING, files.lseek),
  row('COPY_FILE_RANGE', 47, 56, NOTHING, files.copyFileRange),
  row('SETUPMAPPING', 48),
  row('REMOVEMAPPING', 49),
  row('SYNCFS', 50),
  row('TMPFILE', 51, 16, NAME, files.tmpfile),
  row('STATX', 52, 24, NOTHING, statx),
  row('COPY_FILE_RANGE_64', 53, 56, NOTHING, files.copyFileRange),
];

/** Tables by opcode have this many places; those of opcodes that we do not know share place 0. */
export const OPCODES = 64;

/** By opcode. */
const requestTypes: readonly RequestType[] = Array.from(
  { length: OPCODES },
  (_, opcode) => table.find(type => type.opcode === opcode) ?? row(`opcode ${opcode}`, opcode),
);

/** The request of an opcode; an unknown opcode is a request that is not served. */
export const requestType = (opcode: number): RequestType =>
  opcode < OPCODES ? requestTypes[opcode]! : row(`opcode ${opcode}`, opcode);

/** The kernel takes no answer to these. */
export const isUnanswered = (opcode: number): boolean =>
  opcode === FORGET || opcode === BATCH_FORGET || opcode === INTERRUPT;
