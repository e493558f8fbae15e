// The addon's face: what native/ exports, and nothing else. Kernel calls only, no policy.
//
// Conventions. Functions that answer `Result` return 0 or more, or `-errno`; nothing throws except for a wrong argument:
// TypeError for its type, RangeError for a number that is not whole or does not fit. Constructors and functions that make a
// descriptor throw an Error with `code` (errno name), `errno` (positive) and `syscall`. Descriptors made here are owned by
// a `Descriptor`; calls take its number (`fd`) so that those that Node opened work too. Offsets and lengths are bytes,
// exact to 2^53-1.
import { loadAddon } from './built.js';

/** 0 or more, or `-errno`. */
export type Result = number;

/** Owns one descriptor; closes it on `close()` or when collected. */
export interface Descriptor {
  /** The number, -1 once closed. */
  readonly fd: number;
  /** Idempotent. */
  close(): void;
  /** Gives the number up to the caller, who must close it. */
  release(): number;
}

/**
 * Calls `callback(events)` in the event loop while poll(2) events are pending (level-triggered, POLLERR and POLLHUP
 * too: close it, or they come again and again). One descriptor number has one Poller at a time.
 */
export interface Poller {
  /** Stops and frees it, before the descriptor is closed; that stays open. Idempotent. */
  close(): void;
  /** Whether it keeps the event loop alive (it does at first). */
  unref(): void;
}

/**
 * The /dev/fuse connection, to be started after mount(2). One request at a time is in `request`; `onRequest(length)`
 * returns the length of a reply it has put into `reply` (written at once), or 0 when there is none yet (parked, or needs
 * none). After waking, reads until EAGAIN or `maxBatch` requests, one where the last few came alone, then yields to the
 * loop.
 */
export interface Channel {
  /** The kernel's record, valid until the callback returns. */
  readonly request: ArrayBuffer;
  readonly reply: ArrayBuffer;
  /** -1 once closed. */
  readonly fd: number;
  /** Replies from `onRequest` that the kernel did not take (not counted: aborted requests, which need none). */
  readonly lost: number;
  /** Whether the channel may answer several requests in one turn of the event loop; known at the first request. */
  readonly skipsTurns: boolean;
  /**
   * `onEnd` is called once, with the errno of read(2): ENODEV after an unmount. Nothing is read after it. An exception in
   * `onRequest` is uncaught, and its request stays unanswered. Throws the errors of `poll`. `waited`: us since the last
   * answer; -1 where `spin` was never called.
   */
  start(onRequest: (length: number, waited: number) => number, onEnd: (errno: number) => void): void;
  /**
   * From now on looks for the next request for up to `us`, 0 to 1000, since the last answer before it sleeps. Timers and
   * other descriptors of the loop are not delayed for longer. Nothing is spun where `skipsTurns` is false.
   */
  spin(us: number): void;
  /**
   * Writes `length` bytes of `reply` as one record: a late answer or a notification. 0 when the kernel has aborted the
   * request (ENOENT); EFAULT when `length` is beyond `reply`.
   */
  send(length: number): Result;
  /**
   * Writes `headLength` bytes of `reply` and then `count` pieces of memory, up to 512, as one record, copying nothing:
   * piece i is `places[2i + 1]` bytes of `memories[i]` from byte `places[2i]` on. As `send`; EFAULT for a piece beyond
   * its memory.
   */
  sendv(headLength: number, memories: readonly ArrayBuffer[], places: Float64Array, count: number): Result;
  /** FUSE_DEV_IOC_BACKING_OPEN: the backing id of `fd`. */
  backingOpen(fd: number): Result;
  backingClose(id: number): Result;
  close(): void;
}

/**
 * A ring of io_uring by raw system calls: one registered buffer over a mapping, fixed reads; for `doctor`, `demo`, `io` and
 * the tests.
 */
export interface Uring {
  readonly fd: number;
  /**
   * IORING_REGISTER_BUFFERS of one buffer [offset, offset + length) of a mapping: a real pin of its pages. EBUSY when
   * one is registered, EINVAL when `memory` is no mapping of ours, EFAULT beyond it and for pages that cannot be pinned.
   */
  register(memory: ArrayBuffer, offset: number, length: number): Result;
  unregister(): Result;
  /** IORING_OP_READ_FIXED from `fd` at `fileOffset` into the registered buffer at `bufferOffset`; waits; bytes read. */
  readFixed(fd: number, fileOffset: number, bufferOffset: number, length: number): Result;
  /** What `adoptUring` needs in a process that inherits `fd`. */
  shape(): ArrayBuffer;
  /** Ends the pin too, soon after. Idempotent. */
  close(): void;
}

/** Indices into the Float64Array that `fstat` fills. */
export const STAT = {
  ino: 0,
  size: 1,
  blocks: 2,
  mode: 3,
  nlink: 4,
  dev: 5,
  atimeSec: 6,
  atimeNsec: 7,
  mtimeSec: 8,
  mtimeNsec: 9,
  ctimeSec: 10,
  ctimeNsec: 11,
  length: 12,
} as const;

interface Binding {
  // memory files and descriptors
  /** memfd_create with MFD_CLOEXEC | MFD_ALLOW_SEALING (and MFD_NOEXEC_SEAL where known). */
  memfdCreate(name: string): Descriptor;
  /** open(2) of a path with O_CLOEXEC added; throws. */
  open(path: string, flags: number, mode?: number): Descriptor;
  close(fd: number): Result;
  fstat(fd: number, out: Float64Array): Result;
  /** Number and device of its file alone, into `out` by STAT; asks no server (AT_STATX_DONT_SYNC). */
  fileId(fd: number, out: Float64Array): Result;
  /** fstat(2) into `scratch`, which saves looking up and checking an array in each call. */
  fstatScratch(fd: number): Result;
  /** The same of a tmpfs file by its number, which needs no descriptor. */
  fileStatScratch(root: number, number: number): Result;
  /** The results of `fstatScratch`, `fileStatScratch` (by STAT) and `clock`: one array for all calls. */
  readonly scratch: Float64Array;
  ftruncate(fd: number, size: number): Result;
  /** The same in a thread, on a descriptor of its own. -EMFILE. */
  ftruncateAside(fd: number, size: number): Promise<Result>;
  /** In a thread: a punch of an immutable file, whose flag is cleared for the time of the call. -EMFILE. */
  punchAside(fd: number, off: number, len: number): Promise<Result>;
  /** In a thread: closes a descriptor whose file has no name any more, which frees its memory. Takes the number over. */
  closeAside(fd: number): Promise<Result>;
  fallocate(fd: number, mode: number, off: number, len: number): Result;
  /** The same of an immutable memfd: the flag is cleared for the instant of the call. */
  fallocateGuarded(fd: number, mode: number, off: number, len: number): Result;
  /** lseek(2); the new offset. */
  lseek(fd: number, off: number, whence: number): Result;
  /** EFAULT when [at, at + length) is not inside `buffer`, as for pwrite. */
  pread(fd: number, buffer: ArrayBuffer, at: number, length: number, off: number): Result;
  pwrite(fd: number, buffer: ArrayBuffer, at: number, length: number, off: number): Result;
  /**
   * Allocates the holes of [off, off + len) by MADV_POPULATE_WRITE on a mapping of its own, which the time of access
   * does not show. EFAULT where a store would get SIGBUS: no memory for the file, or the range ends beyond the block of
   * the last byte.
   */
  populate(fd: number, off: number, len: number): Result;
  /**
   * cachestat(2): the pages of [off, off + len), len > 0, that are in memory; O(len), not O(file). -ENOSYS before Linux
   * 6.5.
   */
  presentPages(fd: number, off: number, len: number): Result;
  /** posix_fadvise(2). */
  fadvise(fd: number, off: number, len: number, advice: number): Result;
  /**
   * sync_file_range(2): writes back the page cache of the range and waits. Unlike fsync it does not take the inode's lock
   * (F19).
   */
  syncFileRange(fd: number, off: number, len: number): Result;
  /** Sets or clears FS_IMMUTABLE_FL (F14). */
  setImmutable(fd: number, on: boolean): Result;
  /** fcntl(2), the commands that take a number or nothing; EINVAL for those that take an address. */
  fcntl(fd: number, command: number, argument: number): Result;
  /** F_GETFL. */
  flagsOf(fd: number): Result;

  // a tmpfs of one's own (tmpfs(5)) and its files, by number
  /**
   * Makes an instance that is mounted nowhere; throws. `options`: by turns a name and a value, '' for none. `source` shows
   * nowhere but in error messages of the kernel. EPERM without CAP_SYS_ADMIN, EINVAL for an option that the kernel does not know.
   */
  tmpfsMake(source: string, ...options: string[]): Descriptor;
  /** Changes options of the instance, `size` for one; -EINVAL below what is in use. */
  tmpfsConfigure(root: number, ...options: string[]): Result;
  /** Bytes of the instance in all, and free, into `out`, of two. */
  tmpfsSpace(root: number, out: Float64Array): Result;
  /** Makes an empty immutable file; its descriptor, which the caller closes. Its access time is 0 until a read or an mmap(2). */
  fileCreate(root: number, number: number): Result;
  /** Opens it for reading and writing; the immutable flag is lifted for an instant, so no process may have it mapped. */
  fileOpen(root: number, number: number): Result;
  /** Removes it; its memory lives on while it is open or mapped. `fd`: a descriptor of it, or -1. */
  fileRemove(root: number, number: number, fd: number): Result;

  // mappings
  /**
   * mmap MAP_SHARED of page-aligned `off`; throws, ERR_BUFFER_TOO_LARGE for over 4 GiB on Node.js 20. Unmapped by `unmap` or
   * when collected. `prot`: 1 read, 2 write.
   */
  map(fd: number, off: number, length: number, prot: number): ArrayBuffer;
  /**
   * Maps `count` pieces, each of three numbers (a descriptor, a page-aligned offset, a length), MAP_SHARED and side by
   * side into one range; throws, with nothing mapped. EINVAL when another piece than the last is not whole pages.
   */
  mapPieces(pieces: Float64Array, count: number, prot: number): ArrayBuffer;
  /** Private anonymous memory, zeros that are committed as they are touched (MAP_NORESERVE); throws. */
  mapAnonymous(length: number): ArrayBuffer;
  /**
   * Detaches the ArrayBuffer (length becomes 0), then unmaps: no use after free. EINVAL if it is not a mapping of ours;
   * ENOMEM: the kernel has no room to split a map, the memory stays mapped and out of reach.
   */
  unmap(memory: ArrayBuffer): Result;
  /** EINVAL if it is not a mapping of ours, EFAULT beyond it. */
  madvise(memory: ArrayBuffer, offset: number, length: number, advice: number): Result;

  // the mount
  openFuse(device: string, bufferSize: number, maxBatch: number): Channel;
  /** A Channel over a descriptor received from fusermount3; takes the number over unless it throws. */
  adoptFuse(fd: number, bufferSize: number, maxBatch: number): Channel;
  mount(source: string, target: string, type: string, flags: number, data: string): Result;
  /** umount2(2). flags: MNT_DETACH 2, UMOUNT_NOFOLLOW 8. */
  umount(target: string, flags: number): Result;
  /**
   * The same of the mount `id` (mountinfo) alone: ESTALE where another is mounted on `target` (absolute). Follows no
   * symbolic link, and no directory above `target` that is renamed or replaced during the call. On another thread: the
   * daemon of the mount may be this process.
   */
  umountMount(target: string, id: number, flags: number): Promise<Result>;
  /** 0 where the mount `id` is the one that `target` leads to, else -ESTALE or why it cannot be looked at. */
  isMountedAt(target: string, id: number): Promise<Result>;

  /** dlopen(3) of a shared library for good, its symbols for all; throws what dlerror says. */
  loadLibrary(path: string): void;

  /**
   * execve(2): this process becomes another program, which has the standard descriptors and `also`, and signals as
   * Node.js gives them to a child. Comes back with -errno alone. `env`: NAME=VALUE each.
   */
  execute(path: string, args: readonly string[], env: readonly string[], also: readonly number[]): Result;
  /** SIG_IGN for good, also for signals that Node has no name for; -EINVAL for those that cannot be ignored. */
  ignoreSignal(signal: number): Result;

  /**
   * From now on signals that are sent to this process go to that of the pidfd, for good; not those that its whole process
   * group gets, as the process behind the socket `witness` sees (native/launch/launch.c).
   */
  forwardSignals(pidfd: number, witness: number): Result;
  /** waitpid(2) of a child that Node.js did not start: its wait status; -EAGAIN while it runs, -ECHILD. */
  waitChild(pid: number): Result;

  // processes
  pidfdOpen(pid: number): Descriptor;
  /** A pidfd of one thread (PIDFD_THREAD, Linux 6.9); throws, EINVAL on an older kernel. */
  pidfdOpenThread(tid: number): Descriptor;
  /** pidfd_getfd(2): the process's descriptor `fd`, the same description; throws. Needs what ptrace(2) would. */
  pidfdGetfd(pidfd: number, fd: number): Descriptor;
  /** pidfd_send_signal; `value` is si_value (SI_QUEUE) when given as bigint, a plain kill otherwise. Signal 0 only asks. */
  pidfdSignal(pidfd: number, signal: number, value?: bigint): Result;
  /** tgkill(2) with signal 0: 0 if the thread belongs to the process (of any user), else -ESRCH. */
  threadOf(pid: number, tid: number): Result;
  /** RLIMIT_MEMLOCK (soft) of a process of any user, in bytes; Infinity when unlimited; -ESRCH. */
  memlockOf(pid: number): Result;
  /**
   * capget(2): 1 when CAP_* `capability` is effective in the thread and its process in our user namespace; 0; -ESRCH,
   * -EINVAL. `link`: /proc/PID/ns/user of the process, opened with O_PATH | O_NOFOLLOW; -1: of any
   * namespace.
   */
  hasCapability(tid: number, capability: number, link: number): Result;
  /**
   * process_vm_readv(2): bytes [address, address + into.byteLength) of the process's memory; how many there were before
   * the first that is not mapped, -EFAULT for none. Needs what ptrace(2) would.
   */
  readMemory(pid: number, address: number, into: ArrayBuffer): Result;

  // descriptors between processes
  socketpair(): [Descriptor, Descriptor];
  /** One datagram to a socket of AF_UNIX by its path, abstract when that begins with '@', with a descriptor; does not wait. */
  sendDatagram(path: string, text: string, fd?: number): Result;
  /** SO_DOMAIN: AF_*; -ENOTSOCK. */
  socketDomain(fd: number): Result;
  /** Waits for a message; throws EPROTO when it carries no descriptor. */
  receiveFd(socket: number): Descriptor;
  /** One message: the first `length` bytes, and the descriptor `fd` unless it is -1. As sendMessage. */
  sendRecord(socket: number, data: ArrayBuffer, length: number, fd: number): Result;
  /**
   * Waits for a message, puts it into `data` and its length into `length[0]` (0: the peer is gone), and returns the
   * descriptor that it brought. Throws EMSGSIZE when it was longer.
   */
  receiveRecord(socket: number, data: ArrayBuffer, length: Float64Array): Descriptor | undefined;

  // bytes between processes, on abstract addresses (unix(7)): SOCK_SEQPACKET ("messages") and SOCK_STREAM
  /**
   * Listens at an address of the kernel's choice; non-blocking, as are the sockets it accepts. Messages carry their
   * sender's credentials.
   */
  listenMessages(): Descriptor;
  /**
   * The same for streams. @param network a descriptor of the network namespace to listen in, -1: our own. Throws EPERM
   * without CAP_SYS_ADMIN in that one.
   */
  listenStreams(network: number): Descriptor;
  /** The socket's abstract address, without its leading NUL. */
  abstractName(socket: number): string;
  /** Throws EAGAIN when no connection waits. `peer[0]`: the uid that connected. */
  accept(socket: number, peer: Float64Array): Descriptor;
  /** Throws ECONNREFUSED when no socket listens. receiveMessage on the new descriptor blocks. */
  connectMessages(name: string): Descriptor;
  connectStream(name: string): Descriptor;
  /** One message: the first `length` bytes. EFAULT beyond `data`; EAGAIN; EPIPE when the peer is gone. */
  sendMessage(socket: number, data: ArrayBuffer, length: number): Result;
  /**
   * The length of one message, put into `data`; 0: the peer is gone; EMSGSIZE when it was longer. `sender`, of three: its
   * process (0: outside our pid namespace), its real uid and gid at that time. Descriptors that come along are dropped.
   */
  receiveMessage(socket: number, data: ArrayBuffer, sender?: Float64Array): Result;
  /** fgetxattr(2): the length of the value, put into `value`. */
  getxattr(fd: number, name: string, value: ArrayBuffer): Result;

  // the rest
  poll(fd: number, events: number, callback: (events: number) => void): Poller;
  /** poll(2) of one descriptor; waits up to `ms` (-1: for ever); revents. */
  pollWait(fd: number, events: number, ms: number): Result;
  /**
   * ioctl(2) with a struct in `data` (in and out), EINVAL when that is shorter than `request` says. A request that says
   * no size (the oldest) gets no argument. Blocks.
   */
  ioctl(fd: number, request: number, data: ArrayBuffer): Result;
  /**
   * The same on a thread of its own, with a copy of `data` that is copied back at the end: for calls that may wait for
   * a lease break. `fd` must stay open until then. Neither libuv's thread pool nor process.exit() waits with it.
   */
  ioctlAsync(fd: number, request: number, data: ArrayBuffer): Promise<Result>;
  /** Coarse CLOCK_REALTIME, the clock of the kernel's own file times, into `scratch`: [0] seconds, [1] nanoseconds. */
  clock(): void;
  /** Bytes of the kernel's pages; `loadAddon` has refused others than 4096. */
  readonly pageSize: number;
  /** Sets RLIMIT_NOFILE's soft limit to the hard one; the new limit. */
  raiseFileLimit(): Result;
  uring(entries: number): Uring;
  /** io_uring_register(2) of an opcode without arguments, or with one struct in 256 bytes, which no struct exceeds. */
  uringRegister(fd: number, opcode: number, data?: ArrayBuffer): Result;
  /**
   * The memory regions of an RDMA device's open file description (/dev/infiniband/uverbsN): the address that the device
   * knows each by and its length in bytes, one after the other; -errno. -EOVERFLOW: more than 8191.
   */
  uverbsRegions(fd: number): readonly number[] | Result;
  /**
   * The ring of the process that made it, by its inherited descriptor and its `shape()`, trusted; takes the number over unless it
   * throws.
   */
  adoptUring(fd: number, shape: ArrayBuffer): Uring;
  /** kcmp(2) KCMP_FILE: 0 when both descriptors are one open file description, 1 or 2 when not. */
  sameDescription(pid1: number, fd1: number, pid2: number, fd2: number): Result;

  /** fcntl F_DUPFD_CLOEXEC. */
  dup(fd: number): Descriptor;

  // for the tests alone: nothing in src calls these
  copyFileRange(from: number, fromOff: number, to: number, toOff: number, length: number): Result;
  gettid(): number;
  /** One descriptor in a message of one byte, for `receiveFd`. */
  sendFd(socket: number, fd: number): Result;
  /** msync(2) with MS_SYNC; errors as `madvise`. */
  msync(memory: ArrayBuffer, offset: number, length: number): Result;
}

export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const POSIX_FADV_DONTNEED = 4;

export const native: Binding = loadAddon() as Binding;
