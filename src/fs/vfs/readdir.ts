// Directories: opendir and readdir. A cookie names the entry after which reading goes on; it stays good
// while names come and go (telldir, seekdir). 1 and 2 are '.' and '..', 3 the virtual directory of the root. What is made
// after opendir or rewinddir is not listed, so that a process that renames what it reads comes to an end, as on tmpfs
// (offset_dir_open in fs/libfs.c).
import { errno } from '../../base/errno.js';
import { O_NOATIME, S_IFDIR } from '../../base/linux.js';
import type { FileHandle, InodeNumber, Name } from '../../base/units.js';
import { type Answer, Attr, type Caller, type DirSink, type Opened, PARKED } from '../operations.js';
import { isKnown } from './attr-cache.js';
import type { Dentry, Inode } from './inode.js';
import { noDescription } from './open.js';
import type { DirCursor, OpenFile } from './open-file.js';
import type { Superblock } from './superblock.js';

const DOT = '.' as Name;
const DOTDOT = '..' as Name;
const attr = new Attr();

export function opendir(
  sb: Superblock,
  { uid }: Caller,
  ino: InodeNumber,
  flags: number,
  out: Opened,
): Answer {
  const dir = sb.directory(ino);
  if (typeof dir === 'number') return dir;
  if (!sb.descriptions.has(uid)) return noDescription(sb, uid);
  out.fh = sb.openFile(dir, flags, uid).fh;
  out.backing = -1;
  return 0;
}

/** PARKED while a place far from the last is looked for. */
export function readdir(
  sb: Superblock,
  caller: Caller,
  fh: FileHandle,
  offset: number,
  plus: boolean,
  sink: DirSink,
): Answer {
  const going = sb.slices.goOn(caller);
  if (going === PARKED) return going;
  const file = sb.handles.get(fh);
  const dir = file?.inode;
  if (dir?.children === undefined) return -errno.EBADF;
  if (offset === 0) file!.end = dir.nextCookie;
  if ((file!.flags & O_NOATIME) === 0) sb.accessed(dir);
  // A removed directory has no entries left, not even its own.
  if (dir.nlink === 0) return 0;
  if (offset < 1 && !sink.add(DOT, dir.ino, dir.mode, 1, undefined)) return 0;
  if (offset < 2 && !sink.add(DOTDOT, dir.parent!.ino, dir.parent!.mode, 2, undefined)) return 0;
  if (offset < 3 && dir === sb.root && sb.virtual?.tree.listed) {
    const { name, top } = sb.virtual.tree;
    if (!sink.add(name, top, S_IFDIR, 3, undefined)) return 0;
  }
  const cursor = resume(sb, caller, file!, dir, Math.max(offset, 3));
  if (cursor === undefined) return PARKED;
  // It may have been removed since the last call took it from the directory.
  if (cursor.pending !== undefined && dir.children.get(cursor.pending.name) !== cursor.pending) {
    cursor.pending = undefined;
  }
  for (;;) {
    const dentry = cursor.pending ?? next(cursor);
    if (dentry === undefined) return 0;
    cursor.pending = dentry;
    if (dentry.cookie >= file!.end || !offer(sb, dentry, plus, sink)) return 0;
    cursor.after = dentry.cookie;
    cursor.pending = undefined;
  }
}

function next(cursor: DirCursor): Dentry | undefined {
  const { done, value } = cursor.entries.next();
  return done ? undefined : value;
}

/** Entries that a slice passes over. */
const SLICE = 2048;

/**
 * Goes on where the last call stopped. After a seekdir the place is looked for from the beginning, in slices; undefined while
 * that goes on.
 */
function resume(
  sb: Superblock,
  caller: Caller,
  file: OpenFile,
  dir: Inode,
  after: number,
): DirCursor | undefined {
  const { cursor } = file;
  if (cursor !== undefined && cursor.after === after) return cursor;
  const fresh: DirCursor = { entries: dir.children!.values(), after, pending: undefined };
  const slice = (): Answer => {
    for (let n = 0; n < SLICE; n++) {
      fresh.pending = next(fresh);
      if (fresh.pending !== undefined && fresh.pending.cookie <= after) continue;
      file.cursor = fresh;
      return 0;
    }
    return PARKED;
  };
  const answer = sb.slices.begin(caller, { ino: dir.ino, slice, interrupted: undefined });
  return answer === PARKED ? undefined : fresh;
}

function offer(sb: Superblock, dentry: Dentry, plus: boolean, sink: DirSink): boolean {
  const { inode } = dentry;
  if (!plus) return sink.add(dentry.name, inode.ino, inode.mode, dentry.cookie, undefined);
  sb.refresh(inode);
  if (isKnown(inode)) return sink.add(dentry.name, inode.ino, inode.mode, dentry.cookie, undefined);
  sb.attributesAsSeen(inode, attr);
  if (!sink.add(dentry.name, inode.ino, inode.mode, dentry.cookie, attr)) return false;
  inode.nlookup++;
  sb.journal?.referenced(inode);
  return true;
}
