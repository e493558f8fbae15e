// Inodes and dentries, as in Linux: an inode is a file, a dentry is one name of it in one directory.
import { S_IFMT, S_ISGID, S_ISUID, S_IXGRP } from '../../base/linux.js';
import type { InodeNumber, Name } from '../../base/units.js';
import type { StoredFile } from '../../store/file-store.js';
import { AttrCache } from './attr-cache.js';
import { CachedPages } from './cached-pages.js';
import type { XattrMap } from './xattr-map.js';

/**
 * One name. Its cookie is its place in the directory: growing, never used again, so telldir and seekdir hold while names
 * come and go.
 */
export interface Dentry {
  readonly name: Name;
  readonly dir: Inode;
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
  /** What is not in the journal yet (vfs-journal.ts). */
  marks = 0;

  readonly atime: Time;
  readonly mtime: Time;
  readonly ctime: Time;
  readonly btime: Time;
  /** The store's times when they were last taken over; they count again when they differ (times.ts). */
  readonly seenAtime: Time = { sec: 0, nsec: 0 };
  readonly seenMtime: Time = { sec: 0, nsec: 0 };
  readonly seenCtime: Time = { sec: 0, nsec: 0 };
  /** The same of a store that counts its changes. */
  seenChanges: number | undefined;

  /** Regular files alone. */
  file: StoredFile | undefined;
  /** What the kernel may have cached of a regular file, and what could make it stale. */
  readonly cache = new AttrCache();
  /** Once pages of it were in the kernel's page cache, or may be dropped from there. */
  cachedPages: CachedPages | undefined;
  /** Directories alone: by name, in the order of their cookies. */
  children: Map<Name, Dentry> | undefined;
  nextCookie = 4;
  /** Directories alone: the one above, itself at the root; of a removed one the last. */
  parent: Inode | undefined;
  /** The newest name; undefined when none is left, and at the root. */
  dentry: Dentry | undefined;
  /** All names, where there are two or more. */
  links: Set<Dentry> | undefined;
  /** Symbolic links alone. */
  target: Uint8Array | undefined;
  xattrs: XattrMap | undefined;

  constructor(ino: InodeNumber, mode: number, uid: number, gid: number, now: Time) {
    this.ino = ino;
    this.mode = mode;
    this.uid = uid;
    this.gid = gid;
    this.atime = { sec: now.sec, nsec: now.nsec };
    this.mtime = { sec: now.sec, nsec: now.nsec };
    this.ctime = { sec: now.sec, nsec: now.nsec };
    this.btime = { sec: now.sec, nsec: now.nsec };
  }

  get pages(): CachedPages {
    this.cachedPages ??= new CachedPages();
    return this.cachedPages;
  }

  get type(): number {
    return this.mode & S_IFMT;
  }
}

/** The bits that a write by a process without CAP_FSETID clears: setuid, and setgid where the group may execute. */
export const privilegesOf = ({ mode }: Inode): number => mode & (S_ISUID | (mode & S_IXGRP ? S_ISGID : 0));

export function killPrivileges(inode: Inode): void {
  inode.mode &= ~privilegesOf(inode);
}

/** Adds a name at the end of a directory. Precondition: the name is not there. */
export function addDentry(dir: Inode, name: Name, inode: Inode): Dentry {
  const dentry: Dentry = { name, dir, inode, cookie: dir.nextCookie++ };
  addNamed(dentry);
  return dentry;
}

/** Precondition: its cookie is behind those of its directory. */
export function addNamed(dentry: Dentry): void {
  dentry.dir.children!.set(dentry.name, dentry);
  named(dentry);
}

export function removeDentry(dentry: Dentry): void {
  dentry.dir.children!.delete(dentry.name);
  unnamed(dentry);
}

/** The name is another inode's from now on. */
export function renameDentry(dentry: Dentry, inode: Inode): void {
  unnamed(dentry);
  dentry.inode = inode;
  named(dentry);
}

function named(dentry: Dentry): void {
  const { inode, dir } = dentry;
  if (inode.children !== undefined) inode.parent = dir;
  else if (inode.dentry !== undefined) {
    inode.links ??= new Set([inode.dentry]);
    inode.links.add(dentry);
  }
  inode.dentry = dentry;
}

function unnamed(dentry: Dentry): void {
  const { inode } = dentry;
  const { links } = inode;
  links?.delete(dentry);
  if (inode.dentry === dentry) inode.dentry = links?.values().next().value;
  if (links?.size === 1) inode.links = undefined;
}
