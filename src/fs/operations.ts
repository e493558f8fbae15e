// What a transport (src/fuse, src/fuse-native) asks of the filesystem, and what the filesystem asks of it. No wire
// format here. Hot operations allocate nothing: they fill objects that the transport owns, and answer a number.
import type { Kind } from '../abi/kinds.js';
import type { ReportKind } from '../abi/reports.js';
import type { Gather } from '../base/gather.js';
import type { Source } from '../base/kept-text.js';
import { type FileHandle, type InodeNumber, NO_WAITER, type Name, type WaiterId } from '../base/units.js';
import type { PinInfo } from '../lease/types.js';
import type { Registered } from '../process/registration.js';
import { Extent } from '../store/file-store.js';

/** 0 or more (bytes, or 0), `-errno`, or PARKED. */
export type Answer = number;

/**
 * The operation waits for a lease break under `caller.waiter`. The transport keeps a copy of the request and runs it
 * again, with the same `caller.waiter`, when `Host.retry` names it; or answers what `Host.answer` says.
 */
export const PARKED: Answer = 0x7fff_ffff;

/** The caller. One object serves all requests in turn. */
export class Caller {
  uid = 0;
  gid = 0;
  /** The calling thread (F6), 0 when it is outside our pid namespace. */
  tid = 0;
  /** A supervisor has stopped the thread at a call: it does not wait for us, may be gone, or in exec(2). */
  isStopped = false;
  /**
   * The call came as a message: it does not wait for us either, and may be another program by now. `uid` is of the time of
   * sending, and the one thing that is known of its rights.
   */
  isSender = false;
  /** The kernel sends it again: the last daemon may have begun to carry it out. */
  isResent = false;
  /** What it asks for is done even if a rule refuses it: no refusal is recorded. */
  goesOn = false;
  waiter: WaiterId = NO_WAITER;
  /**
   * Of an operation that answered PARKED: whether a signal ends its wait (B5). None ends a search for kernel pins (N10), or the
   * wait for the text of a virtual file: they come soon, and the kernel tells a thread by a signal of its io_uring's end.
   */
  interruptible = true;
  /** The umask of a caller that creates a file, where the transport does not apply it itself. */
  umask = 0;
}

/** An inode's attributes: st_*, times as seconds (may be negative) and nanoseconds. One object serves all requests. */
export class Attr {
  ino = 0 as InodeNumber;
  size = 0;
  /** Units of 512 bytes. */
  blocks = 0;
  atime = 0;
  atimeNsec = 0;
  mtime = 0;
  mtimeNsec = 0;
  ctime = 0;
  ctimeNsec = 0;
  btime = 0;
  btimeNsec = 0;
  /** Type and permission bits. */
  mode = 0;
  nlink = 0;
  uid = 0;
  gid = 0;
  /** dev_t as the kernel's 32-bit new_encode_dev. */
  rdev = 0;
  generation = 0;
  /** The attributes change by requests only, so the kernel may cache them until one does. */
  lasting = false;
}

/** What an open answers. */
export class Opened {
  /** 0: nothing was opened. */
  fh = 0 as FileHandle;
  /** The memfd to serve by passthrough, -1: through the daemon. */
  backing = -1;
  /** The kernel's page cache of the file is still valid. */
  keepCache = true;
  /** Nothing of it may be cached: every read comes to us (virtual files). */
  uncached = false;
  /** It has no offsets. */
  stream = false;
  /** `flush` is wanted at each close(2) of a descriptor. */
  tellsClose = false;
}

/** Which fields a SETATTR sets: bits of `SetAttr.valid`. */
export const SET_MODE = 1;
export const SET_UID = 2;
export const SET_GID = 4;
export const SET_SIZE = 8;
export const SET_ATIME = 16;
export const SET_MTIME = 32;
export const SET_ATIME_NOW = 64;
export const SET_MTIME_NOW = 128;
export const SET_CTIME = 256;
/** Clear setuid and setgid as a write by a non-owner does. */
export const SET_KILL_SUIDGID = 512;

export class SetAttr {
  valid = 0;
  mode = 0;
  uid = 0;
  gid = 0;
  size = 0;
  atime = 0;
  atimeNsec = 0;
  mtime = 0;
  mtimeNsec = 0;
  ctime = 0;
  ctimeNsec = 0;
  /** The description of an ftruncate; 0 for truncate by path. */
  fh = 0 as FileHandle | 0;
}

export class StatFs {
  /** In blocks of BLOCK bytes. */
  blocks = 0;
  blocksFree = 0;
  files = 0;
  filesFree = 0;
}

/** Receives directory entries; false when the buffer is full and the entry was not taken. */
export interface DirSink {
  /** `next` is the cookie that continues after this entry. `attr` only for readdirplus, for entries that count a lookup. */
  add(name: Name, ino: InodeNumber, mode: number, next: number, attr: Attr | undefined): boolean;
}

/** SETLEASE, by any route. `signal` 0: none; `tries` of setLeaseFor: -EINPROGRESS where it would wait. */
export interface SetLeaseRequest {
  /** undefined: there is no such kind, or no such signal; EINVAL, which L9 puts behind EPERM. */
  readonly kind: Kind | undefined;
  readonly nonblock: boolean;
  readonly signal: number;
  readonly cookie: bigint;
  readonly tries?: boolean;
}

export interface GetLeaseAnswer {
  readonly kind: Kind;
  /** ms until a pending break is forced; 0 without one. */
  readonly breakMs: number;
  /** Names the description as a pin's owner (N4). */
  readonly token: bigint;
}

/** The answer to WATCH: the token to send, and the abstract address to connect to. */
export interface Watched {
  /** Names the description, as GETLEASE's does. */
  readonly token: bigint;
  readonly address: string;
}

/** LAYOUT. `seq` undefined: any. */
export interface LayoutRequest {
  readonly off: number;
  readonly len: number;
  /** Only list, do not grant. */
  readonly list: boolean;
  readonly seq: number | undefined;
}

/** Extents of one segment in the order of the file: see leasefs.h. One object serves all requests in turn. */
export class Layout {
  seq = 0;
  /** Where to go on, bytes. */
  next = 0;
  segment = 0;
  /** The segment's descriptor, of this process, and its st_dev and st_ino; -1: nothing to fetch. */
  fd = -1;
  dev = 0;
  ino = 0;
  count = 0;
  readonly extents: readonly Extent[];

  constructor(capacity: number) {
    this.extents = Array.from({ length: capacity }, () => new Extent());
  }
}

export interface PinRequest {
  readonly off: number;
  readonly len: number;
  /** undefined: the process; 0n: this description; else the token of another (N4). */
  readonly owner: bigint | undefined;
}

/** The thread that a supervisor acts for (A3). */
export interface Subject {
  readonly tid: number;
  /** Of the process, clock ticks since boot. */
  readonly start: number;
  /** As the supervisor's pidfd says (src/process/identity.ts). */
  readonly identity: number;
}

export interface PinForRequest extends Subject {
  /** The first pin of a call: what it replaces, in a ring of the same number, is looked at before. */
  readonly first: boolean;
  readonly goesOn: boolean;
  readonly ino: number;
  readonly off: number;
  readonly len: number;
  readonly registered: Omit<Registered, 'pid' | 'start' | 'tid'>;
}

/** What the filesystem asks of the transport. */
export interface Host {
  retry(waiter: WaiterId): void;
  /** @param errno positive. */
  answer(waiter: WaiterId, errno: number): void;
  /** The answer of poll(2) on the description has changed. */
  notifyPoll(fh: FileHandle): void;
  /** The kernel must drop the attributes that were answered as lasting (FUSE_NOTIFY_INVAL_INODE). */
  invalidateAttrs(ino: InodeNumber): void;
  /** The same where the kernel may make the notifier wait; the present request is answered after it. */
  invalidateAttrsAsync(ino: InodeNumber): void;
  /**
   * Delays the answer to the present request, of user `uid`, until the kernel has taken and released the inode's lock once:
   * its changes to the page cache after earlier answers are then complete, and `passed` is called.
   */
  afterInodeLock(ino: InodeNumber, uid: number, passed: () => void): void;
  /**
   * Whether write(2) of a file that is served through the daemon bypasses the kernel's page cache: a refused write then
   * leaves the pages unchanged.
   */
  readonly writesDirectly: boolean;
  /** Whether the cut of an open with O_TRUNC comes as a SETATTR of its own, right after the OPEN and of the same thread. */
  readonly cutsAfterOpen: boolean;
  /** The file's descriptor is closed, with the inode or since its data have moved; no description has the file open. */
  backingGone(ino: InodeNumber): void;
}

/** Work that takes long. */
export interface LongWork {
  /** 0; PARKED while a change of the file goes on. */
  wait(caller: Caller, ino: InodeNumber): Answer;
  /** 0 when `step` has said true, PARKED until then: it is called once each turn of the event loop. */
  inSteps(caller: Caller, step: () => boolean): Answer;
  /** Of an operation that runs again: the same; undefined where it has not begun such work. */
  goOn(caller: Caller): Answer | undefined;
}

export interface Operations {
  readonly slices: LongWork;
  /** Must be called before the first operation. */
  attach(host: Host): void;

  // names. Each entry in an answer counts one lookup, which `forget` releases.
  lookup(caller: Caller, parent: InodeNumber, name: Name, out: Attr): Answer;
  forget(ino: InodeNumber, nlookup: number): void;
  mknod(caller: Caller, parent: InodeNumber, name: Name, mode: number, rdev: number, out: Attr): Answer;
  mkdir(caller: Caller, parent: InodeNumber, name: Name, mode: number, out: Attr): Answer;
  symlink(caller: Caller, parent: InodeNumber, name: Name, target: Uint8Array, out: Attr): Answer;
  link(caller: Caller, ino: InodeNumber, parent: InodeNumber, name: Name, out: Attr): Answer;
  unlink(caller: Caller, parent: InodeNumber, name: Name): Answer;
  rmdir(caller: Caller, parent: InodeNumber, name: Name): Answer;
  /** flags: RENAME_NOREPLACE 1, RENAME_EXCHANGE 2, RENAME_WHITEOUT 4; others EINVAL. */
  rename(caller: Caller, from: InodeNumber, name: Name, to: InodeNumber, toName: Name, flags: number): Answer;
  /** Bytes of the target put into `out` at `at`. */
  readlink(caller: Caller, ino: InodeNumber, out: Uint8Array, at: number): Answer;

  // attributes
  getattr(caller: Caller, ino: InodeNumber, out: Attr): Answer;
  setattr(caller: Caller, ino: InodeNumber, set: SetAttr, out: Attr): Answer;
  statfs(out: StatFs): Answer;

  // open files. `flags` are open(2)'s.
  open(caller: Caller, ino: InodeNumber, flags: number, out: Opened): Answer;
  create(
    caller: Caller,
    parent: InodeNumber,
    name: Name,
    mode: number,
    flags: number,
    attr: Attr,
    out: Opened,
  ): Answer;
  tmpfile(caller: Caller, parent: InodeNumber, mode: number, flags: number, attr: Attr, out: Opened): Answer;
  /**
   * Bytes put into `out` at `at`, or into `gather`, which is empty, as pieces of memory valid until the next operation.
   * @param cached into the kernel's page cache.
   */
  read(
    caller: Caller,
    ino: InodeNumber,
    fh: FileHandle,
    off: number,
    len: number,
    out: ArrayBuffer,
    at: number,
    gather: Gather,
    cached: boolean,
  ): Answer;
  write(
    caller: Caller,
    ino: InodeNumber,
    fh: FileHandle,
    off: number,
    len: number,
    data: ArrayBuffer,
    at: number,
    writeback: boolean,
  ): Answer;
  fallocate(caller: Caller, ino: InodeNumber, fh: FileHandle, mode: number, off: number, len: number): Answer;
  /** SEEK_DATA 3, SEEK_HOLE 4: the offset. Precondition: no change of the file goes on (`slices.wait`). */
  lseek(caller: Caller, ino: InodeNumber, fh: FileHandle, off: number, whence: number): Answer;
  copyFileRange(
    caller: Caller,
    from: InodeNumber,
    fromFh: FileHandle,
    fromOff: number,
    to: InodeNumber,
    toFh: FileHandle,
    toOff: number,
    len: number,
  ): Answer;
  /** close(2) of a descriptor: one of those that share the description. */
  flush(caller: Caller, fh: FileHandle): Answer;
  /** The description that open, create, tmpfile or opendir answered has ended (RELEASE, RELEASEDIR). */
  release(fh: FileHandle): void;
  /**
   * revents: POLLPRI while a break is pending, besides POLLIN | POLLOUT; `notify`: call `Host.notifyPoll` once at a change.
   */
  poll(fh: FileHandle, notify: boolean): Answer;

  // directories
  opendir(caller: Caller, ino: InodeNumber, flags: number, out: Opened): Answer;
  readdir(
    caller: Caller,
    ino: InodeNumber,
    fh: FileHandle,
    offset: number,
    plus: boolean,
    sink: DirSink,
  ): Answer;

  // xattrs. `size` 0 asks for the length.
  setxattr(caller: Caller, ino: InodeNumber, name: Name, value: Uint8Array, flags: number): Answer;
  getxattr(caller: Caller, ino: InodeNumber, name: Name, out: Uint8Array, at: number, size: number): Answer;
  listxattr(caller: Caller, ino: InodeNumber, out: Uint8Array, at: number, size: number): Answer;
  removexattr(caller: Caller, ino: InodeNumber, name: Name): Answer;

  // leases and pins
  setLease(caller: Caller, ino: InodeNumber, fh: FileHandle, request: SetLeaseRequest): Answer;
  getLease(ino: InodeNumber, fh: FileHandle): GetLeaseAnswer;
  /** How to connect a break descriptor (B1); `-errno`: EINVAL, ENETUNREACH, EMFILE, EOPNOTSUPP. */
  watch(caller: Caller, ino: InodeNumber, fh: FileHandle): Watched | number;
  /** The pin's id, or `-errno`. */
  pin(caller: Caller, ino: InodeNumber, fh: FileHandle, request: PinRequest): Answer;
  /** `id` undefined: every pin of the file that the caller owns; the number removed. */
  unpin(caller: Caller, ino: InodeNumber, fh: FileHandle, id: number | undefined): Answer;
  /** Those of the file with ids above `after`, in their order, up to `max`. */
  pins(caller: Caller, ino: InodeNumber, fh: FileHandle, after: number, max: number): PinPage;
  /** 0 or `-errno` (EINVAL, EPERM, EBADF, EAGAIN, EBUSY, ENOSPC, EMFILE, ENOLCK). */
  layout(caller: Caller, ino: InodeNumber, fh: FileHandle, request: LayoutRequest, out: Layout): Answer;
  /**
   * Before `pins` and `report`: 0, or PARKED while the daemon finds out which pins and processes have ended. @param due only
   * if many pins may have ended unnoticed: before `pinFor`.
   */
  settle(caller: Caller, due: boolean): Answer;
  /** The parts of the report in JSON. Of one file unless `ino` is a directory. */
  report(caller: Caller, ino: InodeNumber, what: ReportKind): Source;

  // the supervisor of `leasefs run`
  /** The descriptor of this process that a supervisor must show, or -EPERM. */
  askSecret(caller: Caller): Answer;
  /** 0, the caller being a supervisor until `fh` is closed; or -EPERM. */
  supervise(caller: Caller, fh: FileHandle, token: Uint8Array): Answer;
  /** setLease for another process: -EPERM, -ESRCH too. */
  setLeaseFor(caller: Caller, fh: FileHandle, subject: Subject, request: SetLeaseRequest): Answer;
  /** Answers EINTR to a waiting setLeaseFor of the thread; `isGranted`: releases what its last one took; 0, or -EPERM. */
  cancelLeaseFor(caller: Caller, tid: number, isGranted: boolean): Answer;
  /** The pin's id; -EPERM, -ESRCH, -ENOENT too. */
  pinFor(caller: Caller, request: PinForRequest): Answer;
  /** The thread is stopped at a call that ends the registration of its pin: 0; -EPERM, -ESRCH, -ENOENT. */
  endPinFor(caller: Caller, subject: Subject, id: number): Answer;

  /** A signal interrupted a parked operation: it is dropped (B5), and the transport answers EINTR. */
  interrupt(waiter: WaiterId): void;
  /** The mount is gone: frees everything. */
  destroy(): void;
}

export interface PinPage {
  /** Pins on the file. */
  readonly total: number;
  readonly listings: readonly PinListing[];
}

export interface PinListing extends PinInfo {
  readonly pid: number;
  /** Made by the caller's process. */
  readonly mine: boolean;
}
