// Attributes: getattr, setattr, statfs. The kernel checks permissions (default_permissions), and sends the mode with setuid
// and setgid cleared where they must be.
import { errno } from '../../base/errno.js';
import { S_IFMT } from '../../base/linux.js';
import { BLOCK, type InodeNumber } from '../../base/units.js';
import {
  type Answer,
  type Attr,
  type Caller,
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
  type SetAttr,
  type StatFs,
} from '../operations.js';
import { ACCESS_ACL, aclWithMode } from './acl.js';
import { answeredOnce } from './attr-cache.js';
import { type Inode, killPrivileges, privilegesOf } from './inode.js';
import { isNonblocking } from './open-file.js';
import { setSize } from './space.js';
import type { Superblock } from './superblock.js';
import { setTime } from './times.js';

export function getattr(sb: Superblock, ino: InodeNumber, out: Attr): Answer {
  const inode = sb.inode(ino);
  if (inode === undefined) return -errno.ENOENT;
  sb.attributes(inode, out);
  return 0;
}

/** The size first: it may be refused or wait, and then nothing has changed. */
export function setattr(sb: Superblock, caller: Caller, ino: InodeNumber, set: SetAttr, out: Attr): Answer {
  const inode = sb.inode(ino);
  if (inode === undefined) return -errno.ENOENT;
  inode.cachedPages?.locked();
  if (set.valid & SET_SIZE) {
    const through = set.fh === 0 ? undefined : sb.handles.get(set.fh);
    const nonblock = isNonblocking(through ?? (set.size === 0 ? sb.openedBy(caller.tid, inode) : undefined));
    const answer = setSize(sb, caller, inode, set.size, through, nonblock);
    if (answer !== 0) return answer;
  }
  // A SETATTR that sets nothing is chown(-1, -1), which changes the ctime as on tmpfs. Few files have bits for a write to
  // clear.
  const nothing = set.valid === SET_SIZE || (set.valid === SET_KILL_SUIDGID && privilegesOf(inode) === 0);
  if (!nothing) apply(sb, inode, set);
  if (set.valid === SET_SIZE) sb.attributesAsSeen(inode, out);
  else sb.attributes(inode, out);
  answeredOnce(inode, out);
  return 0;
}

function apply(sb: Superblock, inode: Inode, set: SetAttr): void {
  const { valid } = set;
  // Refresh first: otherwise a passthrough write that we have not seen yet would clear the bits set below.
  sb.refresh(inode);
  sb.touch(inode);
  const { ctime } = inode;
  if (valid & SET_MODE) setMode(sb, inode, set.mode);
  if (valid & SET_UID) inode.uid = set.uid;
  if (valid & SET_GID) inode.gid = set.gid;
  if (valid & SET_KILL_SUIDGID) killPrivileges(inode);
  if (valid & SET_ATIME_NOW) setTime(inode.atime, ctime);
  else if (valid & SET_ATIME) setTime(inode.atime, { sec: set.atime, nsec: set.atimeNsec });
  if (valid & SET_MTIME_NOW) setTime(inode.mtime, ctime);
  else if (valid & SET_MTIME) setTime(inode.mtime, { sec: set.mtime, nsec: set.mtimeNsec });
  if (valid & SET_CTIME) setTime(ctime, { sec: set.ctime, nsec: set.ctimeNsec });
}

function setMode(sb: Superblock, inode: Inode, mode: number): void {
  inode.mode = (inode.mode & S_IFMT) | (mode & 0o7777);
  const acl = inode.xattrs?.get(ACCESS_ACL);
  if (acl === undefined) return;
  const changed = aclWithMode(acl, mode);
  inode.xattrs!.set(ACCESS_ACL, changed);
  sb.journal?.xattr(inode, ACCESS_ACL, changed);
}

export function statfs(sb: Superblock, out: StatFs): Answer {
  const { total } = sb.store.capacity;
  out.blocks = Math.floor(total / BLOCK);
  out.blocksFree = Math.max(0, Math.floor((total - sb.used) / BLOCK));
  out.files = sb.budget.max;
  out.filesFree = sb.budget.free;
  return 0;
}
