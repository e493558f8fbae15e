// Which adapter serves which request. What has none is answered ENOSYS, and the kernel does without: ACCESS (it judges
// permissions itself, default_permissions), FLUSH (asked only by kernels before 5.16, which know no FOPEN_NOFLUSH), locks
// (it keeps them itself), BMAP, SYNCFS, SETUPMAPPING.
import { getattr, setattr, statfs, statx } from './attributes.js';
import type { Adapter } from './connection.js';
import { fsyncdir, opendir, readdir, readdirplus, releasedir } from './directories.js';
import {
  batchForget,
  forget,
  link,
  lookup,
  mkdir,
  mknod,
  readlink,
  rename,
  rename2,
  rmdir,
  symlink,
  unlink,
} from './entries.js';
import {
  copyFileRange,
  create,
  fallocate,
  fsync,
  lseek,
  open,
  read,
  release,
  tmpfile,
  write,
} from './files.js';
import { ioctl } from './ioctl.js';
import { OPCODES, op } from './opcodes.js';
import { poll } from './poll.js';
import { getxattr, listxattr, removexattr, setxattr } from './xattrs.js';

const served: Readonly<Partial<Record<keyof typeof op, Adapter>>> = {
  LOOKUP: lookup,
  FORGET: forget,
  BATCH_FORGET: batchForget,
  GETATTR: getattr,
  STATX: statx,
  SETATTR: setattr,
  STATFS: statfs,
  READLINK: readlink,
  SYMLINK: symlink,
  MKNOD: mknod,
  MKDIR: mkdir,
  UNLINK: unlink,
  RMDIR: rmdir,
  RENAME: rename,
  RENAME2: rename2,
  LINK: link,
  OPEN: open,
  CREATE: create,
  TMPFILE: tmpfile,
  RELEASE: release,
  READ: read,
  WRITE: write,
  FALLOCATE: fallocate,
  LSEEK: lseek,
  COPY_FILE_RANGE: copyFileRange,
  COPY_FILE_RANGE_64: copyFileRange,
  FSYNC: fsync,
  OPENDIR: opendir,
  READDIR: readdir,
  READDIRPLUS: readdirplus,
  RELEASEDIR: releasedir,
  FSYNCDIR: fsyncdir,
  SETXATTR: setxattr,
  GETXATTR: getxattr,
  LISTXATTR: listxattr,
  REMOVEXATTR: removexattr,
  IOCTL: ioctl,
  POLL: poll,
};

/** By opcode. */
export const adapters: readonly (Adapter | undefined)[] = Array.from({ length: OPCODES }, (_, opcode) => {
  for (const [name, adapter] of Object.entries(served)) {
    if (op[name as keyof typeof op] === opcode) return adapter;
  }
  return undefined;
});
