// Reads inodes, names, extended attributes and open descriptions back from the journal, into a superblock that has a root
// directory alone.
import { S_IFDIR, S_IFLNK, S_IFREG } from '../../base/linux.js';
import type { FileHandle, InodeNumber, Name } from '../../base/units.js';
import type { LogReader } from '../../journal/log.js';
import { RECORD } from '../../journal/records.js';
import type { Restorer } from '../../journal/restorer.js';
import { addNamed, type Dentry, Inode, type Time } from './inode.js';
import type { Superblock } from './superblock.js';
import { XattrMap } from './xattr-map.js';

interface Entry {
  readonly ino: InodeNumber;
  readonly cookie: number;
}

interface Description {
  readonly ino: InodeNumber;
  readonly uid: number;
  readonly flags: number;
  readonly opener: number;
  readonly end: number;
}

/** An inode, and by number what it belongs to. */
interface Found {
  readonly inode: Inode;
  readonly parent: InodeNumber;
  readonly file: number;
}

export class VfsRestorer implements Restorer {
  private readonly sb: Superblock;
  private readonly inodes = new Map<InodeNumber, Found>();
  /** By directory. */
  private readonly entries = new Map<InodeNumber, Map<Name, Entry>>();
  private readonly xattrs = new Map<InodeNumber, XattrMap>();
  private readonly descriptions = new Map<FileHandle, Description>();
  private nextIno = 0;
  private nextFh = 0;

  readonly handlers: Restorer['handlers'] = {
    [RECORD.numbers]: record => {
      this.nextIno = Math.max(this.nextIno, record.f64());
      this.nextFh = Math.max(this.nextFh, record.f64());
    },
    [RECORD.inode]: record => this.takeInode(record),
    [RECORD.inodeGone]: record => {
      const ino = record.f64() as InodeNumber;
      this.inodes.delete(ino);
      this.xattrs.delete(ino);
      this.entries.delete(ino);
    },
    [RECORD.references]: record => {
      const found = this.inodes.get(record.f64() as InodeNumber);
      if (found !== undefined) found.inode.nlookup = record.f64();
    },
    [RECORD.dentry]: record => {
      const dir = record.f64() as InodeNumber;
      const ino = record.f64() as InodeNumber;
      const cookie = record.f64();
      const entries = this.entries.get(dir) ?? new Map<Name, Entry>();
      this.entries.set(dir, entries.set(record.text() as Name, { ino, cookie }));
    },
    [RECORD.dentryGone]: record => {
      this.entries.get(record.f64() as InodeNumber)?.delete(record.text() as Name);
    },
    [RECORD.xattr]: record => {
      const ino = record.f64() as InodeNumber;
      const xattrs = this.xattrs.get(ino) ?? new XattrMap();
      xattrs.set(record.text() as Name, record.bytes());
      this.xattrs.set(ino, xattrs);
    },
    [RECORD.xattrGone]: record => {
      this.xattrs.get(record.f64() as InodeNumber)?.delete(record.text() as Name);
    },
    [RECORD.description]: record => {
      const fh = record.f64() as FileHandle;
      this.nextFh = Math.max(this.nextFh, fh + 1);
      this.descriptions.set(fh, {
        ino: record.f64() as InodeNumber,
        uid: record.u32(),
        flags: record.u32(),
        opener: record.u32(),
        end: record.f64(),
      });
    },
    [RECORD.descriptionGone]: record => {
      this.descriptions.delete(record.f64() as FileHandle);
    },
  };

  constructor(sb: Superblock) {
    this.sb = sb;
  }

  finish(): void {
    const { sb } = this;
    for (const found of this.inodes.values()) this.addInode(found);
    for (const [ino, entries] of this.entries) this.addEntries(ino, entries);
    for (const { inode, parent } of this.inodes.values()) {
      if (inode.children !== undefined && inode.parent === undefined)
        inode.parent = sb.inode(parent) ?? sb.root;
    }
    sb.numbersAtLeast(this.nextIno, this.nextFh);
    const descriptions = [...this.descriptions].sort(([one], [other]) => one - other);
    for (const [fh, { ino, ...description }] of descriptions) {
      const inode = sb.inode(ino);
      if (inode !== undefined) sb.reopen(fh, inode, description);
    }
  }

  private takeInode(record: LogReader): void {
    const ino = record.f64() as InodeNumber;
    this.nextIno = Math.max(this.nextIno, ino + 1);
    const mode = record.u32();
    const known = this.inodes.get(ino)?.inode ?? (ino === this.sb.root.ino ? this.sb.root : undefined);
    const inode = known ?? new Inode(ino, mode, 0, 0, EPOCH);
    inode.mode = mode;
    inode.uid = record.u32();
    inode.gid = record.u32();
    inode.rdev = record.u32();
    inode.nlink = record.u32();
    inode.nlookup = record.f64();
    takeTime(record, inode.atime);
    takeTime(record, inode.mtime);
    takeTime(record, inode.ctime);
    takeTime(record, inode.btime);
    let file = 0;
    let parent = 0 as InodeNumber;
    if (inode.type === S_IFREG) {
      file = record.f64();
      takeTime(record, inode.seenAtime);
      takeTime(record, inode.seenMtime);
      takeTime(record, inode.seenCtime);
      const changes = record.f64();
      inode.seenChanges = changes < 0 ? undefined : changes;
    } else if (inode.type === S_IFDIR) {
      inode.children ??= new Map();
      parent = record.f64() as InodeNumber;
      inode.nextCookie = record.f64();
    } else if (inode.type === S_IFLNK) {
      inode.target = record.bytes();
    }
    this.inodes.set(ino, { inode, parent, file });
  }

  private addInode({ inode, file }: Found): void {
    const { sb } = this;
    const { ino } = inode;
    inode.xattrs = this.xattrs.get(ino);
    if (inode.type === S_IFREG) {
      inode.file = sb.store.restored(file, inode.uid);
      sb.files++;
      // What the kernel has cached is not recorded.
      inode.cache.attrsCached = true;
      inode.cache.mayBeMapped = true;
      inode.cache.openedNoatime = true;
      inode.cache.writebackSeen = true;
      inode.cache.allocatedBeyondEof = true;
    }
    sb.inodes.set(ino, inode);
    // It was counted when it was made.
    if (inode === sb.root) sb.budget.cancelInode(0);
    sb.budget.restored(inode);
  }

  /** In the order of their cookies. */
  private addEntries(ino: InodeNumber, entries: ReadonlyMap<Name, Entry>): void {
    const dir = this.sb.inode(ino);
    if (dir?.children === undefined) return;
    const sorted = [...entries].sort(([, one], [, other]) => one.cookie - other.cookie);
    for (const [name, { ino: child, cookie }] of sorted) {
      const inode = this.sb.inode(child);
      if (inode === undefined) continue;
      const dentry: Dentry = { name, dir, inode, cookie };
      addNamed(dentry);
    }
  }
}

const EPOCH: Time = { sec: 0, nsec: 0 };

function takeTime(record: LogReader, time: Time): void {
  time.sec = record.f64();
  time.nsec = record.u32();
}
