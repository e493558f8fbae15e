// Removing names: unlink, rmdir, rename. An inode lives on while it is open, mapped, leased or pinned, and its leases and
// pins with it: neither unlink nor rename over it is a layout change (W).
import { errno } from '../../base/errno.js';
import { RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT, S_IFCHR } from '../../base/linux.js';
import type { InodeNumber, Name } from '../../base/units.js';
import type { Answer, Caller } from '../operations.js';
import { invalidateAttrs } from './attr-cache.js';
import { enter, newChild } from './create.js';
import { addDentry, type Dentry, type Inode, removeDentry, renameDentry } from './inode.js';
import { badName } from './names.js';
import type { Superblock } from './superblock.js';

/** The inode has one name less. */
function drop(sb: Superblock, dir: Inode, inode: Inode): void {
  if (inode.children !== undefined) {
    inode.nlink = 0;
    dir.nlink--;
  } else {
    inode.nlink--;
    if (inode.nlink > 0) sb.budget.removeLink();
  }
  sb.touch(inode);
  sb.reap(inode);
}

export function unlink(sb: Superblock, parent: InodeNumber, name: Name): Answer {
  return remove(sb, parent, name, false);
}

export function rmdir(sb: Superblock, parent: InodeNumber, name: Name): Answer {
  return remove(sb, parent, name, true);
}

function remove(sb: Superblock, parent: InodeNumber, name: Name, directory: boolean): Answer {
  const dir = sb.directory(parent);
  if (typeof dir === 'number') return dir;
  const dentry = dir.children!.get(name);
  if (dentry === undefined) return -errno.ENOENT;
  const refused = mayGo(dentry.inode, directory);
  if (refused < 0) return refused;
  removeDentry(dentry);
  sb.journal?.unnamed(dentry);
  sb.modified(dir);
  drop(sb, dir, dentry.inode);
  return 0;
}

/** Whether an inode may lose this name to a directory (or its removal) or to another file. */
function mayGo(inode: Inode, directory: boolean): number {
  if (directory && inode.children === undefined) return -errno.ENOTDIR;
  if (!directory && inode.children !== undefined) return -errno.EISDIR;
  return inode.children !== undefined && inode.children.size > 0 ? -errno.ENOTEMPTY : 0;
}

/** Directories above that are looked at. */
const ABOVE = 512;

/**
 * Whether `dir` is `ancestor` or lies below it. The kernel has made sure of that before (lock_rename), also further up than
 * is looked at here.
 */
function isBelow(dir: Inode, ancestor: Inode): boolean {
  if (ancestor.children === undefined) return false;
  let at = dir;
  for (let n = 0; n < ABOVE; n++) {
    if (at === ancestor) return true;
    if (at.parent === undefined || at.parent === at) return false;
    at = at.parent;
  }
  return false;
}

export function rename(
  sb: Superblock,
  caller: Caller,
  from: InodeNumber,
  name: Name,
  to: InodeNumber,
  toName: Name,
  flags: number,
): Answer {
  const source = sb.directory(from);
  if (typeof source === 'number') return source;
  const target = sb.directory(to);
  if (typeof target === 'number') return target;
  const bad = badName(toName);
  if (bad < 0) return bad;
  const whiteout = (flags & RENAME_WHITEOUT) !== 0;
  const how = flags & ~RENAME_WHITEOUT;
  if (how !== 0 && how !== RENAME_NOREPLACE && (how !== RENAME_EXCHANGE || whiteout)) return -errno.EINVAL;
  const moved = source.children!.get(name);
  if (moved === undefined) return -errno.ENOENT;
  if (target.nlink === 0) return -errno.ENOENT;
  const over = target.children!.get(toName);
  if (isBelow(target, moved.inode)) return -errno.EINVAL;
  if (how === RENAME_EXCHANGE) {
    return over === undefined ? -errno.ENOENT : exchange(sb, source, moved, target, over);
  }
  if (over !== undefined) {
    if (how === RENAME_NOREPLACE) return -errno.EEXIST;
    if (over.inode === moved.inode) return 0;
    const refused = mayGo(over.inode, moved.inode.children !== undefined);
    if (refused < 0) return refused;
  }
  const left = whiteout ? newChild(sb, caller, source, S_IFCHR) : undefined;
  if (typeof left === 'number') return left;
  if (over === undefined) move(sb, source, moved, target, toName);
  else replace(sb, source, moved, target, over);
  if (left !== undefined) enter(sb, source, name, left);
  return 0;
}

function settle(sb: Superblock, source: Inode, target: Inode, inode: Inode): void {
  if (inode.children !== undefined && source !== target) {
    source.nlink--;
    target.nlink++;
  }
  sb.touch(inode);
  invalidateAttrs(sb, inode);
  sb.modified(source);
  sb.modified(target);
}

function move(sb: Superblock, source: Inode, moved: Dentry, target: Inode, toName: Name): void {
  removeDentry(moved);
  const dentry = addDentry(target, toName, moved.inode);
  sb.journal?.unnamed(moved);
  sb.journal?.named(dentry);
  settle(sb, source, target, moved.inode);
}

function replace(sb: Superblock, source: Inode, moved: Dentry, target: Inode, over: Dentry): void {
  const victim = over.inode;
  removeDentry(moved);
  renameDentry(over, moved.inode);
  sb.journal?.unnamed(moved);
  sb.journal?.named(over);
  settle(sb, source, target, moved.inode);
  drop(sb, target, victim);
}

function exchange(sb: Superblock, source: Inode, moved: Dentry, target: Inode, over: Dentry): Answer {
  if (isBelow(source, over.inode)) return -errno.EINVAL;
  const first = moved.inode;
  const second = over.inode;
  if (first === second) return 0;
  renameDentry(moved, second);
  renameDentry(over, first);
  sb.journal?.named(moved);
  sb.journal?.named(over);
  settle(sb, source, target, first);
  settle(sb, target, source, second);
  return 0;
}
