// Inodes and dentries, as in Linux: an inode is a file, a dentry is one name of it in one directory.
import type { InodeNumber, Name } from '../../base/units.js';
import type { StoredFile } from '../../store/file-store.js';

export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;
export const S_ISUID = 0o4000;
export const S_ISGID = 0o2000;
const S_IXGRP = 0o010;

/** One name. Its cookie is its place in the directory: growing, never used again, so telldir and seekdir hold while names come and go. */
export interface Dentry {
  readonly name: Name;
  inode: Inode;
  readonly cookie: number;
}

/** A point in time, seconds (may be negative) and nanoseconds. */
export interface Time {
  sec: number;
  nsec: number;
}

export class Inode {
  readonly ino: InodeNumber;
  mode: number;
  uid: number;
  gid: number;
  rdev = 0;
  nlink = 0;
  /** References of the kernel: lookups answered less those forgotten. */
  nlookup = 0;
  /** Open file descriptions, and those of them that read and write. */
  nopen = 0;
  nrdwr = 0;

  readonly atime: Time;
  readonly mtime: Time;
  readonly ctime: Time;
  readonly btime: Time;
  /** The store's times when they were last taken over; they count again when they differ (times.ts). */
  readonly seenAtime: Time = { sec: 0, nsec: 0 };
  readonly seenMtime: Time = { sec: 0, nsec: 0 };
  readonly seenCtime: Time = { sec: 0, nsec: 0 };

  /** Regular files alone. */
  file: StoredFile | undefined;
  /** Somebody opened it with O_NOATIME, and may have mapped it without a trace. */
  openedUnseen = false;
  /** The kernel may answer the attributes without asking; what else it takes to know whether it may (attr-cache.ts). */
  remembered = false;
  mayBeMapped = false;
  lookedForMappings = false;
  /** Pages of it came back from the kernel's cache since somebody opened it to read and write. */
  stored = false;
  /** Was given blocks beyond its end. */
  blocksBeyond = false;
  /** A client may have stored into the blocks since the file was last opened, behind the kernel's cache (layout/grant.ts). */
  written = false;
  /** Directories alone: by name, in the order of their cookies. */
  children: Map<Name, Dentry> | undefined;
  nextCookie = 4;
  /** Directories: the one above, itself at the root. Others: where a name was last seen, a hint for listings. */
  parent: Inode | undefined;
  nameHint: Name | undefined;
  /** Symbolic links alone. */
  target: Uint8Array | undefined;
  xattrs: Map<Name, Uint8Array> | undefined;

  constructor(ino: InodeNumber, mode: number, uid: number, gid: number, now: Time) {
    this.ino = ino;
    this.mode = mode;
    this.uid = uid;
    this.gid = gid;
    this.atime = { ...now };
    this.mtime = { ...now };
    this.ctime = { ...now };
    this.btime = { ...now };
  }

  get type(): number {
    return this.mode & S_IFMT;
  }
}

/** The bits that a write by somebody without CAP_FSETID takes away: setuid, and setgid where the group may execute. */
export const privilegesOf = ({ mode }: Inode): number => mode & (S_ISUID | (mode & S_IXGRP ? S_ISGID : 0));

export function killPrivileges(inode: Inode): void {
  inode.mode &= ~privilegesOf(inode);
}

/** Bytes of the extended attributes, names and values. */
export function xattrBytes({ xattrs }: Inode): number {
  let bytes = 0;
  for (const [name, value] of xattrs ?? []) bytes += name.length + value.length;
  return bytes;
}

/** Adds a name at the end of a directory. Precondition: the name is not there. */
export function addDentry(dir: Inode, name: Name, inode: Inode): void {
  dir.children!.set(name, { name, inode, cookie: dir.nextCookie++ });
  inode.parent = dir;
  inode.nameHint = name;
}

/** The path below the root, a char a byte; undefined when no name is left. */
export function pathOf(root: Inode, inode: Inode): string | undefined {
  if (inode === root) return '/';
  if (inode.nlink === 0) return undefined;
  const { parent, nameHint } = inode;
  if (parent !== undefined && nameHint !== undefined && parent.children?.get(nameHint)?.inode === inode) {
    const above = pathOf(root, parent);
    return above === undefined ? undefined : join(above, nameHint);
  }
  return findPath(root, '/', inode);
}

/** Where the hint went stale (one of several hard links removed): the whole tree is searched. */
function findPath(dir: Inode, path: string, wanted: Inode): string | undefined {
  for (const { name, inode } of dir.children?.values() ?? []) {
    if (inode === wanted) return join(path, name);
    const below = inode.children && findPath(inode, join(path, name), wanted);
    if (below !== undefined) return below;
  }
  return undefined;
}

function join(path: string, name: Name): string {
  return `${path === '/' ? '' : path}/${name}`;
}
