// The mounted filesystem's state, and what every family of operations needs of it: the inode table, the open file
// descriptions, the present time, the end of unreferenced inodes. Kernel counterpart: struct super_block.
import { errno, FsError } from '../../base/errno.js';
import type { Log } from '../../base/guarded.js';
import { heapPart } from '../../base/heap.js';
import { O_NOATIME, S_IFDIR, S_IFREG } from '../../base/linux.js';
import { Quota } from '../../base/quota.js';
import { type FileHandle, type InodeNumber, NO_WAITER, ROOT_INO, type WaiterId } from '../../base/units.js';
import { native } from '../../native/binding.js';
import { FileStat, type FileStore, type Freeing } from '../../store/file-store.js';
import { type Answer, type Attr, type Caller, type Host, PARKED } from '../operations.js';
import { answered, closedFor, isLasting, openedFor } from './attr-cache.js';
import { Inode, killPrivileges, type Time } from './inode.js';
import { InodeBudget } from './inode-budget.js';
import { type LayoutGate, openGate } from './layout-gate.js';
import type { OpenFile } from './open-file.js';
import { pathOf } from './path.js';
import { Residency } from './residency.js';
import { Slices } from './slices.js';
import { type AccessTimes, adoptTimes, ignoreTimes, movesAtime, setTime } from './times.js';
import type { VfsJournal } from './vfs-journal.js';
import type { Virtual } from './virtual.js';

export interface SuperblockOptions {
  /** Permissions and owner of the root directory. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Inodes that there may be, the root one of them. */
  readonly inodes: number;
  /** What reads do to the access time of files and symbolic links, and of directories; relatime by default. */
  readonly accessTimes?: AccessTimes;
  readonly directoryTimes?: AccessTimes;
  /** Whether files have POSIX ACLs. True by default. */
  readonly acls?: boolean;
  /** Descriptors that files may have (residency.ts). */
  readonly descriptors: number;
  /** Descriptions that may be open at the same time; by default what the heap has room for. */
  readonly descriptions?: number;
  readonly log: Log;
}

const MIB = 2 ** 20;
/** No file's. */
const NO_INODE = 0 as InodeNumber;
/** Of an open description with a lease. */
const DESCRIPTION_BYTES = 2048;

/** What the kernel knows of a thread but no request carries. */
interface Credentials {
  /** In our own user namespace. */
  isCapable(tid: number, capability: number): boolean;
  /** Supplementary groups. */
  groupsOf(tid: number): readonly number[];
}

/** Of an open description. */
type Described = Pick<OpenFile, 'flags' | 'uid' | 'opener' | 'end'>;

export class Superblock {
  readonly credentials: Credentials;
  readonly log: Log;
  readonly root: Inode;
  readonly inodes = new Map<InodeNumber, Inode>();
  readonly handles = new Map<FileHandle, OpenFile>();
  /** Regular files. */
  files = 0;
  /** By thread, while it is open: where the cut of an open with O_TRUNC comes after the OPEN (cutsAfterOpen). */
  private readonly lastOpened = new Map<number, OpenFile>();
  readonly residency: Residency;
  /** Descriptions that users may have open: each costs memory, and may have a lease. */
  readonly descriptions: Quota;
  /** Asked before each layout change. Set before the first operation. */
  gate: LayoutGate = openGate;
  readonly budget: InodeBudget;
  /** Undefined: no daemon will take over from this one. */
  journal: VfsJournal | undefined;
  /** Whether a file was ever given a label of SELinux (xattrs.ts). */
  hasLabels = false;
  /** Files below the root that no user made. */
  virtual: Virtual | undefined;
  host: Host | undefined;

  /** Operations that take long. */
  readonly slices: Slices;
  readonly acls: boolean;
  private readonly accessTimes: AccessTimes;
  private readonly directoryTimes: AccessTimes;
  private readonly chooseStore: () => FileStore;
  private chosen: FileStore | undefined;
  /** The next numbers of an inode and of a description. */
  nextIno = ROOT_INO as number;
  nextFh = 1;
  private nextWaiter = 1;
  /** Bytes that a thread is freeing of files that are gone, and what the last of them is waited for as: -1, -2, ... */
  private freeing = 0;
  private lastFreed = NO_INODE;
  private isTidying = false;
  private readonly present: Time = { sec: 0, nsec: 0 };
  private readonly stat = new FileStat();

  constructor(chooseStore: () => FileStore, credentials: Credentials, options: SuperblockOptions) {
    this.chooseStore = chooseStore;
    this.credentials = credentials;
    this.log = options.log;
    this.slices = new Slices(
      () => this.newWaiter(),
      waiter => this.host?.retry(waiter),
      options.log,
    );
    this.budget = new InodeBudget(options.inodes);
    this.acls = options.acls ?? true;
    this.accessTimes = options.accessTimes ?? 'relatime';
    this.directoryTimes = options.directoryTimes ?? 'relatime';
    this.residency = new Residency(this, options.descriptors);
    this.descriptions = new Quota(
      options.descriptions ?? heapPart(8, 16 * MIB, 512 * MIB) / DESCRIPTION_BYTES,
    );
    this.budget.addInode(0);
    this.root = this.newInode(S_IFDIR | (options.mode & 0o7777), options.uid, options.gid);
    this.root.parent = this.root;
    this.root.nlink = 2;
  }

  /** Chosen when it is first needed: the transport knows by then what it can serve. */
  get store(): FileStore {
    this.chosen ??= this.chooseStore();
    return this.chosen;
  }

  /** The present time, of the clock that the kernel stamps files with. One object serves all calls in turn. */
  now(): Time {
    native.clock();
    this.present.sec = native.scratch[0]!;
    this.present.nsec = native.scratch[1]!;
    return this.present;
  }

  inode(ino: InodeNumber): Inode | undefined {
    return this.inodes.get(ino);
  }

  /** A char a byte, cut in the middle beyond `limit` bytes; undefined when no name of the inode is left. */
  pathOf(ino: InodeNumber, limit?: number): string | undefined {
    const inode = this.inodes.get(ino);
    return inode && pathOf(this.root, inode, limit);
  }

  /** A directory that is there and takes names, or -ENOENT, -ENOTDIR. */
  directory(ino: InodeNumber): Inode | number {
    const inode = this.inodes.get(ino);
    if (inode === undefined) return -errno.ENOENT;
    return inode.children === undefined ? -errno.ENOTDIR : inode;
  }

  /** Precondition: it is counted (`budget`). */
  newInode(mode: number, uid: number, gid: number): Inode {
    const ino = this.nextIno++ as InodeNumber;
    const inode = new Inode(ino, mode, uid, gid, this.now());
    if (inode.type === S_IFREG) {
      if (!this.residency.makeRoom(uid) || !this.residency.hasShare(uid))
        throw new FsError(errno.EMFILE, 'a file of the store');
      inode.file = this.store.create(uid);
      this.files++;
      inode.file.stat(this.stat);
      ignoreTimes(inode, this.stat);
    } else if (inode.type === S_IFDIR) {
      inode.children = new Map();
    }
    this.inodes.set(ino, inode);
    this.journal?.changed(inode);
    return inode;
  }

  numbersAtLeast(nextIno: number, nextFh: number): void {
    this.nextIno = Math.max(this.nextIno, nextIno);
    this.nextFh = Math.max(this.nextFh, nextFh);
  }

  /** A number that no description has or will have. */
  newHandle(): FileHandle {
    return this.nextFh++ as FileHandle;
  }

  /** The number under which an operation waits, for anything. Never used again. */
  newWaiter(): WaiterId {
    return this.nextWaiter++ as WaiterId;
  }

  /** Precondition: the user has a share for it (`descriptions`). */
  openFile(inode: Inode, flags: number, uid: number, opener = 0): OpenFile {
    this.descriptions.take(uid);
    const file = this.addFile(this.newHandle(), inode, { flags, uid, opener, end: inode.nextCookie });
    if (this.host?.cutsAfterOpen) this.lastOpened.set(opener, file);
    this.journal?.opened(file);
    return file;
  }

  /** A description of the last daemon's. */
  reopen(fh: FileHandle, inode: Inode, description: Described): void {
    this.descriptions.charge(description.uid, 1);
    this.addFile(fh, inode, description);
    this.residency.openAlready(inode, description.uid);
  }

  private addFile(fh: FileHandle, inode: Inode, { flags, uid, opener, end }: Described): OpenFile {
    const file: OpenFile = { fh, inode, uid, flags, opener, pollArmed: false, cursor: undefined, end };
    this.handles.set(fh, file);
    inode.nopen++;
    openedFor(this, inode, flags);
    if (flags & O_NOATIME) inode.cache.openedNoatime = true;
    return file;
  }

  /** The description that a change of the size by path may belong to: the thread has just opened the file. */
  openedBy(tid: number, inode: Inode): OpenFile | undefined {
    const file = this.lastOpened.get(tid);
    return file?.inode === inode ? file : undefined;
  }

  /**
   * The description has ended, with its last descriptor; mappings may live on (F5). The one way in which a description
   * ends: RELEASE, RELEASEDIR, an open that could not be answered, the control socket's last connection, the mount's end.
   */
  closeFile(fh: FileHandle): void {
    const file = this.handles.get(fh);
    if (file === undefined) return;
    const { inode, uid, flags, opener } = file;
    this.handles.delete(fh);
    this.journal?.closed(fh);
    if (this.lastOpened.get(opener) === file) this.lastOpened.delete(opener);
    this.descriptions.give(uid);
    inode.nopen--;
    closedFor(inode, flags);
    this.gate.closed(file);
    if (inode.nopen === 0) this.residency.rest(inode);
    this.reap(inode);
  }

  /** Fills `out`; size, blocks and times of a regular file are the store's of this instant (K22). */
  attributes(inode: Inode, out: Attr): void {
    this.refresh(inode);
    this.attributesAsSeen(inode, out);
  }

  /**
   * The same, as `refresh`, `modified` or `newInode` has seen the file. Precondition: the last of them was of this inode.
   */
  attributesAsSeen(inode: Inode, out: Attr): void {
    if (inode.file !== undefined) {
      out.size = this.stat.size;
      out.blocks = this.stat.blocks;
      out.lasting = isLasting(this, inode, this.stat.size, this.stat.blocks);
    } else {
      out.lasting = true;
      out.size = inode.target?.length ?? (inode.children?.size ?? 0) * 20;
      out.blocks = 0;
    }
    answered(inode, out.lasting);
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
   * Finds out what passthrough has done to the file since the last look. A write clears setuid and setgid; the kernel does
   * not report a passthrough write (HANDLE_KILLPRIV_V2), so they are cleared when it is seen, at the latest by the GETATTR
   * that the kernel sends before it executes the file. A write by root clears them too: writers cannot be distinguished, and
   * clearing is the safe choice.
   * @returns the size of a regular file, bytes.
   */
  refresh(inode: Inode): number {
    if (inode.file === undefined) return 0;
    inode.file.stat(this.stat);
    const written = adoptTimes(inode, this.stat, this.accessTimes);
    // A write that came as a request says itself whether it clears them (WRITE_KILL_SUIDGID).
    if (written && this.stat.changes === undefined) killPrivileges(inode);
    return this.stat.size;
  }

  /** What the store's times say now is no change of the file. */
  ignoreStoreTimes(inode: Inode): void {
    inode.file!.stat(this.stat);
    ignoreTimes(inode, this.stat);
  }

  /** Something changed that the store knows nothing of (a name, an attribute): ctime is now. */
  touch(inode: Inode): void {
    setTime(inode.ctime, this.now());
    this.journal?.changed(inode);
  }

  /** A process has read it by a request; a read that the kernel serves shows in the store's times. */
  accessed(inode: Inode): void {
    const how = inode.children === undefined ? this.accessTimes : this.directoryTimes;
    if (how === 'noatime') return;
    const now = this.now();
    if (!movesAtime(how, inode, now)) return;
    setTime(inode.atime, now);
    this.journal?.changed(inode);
  }

  /** An operation changed the content: mtime and ctime are now, and the store's own times are taken as seen. */
  modified(inode: Inode): void {
    if (inode.file !== undefined) this.ignoreStoreTimes(inode);
    const now = this.now();
    setTime(inode.mtime, now);
    setTime(inode.ctime, now);
    this.journal?.changed(inode);
  }

  /** Notifies poll(2) on the description; false: none waits. */
  notifyPoll(fh: FileHandle): boolean {
    const file = this.handles.get(fh);
    if (file === undefined || !file.pollArmed) return false;
    file.pollArmed = false;
    this.host?.notifyPoll(fh);
    return true;
  }

  /** Frees the inode when no name, lookup, description, lease or pin refers to it. */
  reap(inode: Inode): void {
    if (inode.nlink > 0 || inode.nlookup > 0 || inode.nopen > 0) return;
    if (inode.file !== undefined && this.gate.holds(inode.ino)) return;
    if (!this.inodes.delete(inode.ino)) return;
    this.budget.removeInode(inode);
    if (inode.file !== undefined) this.files--;
    if (this.journal !== undefined) this.journal.gone(inode);
    else this.freeFile(inode);
  }

  freeFile({ ino, uid, file }: Inode): void {
    if (file === undefined) return;
    this.residency.gone(ino);
    this.host?.backingGone(ino);
    const freeing = file.free();
    if (freeing !== undefined) this.freeAside(uid, freeing);
    else this.tidyUp(uid);
  }

  private freeAside(uid: number, { bytes, start }: Freeing): void {
    this.freeing += bytes;
    const frees = async (): Promise<Answer> => {
      const result = await start();
      this.freeing -= bytes;
      return result;
    };
    this.lastFreed = (this.lastFreed - 1) as InodeNumber;
    this.slices.background(uid, { ino: this.lastFreed, slice: () => frees, interrupted: undefined });
  }

  /** Frees in slices what deleted files have left in the store. */
  tidyUp(uid: number): void {
    if (this.isTidying) return;
    if (!this.store.tidy()) return;
    this.isTidying = true;
    const slice = (): Answer => {
      this.isTidying = this.store.tidy();
      return this.isTidying ? PARKED : 0;
    };
    this.slices.background(uid, { ino: NO_INODE, slice, interrupted: undefined });
  }

  /** Bytes that files take. What a thread is freeing is free to those who look: its file is gone. */
  get used(): number {
    return Math.max(0, this.store.capacity.used - this.freeing);
  }

  /**
   * Before a caller can take memory: PARKED, once, while a thread is freeing more of deleted files than there is free. To use
   * up what is free takes a writer longer than the thread takes for less.
   */
  waitForSpace(caller: Caller): Answer {
    if (this.freeing === 0 || caller.waiter !== NO_WAITER) return 0;
    const { total, used } = this.store.capacity;
    return total - used >= this.freeing ? 0 : this.slices.wait(caller, this.lastFreed);
  }
}
