// Extended attributes, as on tmpfs: user. on files and directories, trusted. for administrators, security., ACLs; the
// kernel checks who may, and the lengths of names and values (xattr(7)).
import { errno } from '../../base/errno.js';
import { CAP_SYS_ADMIN } from '../../base/linux.js';
import type { InodeNumber, Name } from '../../base/units.js';
import type { Answer, Caller } from '../operations.js';
import { ACCESS_ACL, DEFAULT_ACL, isAclName, isModeAlone, modeOfAcl } from './acl.js';
import { invalidateAttrs } from './attr-cache.js';
import type { Inode } from './inode.js';
import { xattrCost } from './inode-budget.js';
import { settleSetgid } from './killpriv.js';
import type { Superblock } from './superblock.js';
import { XattrMap } from './xattr-map.js';

const XATTR_CREATE = 1;
const XATTR_REPLACE = 2;
/**
 * `ls -l` asks each file for it where the kernel has no SELinux, and stops at EOPNOTSUPP. So that is the answer until some file
 * has got one, which only an administrator can do.
 */
const SELINUX = 'security.selinux';
const prefixes = ['user.', 'trusted.', 'security.'];

/** 0, -EINVAL for a prefix alone, -EOPNOTSUPP: as the kernel answers for tmpfs. */
function badXattr(sb: Superblock, name: Name): Answer {
  if (prefixes.includes(name)) return -errno.EINVAL;
  const carried = isAclName(name) ? sb.acls : prefixes.some(prefix => name.startsWith(prefix));
  return carried ? 0 : -errno.EOPNOTSUPP;
}

/** The inode, if its file may have an attribute of the name; else -errno. */
function inodeWith(sb: Superblock, ino: InodeNumber, name: Name): Inode | Answer {
  const inode = sb.inode(ino);
  if (inode === undefined) return -errno.ENOENT;
  const bad = badXattr(sb, name);
  return bad === 0 ? inode : bad;
}

/** Copies to `out` from `at` on; its length, for a `size` of 0 the length alone. */
function put(value: Uint8Array, out: Uint8Array, at: number, size: number): Answer {
  if (size === 0) return value.length;
  if (value.length > size) return -errno.ERANGE;
  out.set(value, at);
  return value.length;
}

export function setxattr(
  sb: Superblock,
  caller: Caller,
  ino: InodeNumber,
  name: Name,
  value: Uint8Array,
  flags: number,
): Answer {
  const inode = inodeWith(sb, ino, name);
  if (typeof inode === 'number') return inode;
  if (isAclName(name)) return setAcl(sb, caller, inode, name, value);
  const before = inode.xattrs?.get(name);
  if (before !== undefined && flags & XATTR_CREATE) return -errno.EEXIST;
  if (before === undefined && flags & XATTR_REPLACE) return -errno.ENODATA;
  if (!putXattr(sb, inode, name, value)) return -errno.ENOSPC;
  if (name === SELINUX) sb.hasLabels = true;
  sb.touch(inode);
  invalidateAttrs(sb, inode);
  return 0;
}

/** False when there is no room for it. */
export function putXattr(sb: Superblock, inode: Inode, name: Name, value: Uint8Array): boolean {
  const before = inode.xattrs?.get(name);
  const added = before === undefined ? xattrCost(name.length, value.length) : value.length - before.length;
  if ((added > 0 && sb.journal?.isFull) || !sb.budget.addBytes(added)) return false;
  inode.xattrs ??= new XattrMap();
  inode.xattrs.set(name, value.slice());
  sb.journal?.xattr(inode, name, value);
  return true;
}

function deleteXattr(sb: Superblock, inode: Inode, name: Name): boolean {
  const value = inode.xattrs?.get(name);
  if (value === undefined) return false;
  inode.xattrs!.delete(name);
  sb.journal?.xattr(inode, name, undefined);
  sb.budget.addBytes(-xattrCost(name.length, value.length));
  return true;
}

/**
 * An access ACL sets the mode bits, and is not kept when it says no more than they do.
 */
function setAcl(sb: Superblock, caller: Caller, inode: Inode, name: Name, acl: Uint8Array): Answer {
  const mode = modeOfAcl(acl);
  if (mode === undefined) return -errno.EINVAL;
  if (name === ACCESS_ACL && isModeAlone(acl)) deleteXattr(sb, inode, name);
  else if (!putXattr(sb, inode, name, acl)) return -errno.ENOSPC;
  sb.touch(inode);
  invalidateAttrs(sb, inode);
  if (name === DEFAULT_ACL) return 0;
  inode.mode = (inode.mode & ~0o777) | mode;
  settleSetgid(sb, caller, inode);
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
  const inode = inodeWith(sb, ino, name);
  if (typeof inode === 'number') return inode;
  const value = inode.xattrs?.get(name);
  if (value !== undefined) return put(value, out, at, size);
  return name === SELINUX && !sb.hasLabels ? -errno.EOPNOTSUPP : -errno.ENODATA;
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
  const { xattrs } = inode;
  if (xattrs === undefined) return 0;
  const hides = xattrs.hasTrusted && !sb.credentials.isCapable(caller.tid, CAP_SYS_ADMIN);
  const length = xattrs.listLength(hides);
  if (size === 0) return length;
  if (length > size) return -errno.ERANGE;
  xattrs.list(hides, out, at);
  return length;
}

export function removexattr(sb: Superblock, ino: InodeNumber, name: Name): Answer {
  const inode = inodeWith(sb, ino, name);
  if (typeof inode === 'number') return inode;
  // Of an ACL the end is what counts: no ACL.
  if (!deleteXattr(sb, inode, name)) return isAclName(name) ? 0 : -errno.ENODATA;
  sb.touch(inode);
  invalidateAttrs(sb, inode);
  return 0;
}
