// Virtual files: a tree below the root that holds no data of users, as /proc. src/control provides its content, behind the
// interface here; this file serves the operations. Inode numbers are fixed and far beyond those of files, so that no lookup
// is counted and nothing is cached. Kernel counterpart: fs/proc/generic.c, seq_file.
import { errno } from '../../base/errno.js';
import { CAP_SYS_PTRACE, O_NONBLOCK, POLLIN, POLLOUT, S_IFDIR } from '../../base/linux.js';
import { type FileHandle, type InodeNumber, type Name, NO_WAITER, type WaiterId } from '../../base/units.js';
import {
  type Answer,
  type Attr,
  type Caller,
  type DirSink,
  type Opened,
  PARKED,
  SET_KILL_SUIDGID,
  SET_SIZE,
  type SetAttr,
} from '../operations.js';
import { noDescription } from './open.js';
import type { Superblock } from './superblock.js';

/** Where the reader of a stream is: the number of what comes next, and what is left of what came before it. */
export interface StreamPlace {
  readonly next: number;
  readonly rest: Uint8Array;
}

/** Who opens a file. */
export interface Opener {
  readonly uid: number;
  /** CAP_SYS_PTRACE. */
  readonly privileged: boolean;
  /** The thread; 0: it has opened the file at a daemon that has died. */
  readonly tid: number;
}

/** An open file, for the next daemon. */
export interface SavedVirtual extends Omit<Opener, 'tid'> {
  readonly ino: InodeNumber;
  readonly nonblock: boolean;
  /** Of a stream. */
  readonly at: StreamPlace;
}

/** Keeps what is open for the next daemon. */
export interface VirtualKeeper {
  virtualFile(fh: FileHandle, file: SavedVirtual): void;
  virtualFileGone(fh: FileHandle): void;
}

/** One open file of the tree. */
export interface VirtualFile {
  /** A stream has no offsets: a read takes what comes next, and waits while there is nothing. */
  readonly stream: boolean;
  /** Of a stream. */
  readonly place?: StreamPlace;
  goOn?(place: StreamPlace): void;
  /** Does some of what a read at `off` needs; true: it may be read. Called first, a slice each turn of the event loop. */
  prepare?(off: number): boolean;
  /** Bytes put into `out`; 0 at the end, of a stream: nothing now; PARKED: nothing before `wake`, also of another file. */
  read(off: number, out: Uint8Array): number;
  /** Bytes taken, or `-errno`. */
  write(caller: Caller, data: Uint8Array): Answer;
  /** Whether a read would not wait. */
  ready(): boolean;
  /** Asks for `wake`, once, when a stream may have become ready. */
  listen(): void;
  close(): void;
}

/** The watcher of streams. */
interface StreamWatch {
  /** Whether a read would wait may have changed. */
  changed(fh: FileHandle): void;
  closed(fh: FileHandle): void;
}

export interface VirtualEntry {
  readonly name: Name;
  readonly ino: InodeNumber;
}

export interface VirtualTree {
  /** The name in the root directory, which no file may take. */
  readonly name: Name;
  /** Its top directory. */
  readonly top: InodeNumber;
  /** Whether readdir of the root shows it. */
  readonly listed: boolean;
  /** st_mode of an inode; 0 when there is none (any more). */
  mode(ino: InodeNumber): number;
  /** undefined: there is no such name. */
  lookup(dir: InodeNumber, name: Name): InodeNumber | undefined;
  entries(dir: InodeNumber): readonly VirtualEntry[];
  parent(dir: InodeNumber): InodeNumber;
  /** Judges who will read. `wake`: see `listen`. `-errno`: EACCES. */
  open(opener: Opener, ino: InodeNumber, wake: () => void): VirtualFile | number;
}

interface Open extends Omit<Opener, 'tid'> {
  readonly ino: InodeNumber;
  readonly file: VirtualFile;
  readonly nonblock: boolean;
  /** Reads that wait. */
  readonly waiters: Set<WaiterId>;
  pollArmed: boolean;
}

/** The operations on the tree. */
export class Virtual {
  readonly tree: VirtualTree;
  streamWatch: StreamWatch | undefined;
  /** Undefined: no daemon will take over from this one. */
  keeper: VirtualKeeper | undefined;
  private readonly sb: Superblock;
  private readonly files = new Map<FileHandle, Open>();
  private readonly waits = new Map<WaiterId, Open>();

  constructor(sb: Superblock, tree: VirtualTree) {
    this.sb = sb;
    this.tree = tree;
  }

  /** Reads that wait for a stream. */
  get waiting(): number {
    return this.waits.size;
  }

  has(fh: FileHandle): boolean {
    return this.files.has(fh);
  }

  /** -ENOENT, or 0 with what is known of the inode. */
  getattr(ino: InodeNumber, out: Attr): Answer {
    const mode = this.tree.mode(ino);
    if (mode === 0) return -errno.ENOENT;
    const { uid, gid } = this.sb.root;
    const { sec, nsec } = this.sb.now();
    Object.assign(out, { ino, mode, uid, gid, size: 0, blocks: 0, rdev: 0, generation: 0 });
    out.lasting = (mode & S_IFDIR) !== 0;
    out.nlink = (mode & S_IFDIR) === 0 ? 1 : 2;
    out.atime = out.mtime = out.ctime = out.btime = sec;
    out.atimeNsec = out.mtimeNsec = out.ctimeNsec = out.btimeNsec = nsec;
    return 0;
  }

  /** O_TRUNC is allowed where it comes as a request of its own; everything else is -EPERM. */
  setattr(ino: InodeNumber, { valid, size, fh }: SetAttr, out: Attr): Answer {
    const comesAfter = fh === 0 && this.sb.host?.cutsAfterOpen === true;
    const truncates = comesAfter && (valid & ~SET_KILL_SUIDGID) === SET_SIZE && size === 0;
    return truncates ? this.getattr(ino, out) : -errno.EPERM;
  }

  lookup(dir: InodeNumber, name: Name, out: Attr): Answer {
    if (name === '..' && dir === this.tree.top) {
      this.sb.root.nlookup++;
      this.sb.attributes(this.sb.root, out);
      return 0;
    }
    const ino = name === '.' ? dir : name === '..' ? this.tree.parent(dir) : this.tree.lookup(dir, name);
    return ino === undefined ? -errno.ENOENT : this.getattr(ino, out);
  }

  open(caller: Caller, ino: InodeNumber, flags: number, out: Opened): Answer {
    const { uid } = caller;
    if (!this.sb.descriptions.has(uid)) return noDescription(this.sb, uid);
    const fh = this.sb.newHandle();
    const privileged = this.sb.credentials.isCapable(caller.tid, CAP_SYS_PTRACE);
    const nonblock = (flags & O_NONBLOCK) !== 0;
    const open = this.add(fh, { uid, privileged, ino, nonblock }, caller.tid);
    if (typeof open === 'number') return open;
    const { file } = open;
    this.keep(fh, open);
    out.fh = fh;
    out.backing = -1;
    out.keepCache = false;
    out.uncached = true;
    out.stream = file.stream;
    out.tellsClose = false;
    return 0;
  }

  private add(fh: FileHandle, opened: Omit<SavedVirtual, 'at'>, tid: number): Open | number {
    const { uid, privileged, ino, nonblock } = opened;
    const file = this.tree.open({ uid, privileged, tid }, ino, () => this.wake(fh));
    if (typeof file === 'number') return file;
    this.sb.descriptions.charge(uid, 1);
    const open: Open = { uid, privileged, ino, nonblock, file, waiters: new Set(), pollArmed: false };
    this.files.set(fh, open);
    return open;
  }

  /** A file of the last daemon's. What cannot be opened any more, as of a process that has ended, answers EBADF. */
  reopen(fh: FileHandle, saved: SavedVirtual): void {
    const open = this.add(fh, saved, 0);
    if (typeof open === 'number' || !open.file.stream) return;
    open.file.goOn?.(saved.at);
    // Whether a poll(2) waits is not known.
    open.pollArmed = true;
    open.file.listen();
  }

  *eachSaved(): Generator<[FileHandle, SavedVirtual]> {
    for (const [fh, open] of this.files) yield [fh, savedOf(open)];
  }

  private keep(fh: FileHandle, open: Open): void {
    this.keeper?.virtualFile(fh, savedOf(open));
  }

  read(caller: Caller, fh: FileHandle, off: number, out: Uint8Array): Answer {
    const open = this.files.get(fh);
    if (open === undefined) return -errno.EBADF;
    const { file } = open;
    const prepared = this.prepare(caller, fh, file, off);
    if (prepared !== 0) return prepared;
    this.forget(caller.waiter);
    const read = file.read(off, out);
    if (file.stream) {
      if (read > 0) this.keep(fh, open);
      this.streamWatch?.changed(fh);
    }
    const isEmpty = read === 0 && file.stream && out.length > 0;
    if (read !== PARKED && !isEmpty) return read;
    if (isEmpty && open.nonblock) return -errno.EAGAIN;
    if (caller.waiter === NO_WAITER) caller.waiter = this.sb.newWaiter();
    open.waiters.add(caller.waiter);
    // What is no stream has its text soon. Programs do not expect EINTR of a regular file.
    caller.interruptible = file.stream;
    file.listen();
    this.waits.set(caller.waiter, open);
    return PARKED;
  }

  private prepare(caller: Caller, fh: FileHandle, file: VirtualFile, off: number): Answer {
    if (file.prepare === undefined) return 0;
    const { slices } = this.sb;
    const step = (): boolean => !this.files.has(fh) || file.prepare!(off);
    return slices.goOn(caller) ?? slices.inSteps(caller, step);
  }

  write(caller: Caller, fh: FileHandle, data: Uint8Array): Answer {
    const open = this.files.get(fh);
    return open === undefined ? -errno.EBADF : open.file.write(caller, data);
  }

  /** Whether it is an open stream. */
  isStream(fh: FileHandle): boolean {
    return this.files.get(fh)?.file.stream === true;
  }

  /** Whether a read of it would not wait. */
  isReady(fh: FileHandle): boolean {
    return this.files.get(fh)?.file.ready() === true;
  }

  /** Asks for `StreamWatch.changed`, once, when the stream may have become ready. */
  listen(fh: FileHandle): void {
    this.files.get(fh)?.file.listen();
  }

  poll(fh: FileHandle, notify: boolean): Answer {
    const open = this.files.get(fh);
    if (open === undefined) return -errno.EBADF;
    if (notify) {
      open.pollArmed = true;
      open.file.listen();
    }
    return POLLOUT | (open.file.ready() ? POLLIN : 0);
  }

  release(fh: FileHandle): void {
    const open = this.files.get(fh);
    if (open === undefined) return;
    this.files.delete(fh);
    this.keeper?.virtualFileGone(fh);
    this.sb.descriptions.give(open.uid);
    this.streamWatch?.closed(fh);
    open.file.close();
    for (const waiter of open.waiters) this.waits.delete(waiter);
  }

  /** A read that waits was interrupted, or is no read of ours. */
  forget(waiter: WaiterId): void {
    this.waits.get(waiter)?.waiters.delete(waiter);
    this.waits.delete(waiter);
  }

  opendir(ino: InodeNumber, out: Opened): Answer {
    out.fh = this.sb.newHandle();
    out.backing = -1;
    return this.tree.mode(ino) === 0 ? -errno.ENOENT : 0;
  }

  /**
   * A cookie is the number of entries before it; an entry that comes or goes between two reads may be missed, as in /proc.
   */
  readdir(ino: InodeNumber, offset: number, sink: DirSink): Answer {
    const { tree, sb } = this;
    const above = ino === tree.top ? sb.root.ino : tree.parent(ino);
    const all = [{ name: '.' as Name, ino }, { name: '..' as Name, ino: above }, ...tree.entries(ino)];
    for (let n = offset; n < all.length; n++) {
      const { name, ino: at } = all[n]!;
      const mode = at === sb.root.ino ? S_IFDIR : tree.mode(at);
      if (!sink.add(name, at, mode, n + 1, undefined)) break;
    }
    return 0;
  }

  /** Whether it is the tree's own name, which no user can create, move or remove. */
  isReserved(dir: InodeNumber, name: Name): boolean {
    return dir === this.sb.root.ino && name === this.tree.name;
  }

  private wake(fh: FileHandle): void {
    const open = this.files.get(fh);
    if (open === undefined) return;
    for (const waiter of [...open.waiters]) this.sb.host?.retry(waiter);
    this.streamWatch?.changed(fh);
    if (!open.pollArmed) return;
    if (!open.file.ready()) {
      open.file.listen();
      return;
    }
    open.pollArmed = false;
    this.sb.host?.notifyPoll(fh);
  }
}

const NO_PLACE: StreamPlace = { next: 0, rest: new Uint8Array(0) };

const savedOf = ({ uid, privileged, ino, nonblock, file }: Open): SavedVirtual => {
  return { uid, privileged, ino, nonblock, at: file.place ?? NO_PLACE };
};
