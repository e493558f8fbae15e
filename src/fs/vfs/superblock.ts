// The mounted filesystem's state, and what every family of operations needs of it: the inode table, the open file
// descriptions, the present time, the fate of inodes that nobody refers to. Kernel counterpart: struct super_block.
import { errno, FsError } from '../../base/errno.js';
import type { FileHandle, InodeNumber, LeaseId, Name, WaiterId } from '../../base/units.js';
import { ROOT_INO } from '../../base/units.js';
import type { Leases, PinInfo } from '../../lease/types.js';
import { native } from '../../native/binding.js';
import type { Processes } from '../../process/processes.js';
import { FileStat, type FileStore, type Grant, type StoredFile } from '../../store/file-store.js';
import type { Injector } from '../layout/injector.js';
import { UnleasedPins } from '../layout/kernel-pins.js';
import { Supervision } from '../layout/supervised.js';
import type { Attr, Host } from '../operations.js';
import { Recorder } from '../trace/recorder.js';
import { closedFor, isLasting, openedFor } from './attr-cache.js';
import { type Dentry, Inode, killPrivileges, S_IFDIR, S_IFREG, type Time, xattrBytes } from './inode.js';
import { Residency } from './residency.js';
import { adoptTimes, ignoreTimes, setTime } from './times.js';
import type { Virtual } from './virtual.js';

/** An open file description. */
export interface OpenFile {
  readonly fh: FileHandle;
  readonly inode: Inode;
  /** open(2)'s flags. */
  readonly flags: number;
  /** poll(2) asked to be told of a change. */
  pollArmed: boolean;
  /** Names the description as a pin's owner (N4), made when first asked for. */
  token: bigint | undefined;
  /** Directories: where the last READDIR stopped. */
  cursor: DirCursor | undefined;
  /** Directories: the cookie at which reading ends. */
  end: number;
  /** Where the last GETPINS stopped. */
  pinCursor: PinCursor | undefined;
}

export interface PinCursor {
  /** The id after which `rest` goes on. */
  readonly after: number;
  readonly rest: Iterator<PinInfo>;
}

export interface DirCursor {
  readonly entries: Iterator<Dentry>;
  /** The cookie after which `pending` and `entries` go on. */
  after: number;
  /** Taken from `entries`, not yet taken by the reader. */
  pending: Dentry | undefined;
}

export const O_ACCMODE = 3;
export const O_RDONLY = 0;
export const O_RDWR = 2;
export const O_EXCL = 0o200;
export const O_TRUNC = 0o1000;
export const O_NONBLOCK = 0o4000;
const O_NOATIME = 0o1000000;

/** B4: as given to open; a later F_SETFL does not reach us. A change by path never is. */
export const isNonblocking = (file: OpenFile | undefined): boolean =>
  file !== undefined && (file.flags & O_NONBLOCK) !== 0;

const NAME_MAX = 255;
/** What an inode counts for where extended attributes are counted with them; tmpfs's BOGO_INODE_SIZE. */
const INODE_BYTES = 1024;

export interface SuperblockOptions {
  /** Permissions and owner of the root directory. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** B2, ms; the same that the lease machine was given. */
  readonly breakTime: number;
  /** Inodes that there may be, the root one of them. */
  readonly inodes: number;
  /** Whether reads move a direct file's time of access; noatime: they do not. True by default. */
  readonly accessTimes?: boolean;
  /** Whether files have POSIX ACLs. True by default. */
  readonly acls?: boolean;
  /** Descriptors that files may have (residency.ts). */
  readonly descriptors: number;
  readonly log: (line: string) => void;
}

export class Superblock {
  readonly leases: Leases;
  readonly processes: Processes;
  readonly log: (line: string) => void;
  readonly root: Inode;
  readonly inodes = new Map<InodeNumber, Inode>();
  readonly handles = new Map<FileHandle, OpenFile>();
  /** N4: what GETLEASE gave out to name a description. */
  readonly tokens = new Map<bigint, FileHandle>();
  /** Layouts granted to clients, by the lease that they live with (layout/grant.ts). */
  readonly grants = new Map<LeaseId, Grant>();
  readonly residency: Residency;
  readonly unleased = new UnleasedPins();
  readonly supervision = new Supervision();
  readonly recorder = new Recorder();
  /** Inodes that there may be. */
  readonly maxInodes: number;
  /** Bytes of all extended attributes, names and values. */
  xattrBytes = 0;
  /** Undefined: faults are not to be had on this mount. */
  injector: Injector | undefined;
  /** Files below the root that are nobody's data. */
  virtual: Virtual | undefined;
  host: Host | undefined;
  /** The timer of the next forced break, and when it is due (layout/ask.ts). */
  timer: NodeJS.Timeout | undefined;
  timerDue = Number.POSITIVE_INFINITY;
  /** B2, ms. */
  readonly breakTime: number;

  readonly acls: boolean;
  private readonly accessTimes: boolean;
  private readonly chooseStore: () => FileStore;
  private chosen: FileStore | undefined;
  private nextIno = ROOT_INO as number;
  private nextFh = 1;
  private nextWaiter = 2 ** 52;
  private readonly present: Time = { sec: 0, nsec: 0 };
  private readonly stat = new FileStat();

  constructor(
    chooseStore: () => FileStore,
    leases: Leases,
    processes: Processes,
    options: SuperblockOptions,
  ) {
    this.chooseStore = chooseStore;
    this.leases = leases;
    this.processes = processes;
    this.log = options.log;
    this.breakTime = options.breakTime;
    this.maxInodes = options.inodes;
    this.acls = options.acls ?? true;
    this.accessTimes = options.accessTimes ?? true;
    this.residency = new Residency(options.descriptors);
    this.root = this.newInode(S_IFDIR | (options.mode & 0o7777), options.uid, options.gid);
    this.root.parent = this.root;
    this.root.nlink = 2;
  }

  /** Chosen when it is first needed: the transport knows by then what it can serve. */
  get store(): FileStore {
    this.chosen ??= this.chooseStore();
    return this.chosen;
  }

  /** The present, of the clock that the kernel stamps files with. The object is used again. */
  now(): Time {
    native.clock();
    this.present.sec = native.seen[0]!;
    this.present.nsec = native.seen[1]!;
    return this.present;
  }

  /** Inodes that can still be made: extended attributes take their room, a KiB for one inode, as on tmpfs. */
  get inodesFree(): number {
    return this.maxInodes - this.inodes.size - Math.ceil(this.xattrBytes / INODE_BYTES);
  }

  inode(ino: InodeNumber): Inode | undefined {
    return this.inodes.get(ino);
  }

  /** A directory that is there and takes names, or -ENOENT, -ENOTDIR. */
  directory(ino: InodeNumber): Inode | number {
    const inode = this.inodes.get(ino);
    if (inode === undefined) return -errno.ENOENT;
    return inode.children === undefined ? -errno.ENOTDIR : inode;
  }

  newInode(mode: number, uid: number, gid: number): Inode {
    const ino = this.nextIno++ as InodeNumber;
    const inode = new Inode(ino, mode, uid, gid, this.now());
    if (inode.type === S_IFREG) {
      if (!this.residency.makeRoom(this)) throw new FsError(errno.EMFILE, 'memfd_create');
      this.replace(inode, this.store.create(`leasefs:${ino}`));
    } else if (inode.type === S_IFDIR) {
      inode.children = new Map();
    }
    this.inodes.set(ino, inode);
    return inode;
  }

  /** Where the file's content is from now on. The times of that are no news. */
  replace(inode: Inode, file: StoredFile): void {
    inode.file = file;
    file.stat(this.stat);
    ignoreTimes(inode, this.stat);
  }

  /** A number that no description has or will have. */
  newHandle(): FileHandle {
    return this.nextFh++ as FileHandle;
  }

  /** For a wait that is no lease's and no search's: theirs count up and down from 0. */
  newWaiter(): WaiterId {
    return this.nextWaiter++ as WaiterId;
  }

  openFile(inode: Inode, flags: number): OpenFile {
    const fh = this.newHandle();
    const file: OpenFile = {
      fh,
      inode,
      flags,
      pollArmed: false,
      token: undefined,
      cursor: undefined,
      end: inode.nextCookie,
      pinCursor: undefined,
    };
    this.handles.set(fh, file);
    inode.nopen++;
    openedFor(this, inode, flags);
    if (flags & O_NOATIME) inode.openedUnseen = true;
    return file;
  }

  closeFile(fh: FileHandle): OpenFile | undefined {
    const file = this.handles.get(fh);
    if (file === undefined) return undefined;
    this.handles.delete(fh);
    if (file.token !== undefined) this.tokens.delete(file.token);
    this.supervision.closed(fh);
    file.inode.nopen--;
    closedFor(file.inode, file.flags);
    return file;
  }

  /**
   * Fills `out`; size, blocks and times of a regular file are the store's of this instant (kernel-facts 22).
   * @param looked `modified` or `newInode` has just looked at this very inode.
   */
  attributes(inode: Inode, out: Attr, looked = false): void {
    if (inode.file !== undefined) {
      if (!looked) this.refresh(inode);
      out.size = this.stat.size;
      out.blocks = this.stat.blocks;
      out.lasting = isLasting(this, inode, this.stat.size, this.stat.blocks);
      if (out.lasting) inode.remembered = true;
    } else {
      out.lasting = true;
      out.size = inode.target?.length ?? (inode.children?.size ?? 0) * 20;
      out.blocks = 0;
    }
    out.ino = inode.ino;
    out.mode = inode.mode;
    out.nlink = inode.nlink;
    out.uid = inode.uid;
    out.gid = inode.gid;
    out.rdev = inode.rdev;
    out.generation = 0;
    out.atime = inode.atime.sec;
    out.atimeNsec = inode.atime.nsec;
    out.mtime = inode.mtime.sec;
    out.mtimeNsec = inode.mtime.nsec;
    out.ctime = inode.ctime.sec;
    out.ctimeNsec = inode.ctime.nsec;
    out.btime = inode.btime.sec;
    out.btimeNsec = inode.btime.nsec;
  }

  /**
   * Looks what passthrough did to the file meanwhile. A write clears setuid and setgid; of a passthrough write the
   * kernel tells nobody (HANDLE_KILLPRIV_V2), so it is done when it is seen, at the latest by the GETATTR that the
   * kernel sends before it executes the file. That root's own write clears them too is the safe side.
   * @returns the size of a regular file, bytes.
   */
  refresh(inode: Inode): number {
    if (inode.file === undefined) return 0;
    inode.file.stat(this.stat);
    if (adoptTimes(inode, this.stat, this.accessTimes)) killPrivileges(inode);
    return this.stat.size;
  }

  /** Brings the capacity up to date: what passthrough writes, nobody is told of. */
  lookAtOpenFiles(): void {
    if (!this.store.identity) return;
    for (const { inode } of this.handles.values()) inode.file?.size();
  }

  /** Something changed that the store knows nothing of (a name, an attribute): ctime is now. */
  touch(inode: Inode): void {
    setTime(inode.ctime, this.now());
  }

  /** The content was changed by an operation of ours: mtime and ctime are now, the store's own are no news. */
  modified(inode: Inode): void {
    if (inode.file !== undefined) {
      inode.file.stat(this.stat);
      ignoreTimes(inode, this.stat);
    }
    const now = this.now();
    setTime(inode.mtime, now);
    setTime(inode.ctime, now);
  }

  /** ms that only grow, for the lease machine. */
  monotonic(): number {
    return performance.now();
  }

  /** Tells poll(2) on the description to look again. */
  notifyPoll(fh: FileHandle): void {
    const file = this.handles.get(fh);
    if (file === undefined || !file.pollArmed) return;
    file.pollArmed = false;
    this.host?.notifyPoll(fh);
  }

  /** Frees the inode when no name, lookup, description, lease or pin refers to it. */
  reap(inode: Inode): void {
    if (inode.nlink > 0 || inode.nlookup > 0 || inode.nopen > 0) return;
    if (inode.file !== undefined && this.leases.concerns(inode.ino)) return;
    if (!this.inodes.delete(inode.ino)) return;
    this.xattrBytes -= xattrBytes(inode);
    if (inode.file === undefined) return;
    this.residency.forget(inode.ino);
    this.host?.backingGone(inode.ino);
    inode.file.free();
  }
}

/** 0, or why the name cannot be one: -ENAMETOOLONG beyond 255 bytes, -EINVAL for '', '.', '..' and '/'. */
export function badName(name: Name): number {
  if (name.length > NAME_MAX) return -errno.ENAMETOOLONG;
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0'))
    return -errno.EINVAL;
  return 0;
}
