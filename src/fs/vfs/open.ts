// Open file descriptions: open, create, tmpfile, release. O_TRUNC arrives inside the open (FUSE_ATOMIC_O_TRUNC),
// holds no inode lock while it waits (F19) and obeys the rules of truncate (F9).
import { errno } from '../../base/errno.js';
import type { FileHandle, InodeNumber, Name } from '../../base/units.js';
import { carryOut } from '../layout/ask.js';
import { setSize } from '../layout/change.js';
import { isGranted } from '../layout/grant.js';
import type { Answer, Attr, Caller, Opened } from '../operations.js';
import { enter, newChild, placeFor } from './create.js';
import { type Inode, S_IFREG } from './inode.js';
import { O_ACCMODE, O_EXCL, O_NONBLOCK, O_RDONLY, O_TRUNC, type Superblock } from './superblock.js';

function opened(sb: Superblock, inode: Inode, flags: number, out: Opened): Answer {
  const awake = sb.residency.wake(sb, inode);
  if (awake !== 0) return awake;
  out.fh = sb.openFile(inode, flags).fh;
  out.backing = inode.file?.backing ?? -1;
  out.uncached = false;
  out.keepCache = !inode.written;
  if (inode.written && !isGranted(sb, inode.ino)) inode.written = false;
  return 0;
}

export function open(sb: Superblock, caller: Caller, ino: InodeNumber, flags: number, out: Opened): Answer {
  const inode = sb.inode(ino);
  if (inode === undefined) return -errno.ENOENT;
  if (inode.file === undefined) return -errno.EINVAL;
  if (flags & O_TRUNC) {
    const answer = setSize(sb, caller, inode, 0, undefined, (flags & O_NONBLOCK) !== 0);
    if (answer !== 0) return answer;
  }
  return opened(sb, inode, flags, out);
}

/** Opens what is there unless O_EXCL: another client may have made it since the kernel looked. */
export function create(
  sb: Superblock,
  caller: Caller,
  parent: InodeNumber,
  name: Name,
  mode: number,
  flags: number,
  attr: Attr,
  out: Opened,
): Answer {
  const dir = placeFor(sb, parent, name);
  if (dir === -errno.EEXIST && (flags & O_EXCL) === 0) {
    const inode = sb.inode(parent)!.children!.get(name)?.inode;
    if (inode === undefined) return -errno.EISDIR;
    const answer = open(sb, caller, inode.ino, flags, out);
    if (answer !== 0) return answer;
    inode.nlookup++;
    sb.attributes(inode, attr);
    // As of SETATTR.
    attr.lasting = false;
    return 0;
  }
  if (typeof dir === 'number') return dir;
  const inode = newChild(sb, caller, dir, S_IFREG | (mode & 0o7777));
  if (typeof inode === 'number') return inode;
  enter(sb, dir, name, inode);
  return entered(sb, inode, flags, attr, out);
}

export function tmpfile(
  sb: Superblock,
  caller: Caller,
  parent: InodeNumber,
  mode: number,
  flags: number,
  attr: Attr,
  out: Opened,
): Answer {
  const dir = sb.directory(parent);
  if (typeof dir === 'number') return dir;
  const inode = newChild(sb, caller, dir, S_IFREG | (mode & 0o7777));
  if (typeof inode === 'number') return inode;
  return entered(sb, inode, flags, attr, out);
}

function entered(sb: Superblock, inode: Inode, flags: number, attr: Attr, out: Opened): Answer {
  inode.nlookup++;
  const answer = opened(sb, inode, flags, out);
  sb.attributes(inode, attr, true);
  return answer;
}

/** The description is gone, with its last descriptor; mappings may live on (F5). */
export function release(sb: Superblock, fh: FileHandle): void {
  const file = sb.closeFile(fh);
  if (file === undefined) return;
  sb.leases.release(sb.monotonic(), fh);
  carryOut(sb);
  // The last look at what it wrote by passthrough, which the capacity counts.
  if ((file.flags & O_ACCMODE) !== O_RDONLY) file.inode.file?.size();
  if (file.inode.nopen === 0) sb.residency.rest(sb, file.inode);
  sb.reap(file.inode);
}
