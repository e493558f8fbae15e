// Open file descriptions: open, create, tmpfile. With passthrough O_TRUNC arrives inside the open (FUSE_ATOMIC_O_TRUNC),
// holds no inode lock while it waits (F19) and obeys the rules of truncate (F9); else it is a truncate after the open.
import { errno } from '../../base/errno.js';
import { O_ACCMODE, O_EXCL, O_NONBLOCK, O_RDONLY, O_TRUNC, S_IFREG } from '../../base/linux.js';
import type { InodeNumber, Name } from '../../base/units.js';
import type { Answer, Attr, Caller, Opened } from '../operations.js';
import { answeredOnce } from './attr-cache.js';
import { enter, newChild, placeFor } from './create.js';
import type { Inode } from './inode.js';
import { setSize } from './space.js';
import type { Superblock } from './superblock.js';

function opened(sb: Superblock, { uid, tid }: Caller, inode: Inode, flags: number, out: Opened): Answer {
  if (!sb.descriptions.has(uid)) return noDescription(sb, uid);
  const awake = sb.residency.wake(inode, uid);
  if (awake !== 0) return awake;
  out.fh = sb.openFile(inode, flags, uid, tid).fh;
  out.backing = inode.file?.backing ?? -1;
  out.uncached = false;
  out.tellsClose = sb.gate.wantsClosings;
  const { cache } = inode;
  out.keepCache = !cache.bypassedByClient;
  if (cache.bypassedByClient && !sb.gate.lends(inode.ino)) cache.bypassedByClient = false;
  return 0;
}

export function open(sb: Superblock, caller: Caller, ino: InodeNumber, flags: number, out: Opened): Answer {
  const inode = sb.inode(ino);
  if (inode === undefined) return -errno.ENOENT;
  if (inode.file === undefined) return -errno.EINVAL;
  const busy = (flags & O_ACCMODE) === O_RDONLY ? 0 : sb.waitForSpace(caller);
  if (busy !== 0) return busy;
  if (flags & O_TRUNC) {
    const waits = sb.store.isDirect && inode.nopen > 0;
    const answer = setSize(sb, caller, inode, 0, undefined, (flags & O_NONBLOCK) !== 0, waits);
    if (answer !== 0) return answer;
  }
  return opened(sb, caller, inode, flags, out);
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
  const busy = sb.waitForSpace(caller);
  if (busy !== 0) return busy;
  const dir = placeFor(sb, parent, name);
  if (dir === -errno.EEXIST && (flags & O_EXCL) === 0) {
    const inode = sb.inode(parent)!.children!.get(name)?.inode;
    if (inode === undefined) return -errno.EISDIR;
    const answer = open(sb, caller, inode.ino, flags, out);
    if (answer !== 0) return answer;
    inode.nlookup++;
    sb.journal?.referenced(inode);
    sb.attributes(inode, attr);
    answeredOnce(inode, attr);
    return 0;
  }
  if (typeof dir === 'number') return dir;
  if (!sb.descriptions.has(caller.uid)) return noDescription(sb, caller.uid);
  const inode = newChild(sb, caller, dir, S_IFREG | (mode & 0o7777));
  if (typeof inode === 'number') return inode;
  enter(sb, dir, name, inode);
  return entered(sb, caller, inode, flags, attr, out);
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
  const busy = sb.waitForSpace(caller);
  if (busy !== 0) return busy;
  if (!sb.descriptions.has(caller.uid)) return noDescription(sb, caller.uid);
  const inode = newChild(sb, caller, dir, S_IFREG | (mode & 0o7777));
  if (typeof inode === 'number') return inode;
  return entered(sb, caller, inode, flags, attr, out);
}

function entered(
  sb: Superblock,
  caller: Caller,
  inode: Inode,
  flags: number,
  attr: Attr,
  out: Opened,
): Answer {
  inode.nlookup++;
  sb.journal?.referenced(inode);
  const answer = opened(sb, caller, inode, flags, out);
  sb.attributesAsSeen(inode, attr);
  return answer;
}

/** The user has no share left for another open description. */
export function noDescription(sb: Superblock, uid: number): Answer {
  sb.log(`ENFILE to user ${uid}: no user has more than ${sb.descriptions.share} files open; close some`, uid);
  return -errno.ENFILE;
}
