// Writes inodes, names, extended attributes and open descriptions into the journal: what has changed, before the answer
// that tells of it, and all of it where the journal is written anew.
import type { FileHandle, Name } from '../../base/units.js';
import type { Journal, Source } from '../../journal/journal.js';
import type { Log } from '../../journal/log.js';
import { RECORD } from '../../journal/records.js';
import type { Dentry, Inode, Time } from './inode.js';
import type { OpenFile } from './open-file.js';
import type { Superblock } from './superblock.js';

/** Marks of an inode: what has changed since the last commit. */
const REFERENCES = 1;
const STATE = 2;
const GONE = 4;

/** Places of `marked` that are kept for the next time. */
const KEPT = 1024;

/** Small records of a step. */
const A_STEP = 64;

export class VfsJournal implements Source {
  private readonly sb: Superblock;
  private readonly journal: Journal;
  /** The first `count`; places are used again. */
  private marked: (Inode | undefined)[] = [];
  private count = 0;
  private nextFh = 0;
  /** Removed files, which the next commit frees. */
  private freed: Inode[] = [];
  private readonly freeGone: () => void;

  constructor(sb: Superblock, journal: Journal) {
    this.sb = sb;
    this.journal = journal;
    this.freeGone = () => {
      const { freed } = this;
      this.freed = [];
      for (const inode of freed) sb.freeFile(inode);
    };
  }

  /** Anything of the inode but its names and extended attributes. */
  changed(inode: Inode): void {
    this.mark(inode, STATE);
  }

  /** The kernel has another number of references. */
  referenced(inode: Inode): void {
    this.mark(inode, REFERENCES);
  }

  /** It is removed; what it had is freed once that is certain. */
  gone(inode: Inode): void {
    this.mark(inode, GONE);
    if (inode.file === undefined) return;
    if (this.freed.length === 0) this.journal.afterCommit(this.freeGone);
    this.freed.push(inode);
  }

  named(dentry: Dentry): void {
    putDentry(this.journal.log, dentry);
  }

  unnamed({ dir, name }: Dentry): void {
    const { log } = this.journal;
    log.begin(RECORD.dentryGone);
    log.f64(dir.ino);
    log.text(name);
    log.end();
  }

  xattr(inode: Inode, name: Name, value: Uint8Array | undefined): void {
    const { log } = this.journal;
    if (value !== undefined) {
      putXattr(log, inode, name, value);
      return;
    }
    log.begin(RECORD.xattrGone);
    log.f64(inode.ino);
    log.text(name);
    log.end();
  }

  opened(file: OpenFile): void {
    // The record tells its handle.
    if (file.fh >= this.nextFh) this.nextFh = file.fh + 1;
    putDescription(this.journal.log, file);
  }

  closed(fh: FileHandle): void {
    this.journal.log.number(RECORD.descriptionGone, fh);
  }

  /** As Journal.afterCommit. */
  afterCommit(run: () => void): void {
    this.journal.afterCommit(run);
  }

  /** Whether nothing more may be made. */
  get isFull(): boolean {
    return this.journal.isFull;
  }

  flush(log: Log): void {
    const { marked, sb } = this;
    // Virtual files and supervisors' pins have handles too.
    if (sb.nextFh !== this.nextFh) {
      this.nextFh = sb.nextFh;
      putNumbers(log, sb);
    }
    const { count } = this;
    this.count = 0;
    for (let n = 0; n < count; n++) {
      const inode = marked[n]!;
      marked[n] = undefined;
      const { marks } = inode;
      inode.marks = 0;
      if (marks & GONE) log.number(RECORD.inodeGone, inode.ino);
      else if (marks & STATE) putInode(log, inode);
      else putReferences(log, inode);
    }
    if (count > KEPT) this.marked = [];
  }

  *sweep(log: Log): Generator<void> {
    const { sb } = this;
    putNumbers(log, sb);
    yield;
    let n = 0;
    for (const inode of sb.inodes.values()) {
      putInode(log, inode);
      for (const [name, value] of inode.xattrs?.entries() ?? []) putXattr(log, inode, name, value);
      for (const dentry of inode.children?.values() ?? []) {
        putDentry(log, dentry);
        if (++n % A_STEP === 0) yield;
      }
      yield;
    }
    for (const file of sb.handles.values()) {
      putDescription(log, file);
      yield;
    }
  }

  private mark(inode: Inode, mark: number): void {
    if (inode.marks === 0) this.marked[this.count++] = inode;
    this.journal.isChanged = true;
    inode.marks |= mark;
  }
}

function putNumbers(log: Log, { nextIno, nextFh }: Superblock): void {
  log.begin(RECORD.numbers);
  log.f64(nextIno);
  log.f64(nextFh);
  log.end();
}

function putTime(log: Log, { sec, nsec }: Time): void {
  log.f64(sec);
  log.u32(nsec);
}

function putInode(log: Log, inode: Inode): void {
  log.begin(RECORD.inode);
  log.f64(inode.ino);
  log.u32(inode.mode);
  log.u32(inode.uid);
  log.u32(inode.gid);
  log.u32(inode.rdev);
  log.u32(inode.nlink);
  log.f64(inode.nlookup);
  putTime(log, inode.atime);
  putTime(log, inode.mtime);
  putTime(log, inode.ctime);
  putTime(log, inode.btime);
  if (inode.file !== undefined) {
    log.f64(inode.file.number);
    putTime(log, inode.seenAtime);
    putTime(log, inode.seenMtime);
    putTime(log, inode.seenCtime);
    log.f64(inode.seenChanges ?? -1);
  } else if (inode.children !== undefined) {
    log.f64(inode.parent!.ino);
    log.f64(inode.nextCookie);
  } else if (inode.target !== undefined) {
    log.bytes(inode.target);
  }
  log.end();
}

function putReferences(log: Log, inode: Inode): void {
  log.begin(RECORD.references);
  log.f64(inode.ino);
  log.f64(inode.nlookup);
  log.end();
}

function putDentry(log: Log, { dir, name, inode, cookie }: Dentry): void {
  log.begin(RECORD.dentry);
  log.f64(dir.ino);
  log.f64(inode.ino);
  log.f64(cookie);
  log.text(name);
  log.end();
}

function putXattr(log: Log, { ino }: Inode, name: Name, value: Uint8Array): void {
  log.begin(RECORD.xattr);
  log.f64(ino);
  log.text(name);
  log.bytes(value);
  log.end();
}

function putDescription(log: Log, { fh, inode, uid, flags, opener, end }: OpenFile): void {
  log.begin(RECORD.description);
  log.f64(fh);
  log.f64(inode.ino);
  log.u32(uid);
  log.u32(flags);
  log.u32(opener);
  log.f64(end);
  log.end();
}
