// Extended attributes, as on tmpfs: user. on files and directories, trusted. for administrators, security.; the kernel
// checks who may, and the lengths of names and values (xattr(7)).
import { errno } from '../base/errno.js';
import type { InodeNumber, Name } from '../base/units.js';
import { isCapable } from '../process/proc.js';
import type { Answer, Caller } from './operations.js';
import type { Superblock } from './superblock.js';

const XATTR_CREATE = 1;
const XATTR_REPLACE = 2;
const CAP_SYS_ADMIN = 21;
const prefixes = ['user.', 'trusted.', 'security.'];

const carried = (name: Name): boolean =>
  prefixes.some(prefix => name.length > prefix.length && name.startsWith(prefix));

export function setxattr(
  sb: Superblock,
  ino: InodeNumber,
  name: Name,
  value: Uint8Array,
  flags: number,
): Answer {
  const inode = sb.inode(ino);
  if (inode === undefined) return -errno.ENOENT;
  if (!carried(name)) return -errno.EOPNOTSUPP;
  const before = inode.xattrs?.get(name);
  if (before !== undefined && flags & XATTR_CREATE) return -errno.EEXIST;
  if (before === undefined && flags & XATTR_REPLACE) return -errno.ENODATA;
  const added = before === undefined ? name.length + value.length : value.length - before.length;
  sb.xattrBytes += added;
  if (added > 0 && sb.inodesFree < 0) {
    sb.xattrBytes -= added;
    return -errno.ENOSPC;
  }
  inode.xattrs ??= new Map();
  inode.xattrs.set(name, value.slice());
  sb.touch(inode);
  return 0;
}

export function getxattr(
  sb: Superblock,
  ino: InodeNumber,
  name: Name,
  out: Uint8Array,
  at: number,
  size: number,
): Answer {
  const inode = sb.inode(ino);
  if (inode === undefined) return -errno.ENOENT;
  if (!carried(name)) return -errno.EOPNOTSUPP;
  const value = inode.xattrs?.get(name);
  if (value === undefined) return -errno.ENODATA;
  if (size === 0) return value.length;
  if (value.length > size) return -errno.ERANGE;
  out.set(value, at);
  return value.length;
}

/** Names, each with a NUL behind it; trusted. names only for administrators. */
export function listxattr(
  sb: Superblock,
  caller: Caller,
  ino: InodeNumber,
  out: Uint8Array,
  at: number,
  size: number,
): Answer {
  const inode = sb.inode(ino);
  if (inode === undefined) return -errno.ENOENT;
  const names = [...(inode.xattrs?.keys() ?? [])];
  const hides = names.some(name => name.startsWith('trusted.')) && !isCapable(caller.tid, CAP_SYS_ADMIN);
  const list = Buffer.from(
    names
      .filter(name => !hides || !name.startsWith('trusted.'))
      .map(name => `${name}\0`)
      .join(''),
    'latin1',
  );
  if (size === 0) return list.length;
  if (list.length > size) return -errno.ERANGE;
  out.set(list, at);
  return list.length;
}

export function removexattr(sb: Superblock, ino: InodeNumber, name: Name): Answer {
  const inode = sb.inode(ino);
  if (inode === undefined) return -errno.ENOENT;
  if (!carried(name)) return -errno.EOPNOTSUPP;
  const value = inode.xattrs?.get(name);
  if (value === undefined) return -errno.ENODATA;
  inode.xattrs!.delete(name);
  sb.xattrBytes -= name.length + value.length;
  sb.touch(inode);
  return 0;
}
