// Names: lookup, forget, and the operations that make a name. The kernel checks permissions (default_permissions).
import { errno } from '../../base/errno.js';
import {
  NAME_MAX,
  PATH_MAX,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  S_ISGID,
} from '../../base/linux.js';
import type { InodeNumber, Name } from '../../base/units.js';
import type { Answer, Attr, Caller } from '../operations.js';
import { ACCESS_ACL, aclWithMode, DEFAULT_ACL, isModeAlone, modeOfAcl } from './acl.js';
import { answeredOnce, invalidateAttrs } from './attr-cache.js';
import { addDentry, type Inode } from './inode.js';
import { targetCost } from './inode-budget.js';
import { badName } from './names.js';
import type { Superblock } from './superblock.js';
import { putXattr } from './xattrs.js';

const LINK_MAX = 0x7fff_ffff;

/** Counts a lookup and answers the entry. */
function answer(sb: Superblock, inode: Inode, out: Attr): Answer {
  inode.nlookup++;
  sb.journal?.referenced(inode);
  sb.attributes(inode, out);
  return 0;
}

/**
 * '.' and '..' are asked for where a file handle leads to the inode (FUSE_EXPORT_SUPPORT); '/' where overlayfs, which keeps
 * such handles, asks whether it is still there.
 */
export function lookup(sb: Superblock, parent: InodeNumber, name: Name, out: Attr): Answer {
  if (name === '.' || name === '/') {
    const self = sb.inode(parent);
    return self === undefined ? -errno.ESTALE : answer(sb, self, out);
  }
  const dir = sb.directory(parent);
  if (typeof dir === 'number') return dir;
  if (name === '..') return dir.parent === undefined ? -errno.ESTALE : answer(sb, dir.parent, out);
  const dentry = dir.children!.get(name);
  if (dentry === undefined) return name.length > NAME_MAX ? -errno.ENAMETOOLONG : -errno.ENOENT;
  return answer(sb, dentry.inode, out);
}

export function forget(sb: Superblock, ino: InodeNumber, nlookup: number): void {
  const inode = sb.inode(ino);
  if (inode === undefined) return;
  inode.nlookup = Math.max(0, inode.nlookup - nlookup);
  sb.journal?.referenced(inode);
  sb.reap(inode);
}

/** The directory that may take the new name, or why not. A directory that was removed takes none. */
export function placeFor(sb: Superblock, parent: InodeNumber, name: Name): Inode | number {
  const dir = sb.directory(parent);
  if (typeof dir === 'number') return dir;
  const bad = badName(name);
  if (bad < 0) return bad;
  if (dir.nlink === 0) return -errno.ENOENT;
  return dir.children!.has(name) ? -errno.EEXIST : dir;
}

/**
 * A new inode below `dir`, -ENOSPC beyond --inodes, with the group and, for a directory, the setgid bit of a setgid
 * directory. The directory's default ACL takes the place of the umask. `target`: of a symbolic link.
 */
export function newChild(
  sb: Superblock,
  caller: Caller,
  dir: Inode,
  mode: number,
  target?: Uint8Array,
): Inode | number {
  const inherits = (dir.mode & S_ISGID) !== 0;
  const type = mode & S_IFMT;
  const setgid = inherits && type === S_IFDIR ? S_ISGID : 0;
  const acl = type === S_IFLNK ? undefined : dir.xattrs?.get(DEFAULT_ACL);
  const allowed = type === S_IFLNK ? 0o777 : acl === undefined ? ~caller.umask : modeOfAcl(acl)!;
  const bits = (mode & ~0o777) | (mode & allowed & 0o777) | setgid;
  const cost = targetCost(target?.length ?? 0);
  if (sb.journal?.isFull || !sb.budget.addInode(cost)) return -errno.ENOSPC;
  try {
    const inode = sb.newInode(bits, caller.uid, inherits ? dir.gid : caller.gid);
    inode.target = target?.slice();
    if (acl === undefined || inheritAcl(sb, inode, acl)) return inode;
    sb.reap(inode);
    return -errno.ENOSPC;
  } catch (error) {
    sb.budget.cancelInode(cost);
    // No descriptor or memory left for another file.
    sb.log(
      `create refused: ${error instanceof Error ? error.message : error}; close files or raise RLIMIT_NOFILE`,
    );
    return -errno.ENFILE;
  }
}

/** False when there is no room for it. */
function inheritAcl(sb: Superblock, inode: Inode, acl: Uint8Array): boolean {
  if (!isModeAlone(acl) && !putXattr(sb, inode, ACCESS_ACL, aclWithMode(acl, inode.mode))) return false;
  return inode.children === undefined || putXattr(sb, inode, DEFAULT_ACL, acl);
}

/** Makes the inode's first name. */
export function enter(sb: Superblock, dir: Inode, name: Name, inode: Inode): void {
  const dentry = addDentry(dir, name, inode);
  sb.journal?.named(dentry);
  inode.nlink = inode.children === undefined ? 1 : 2;
  if (inode.children !== undefined) dir.nlink++;
  sb.modified(dir);
}

function make(
  sb: Superblock,
  caller: Caller,
  parent: InodeNumber,
  name: Name,
  mode: number,
  out: Attr,
  rdev = 0,
  target?: Uint8Array,
): Answer {
  const dir = placeFor(sb, parent, name);
  if (typeof dir === 'number') return dir;
  const inode = newChild(sb, caller, dir, mode, target);
  if (typeof inode === 'number') return inode;
  inode.rdev = rdev;
  sb.residency.rest(inode);
  enter(sb, dir, name, inode);
  return answer(sb, inode, out);
}

export function mknod(
  sb: Superblock,
  caller: Caller,
  parent: InodeNumber,
  name: Name,
  mode: number,
  rdev: number,
  out: Attr,
): Answer {
  const type = mode & S_IFMT;
  const kind = type === 0 ? S_IFREG : type;
  if (![S_IFREG, S_IFIFO, S_IFSOCK, S_IFBLK, S_IFCHR].includes(kind)) return -errno.EINVAL;
  const device = kind === S_IFBLK || kind === S_IFCHR ? rdev : 0;
  return make(sb, caller, parent, name, kind | (mode & 0o7777), out, device);
}

export function mkdir(
  sb: Superblock,
  caller: Caller,
  parent: InodeNumber,
  name: Name,
  mode: number,
  out: Attr,
): Answer {
  return make(sb, caller, parent, name, S_IFDIR | (mode & 0o7777), out);
}

export function symlink(
  sb: Superblock,
  caller: Caller,
  parent: InodeNumber,
  name: Name,
  target: Uint8Array,
  out: Attr,
): Answer {
  if (target.length === 0) return -errno.ENOENT;
  if (target.length >= PATH_MAX) return -errno.ENAMETOOLONG;
  return make(sb, caller, parent, name, S_IFLNK | 0o777, out, 0, target);
}

export function readlink(sb: Superblock, ino: InodeNumber, out: Uint8Array, at: number): Answer {
  const inode = sb.inode(ino);
  const target = inode?.target;
  if (target === undefined) return -errno.EINVAL;
  out.set(target, at);
  sb.accessed(inode!);
  return target.length;
}

/** Also gives a file made by O_TMPFILE its first name. -ENOSPC beyond --inodes, where a further name counts. */
export function link(sb: Superblock, ino: InodeNumber, parent: InodeNumber, name: Name, out: Attr): Answer {
  const inode = sb.inode(ino);
  if (inode === undefined) return -errno.ENOENT;
  if (inode.children !== undefined) return -errno.EPERM;
  if (inode.nlink >= LINK_MAX) return -errno.EMLINK;
  const dir = placeFor(sb, parent, name);
  if (typeof dir === 'number') return dir;
  if (inode.nlink > 0 && !sb.budget.addLink()) return -errno.ENOSPC;
  const dentry = addDentry(dir, name, inode);
  sb.journal?.named(dentry);
  inode.nlink++;
  sb.touch(inode);
  sb.modified(dir);
  invalidateAttrs(sb, inode);
  const answered = answer(sb, inode, out);
  answeredOnce(inode, out);
  return answered;
}
