// Identifies the process of a request. A request carries a thread id (F6); the owner of a lease is a process. A process is
// identified once, by a pidfd opened while its request is unanswered (so that the process cannot end before, K27), and gets
// a ProcessId that is never used again: a recycled pid is never mistaken for it (A3).
import { LRUCache } from 'lru-cache';
import { guarded, type Log } from '../base/guarded.js';
import { POLLIN } from '../base/linux.js';
import { ownUid } from '../base/owner.js';
import { Quota } from '../base/quota.js';
import { type ProcessId, UNIDENTIFIED } from '../base/units.js';
import { type Descriptor, native, type Poller } from '../native/binding.js';
import { identityOf, uidsBehind } from './identity.js';
import {
  commandOf,
  openFileLimit,
  startTimeOf,
  threadGroupOf,
  type Uids,
  uidsOf,
  userNamespaceOf,
} from './proc.js';
import { isInExec } from './proc-text.js';

/**
 * Beyond this number, processes that no lease, pin or waiter refers to are evicted: each costs a descriptor, two once it
 * has pinned.
 */
const IDLE_PROCESSES = 128;
/** Each costs a descriptor, but for the first of its process. */
const RECENT_THREADS = 64;

/** Descriptors that are left to root's processes and to searches, however many processes hold leases. */
const RESERVE = 96;
/** Of a process: its pidfd, and its namespace once it has pinned. */
const OF_PROCESS = 2;

/** Descriptors for the processes of all users but root. @param limit RLIMIT_NOFILE */
export const descriptorsOfProcesses = (limit: number): number => Math.floor(limit / 4);

interface Process {
  readonly id: ProcessId;
  readonly pid: number;
  /** 0 while it is not known. */
  start: number;
  readonly command: string;
  readonly uid: number;
  readonly pidfd: Descriptor;
  /** The number of `pidfd`. */
  readonly fd: number;
  readonly death: Poller;
  /** /proc/PID/ns/user itself, opened when it is first needed; undefined also where it cannot be opened. */
  namespace: Descriptor | undefined;
  alive: boolean;
}

/** A thread that was seen; while its pidfd answers, its number is no other thread's, and it is of that process. */
interface Thread {
  readonly process: Process;
  /** Undefined for the first thread, whose pidfd is the process's, and where the kernel has none for threads. */
  readonly pidfd: Descriptor | undefined;
  /** The number of its pidfd, -1 without one. */
  readonly fd: number;
}

/** What a listing says of a process, also when it is dead. */
export interface ProcessInfo {
  /** 0 when it could not be identified. */
  readonly pid: number;
  /** Clock ticks since boot, as in /proc/PID/stat; 0 while it is not known. */
  readonly start: number;
  readonly command: string;
  /** Its real uid when it was first seen; -1 when unknown. */
  readonly uid: number;
  readonly alive: boolean;
}

/** What the next daemon must know of a process, to name it by the same id. */
export interface SavedProcess {
  readonly id: ProcessId;
  readonly pid: number;
  readonly start: number;
  /** See identityOf; 0: the kernel has none. */
  readonly identity: number;
  readonly uid: number;
  readonly command: string;
  readonly alive: boolean;
}

const NO_PROCESS: ProcessInfo = { pid: 0, start: 0, command: '', uid: -1, alive: false };

export class Processes {
  private readonly byId = new Map<ProcessId, Process>();
  private readonly byPid = new Map<number, Process>();
  /** Of the last daemon: they had ended before this one began. */
  private readonly past = new Map<ProcessId, ProcessInfo>();
  /** The process of threads seen lately; always verified, so that what is out of date does no harm. */
  private readonly byThread = new LRUCache<number, Thread>({
    max: RECENT_THREADS,
    dispose: ({ pidfd }) => pidfd?.close(),
  });
  /** Descriptors. */
  private readonly shares: Quota;
  /** Of the next process. */
  next = 1;
  /** Called when an id will name nothing any more. */
  forgotten: (process: ProcessId) => void = () => {};
  private readonly died: (process: ProcessId) => void;
  private readonly keeps: (process: ProcessId) => boolean;
  private readonly log: Log;

  /**
   * @param died is called once for each identified process that ended, as soon as the event loop is notified.
   * @param keeps whether a lease, pin or waiter refers to the process. Others may be evicted and get a new id later.
   * @param descriptors for the processes of other users than root and `own`, the user of the mount.
   */
  constructor(
    died: (process: ProcessId) => void,
    keeps: (process: ProcessId) => boolean,
    log: Log = () => {},
    descriptors = descriptorsOfProcesses(openFileLimit()),
    own = ownUid,
  ) {
    this.died = died;
    this.keeps = keeps;
    this.log = log;
    this.shares = new Quota(descriptors, own);
  }

  /**
   * The process of thread `tid`, or UNIDENTIFIED for 0 and for threads that /proc does not show.
   * @param isCaller the thread waits for our answer, so its process is not in exec(2). Of another one the start time is
   * not read here: /proc/PID/stat waits for exec(2), and that may wait for us, to close a file.
   */
  identify(tid: number, isCaller = true): ProcessId {
    if (tid === 0) return UNIDENTIFIED;
    const seen = this.byThread.get(tid);
    if (seen !== undefined && isStill(seen, tid)) return withStart(seen.process, isCaller).id;
    const pid = threadGroupOf(tid);
    if (pid === 0) return UNIDENTIFIED;
    let process = this.byPid.get(pid);
    if (process === undefined || !isOf(process, tid)) process = this.watch(pid);
    if (process === undefined) return UNIDENTIFIED;
    this.byThread.set(tid, threadOf(process, tid));
    return withStart(process, isCaller).id;
  }

  /** What a supervisor says of a process that calls only through it. */
  learnStart(id: ProcessId, start: number): void {
    const process = this.byId.get(id);
    if (process?.start === 0) process.start = start;
  }

  /** What `identityOf` says of the thread, which must have been identified just now; 0 where the kernel has none. */
  identity(tid: number): number {
    const thread = this.byThread.get(tid);
    return thread === undefined || thread.fd < 0 ? 0 : identityOf(thread.fd);
  }

  /** The uids of the thread, which must have been identified just now; undefined when it is gone. */
  uids(tid: number): Uids | undefined {
    const fd = this.byThread.get(tid)?.fd ?? -1;
    return (fd < 0 ? undefined : uidsBehind(fd)) ?? uidsOf(tid);
  }

  info(id: ProcessId): ProcessInfo {
    return this.byId.get(id) ?? this.past.get(id) ?? NO_PROCESS;
  }

  /** Records the process's end now, if it has ended and the event loop has not reported it yet. */
  hear(id: ProcessId): void {
    const process = this.byId.get(id);
    if (process?.alive && native.pollWait(process.fd, POLLIN, 0) > 0) this.ended(process);
  }

  hearAll(): void {
    for (const id of [...this.byId.keys()]) this.hear(id);
  }

  /** RLIMIT_MEMLOCK of the process in bytes; 0 when it cannot be read. */
  memlock(id: ProcessId): number {
    const process = this.byId.get(id);
    return process === undefined ? 0 : Math.max(0, native.memlockOf(process.pid));
  }

  /**
   * Whether the thread `tid` of the process has the capability in our own user namespace; those of another one do not
   * count (Words). A process can change its namespace at any time, its threads cannot differ in it (unshare(2)).
   * @param isCaller as for `identify`. Of another one the namespace is not looked at, which waits for exec(2) too: only a
   * thread of our root counts.
   */
  isCapable(id: ProcessId, tid: number, capability: number, isCaller = true): boolean {
    const process = this.byId.get(id);
    if (process === undefined || !process.alive) return false;
    if (!isCaller) return this.uids(tid)?.fs === 0 && native.hasCapability(tid, capability, -1) === 1;
    process.namespace ??= userNamespaceOf(process.pid);
    if (process.namespace === undefined) return false;
    return native.hasCapability(tid, capability, process.namespace.fd) === 1;
  }

  /** Sends `signal` with `cookie` as its value, if a process of `uid` may kill(2) this one (B1). */
  signal(id: ProcessId, signal: number, cookie: bigint, uid: number): boolean {
    const process = this.byId.get(id);
    if (process === undefined || !process.alive) return false;
    const target = uidsBehind(process.fd) ?? uidsOf(process.pid);
    if (target === undefined || (uid !== 0 && uid !== target.real && uid !== target.saved)) return false;
    return native.pidfdSignal(process.fd, signal, cookie) >= 0;
  }

  /** Drops a dead process that no lease, pin or waiter refers to. */
  forget(id: ProcessId): void {
    const process = this.byId.get(id) ?? this.past.get(id);
    if (process !== undefined && !process.alive && !this.keeps(id)) this.drop(id);
  }

  /** For the next daemon; undefined: nothing is known of it. */
  saved(id: ProcessId): SavedProcess | undefined {
    const process = this.byId.get(id);
    if (process === undefined) {
      const past = this.past.get(id);
      return past && { id, identity: 0, ...past };
    }
    const { pid, start, uid, command, alive } = process;
    return { id, pid, start, identity: alive ? identityOf(process.fd) : 0, uid, command, alive };
  }

  /** Ids that name a process. */
  ids(): ProcessId[] {
    return [...this.byId.keys(), ...this.past.keys()];
  }

  /**
   * Takes over a process of the last daemon, under its id. False: it has ended since, and its death is to be reported. Waits for
   * nothing: the process may be in exec(2), which may wait for us.
   */
  takeOver(saved: SavedProcess): boolean {
    const { id, pid, start, uid, command } = saved;
    this.next = Math.max(this.next, id + 1);
    const pidfd = saved.alive ? openSame(saved) : undefined;
    if (pidfd === undefined) {
      this.past.set(id, { pid, start, uid, command, alive: false });
      return !saved.alive;
    }
    if (!this.shares.isExempt(uid)) this.shares.charge(uid, OF_PROCESS);
    this.add(id, pid, start, command, uid, pidfd);
    return true;
  }

  close(): void {
    for (const process of this.byPid.values()) this.unwatch(process);
    this.byThread.clear();
    this.byId.clear();
    this.past.clear();
  }

  private watch(pid: number): Process | undefined {
    if (this.byPid.size >= IDLE_PROCESSES) this.forgetIdle();
    const uid = uidsOf(pid)?.real ?? -1;
    const pidfd = this.take(pid, uid) ?? this.takeAgain(pid, uid);
    if (pidfd === undefined) return undefined;
    return this.add(this.next++ as ProcessId, pid, 0, commandOf(pid), uid, pidfd);
  }

  private add(
    id: ProcessId,
    pid: number,
    start: number,
    command: string,
    uid: number,
    pidfd: Descriptor,
  ): Process {
    const { fd } = pidfd;
    const death = native.poll(
      fd,
      POLLIN,
      guarded(this.log, 'process end', () => this.ended(process)),
    );
    death.unref();
    const process: Process = {
      id,
      pid,
      start,
      command,
      uid,
      pidfd,
      fd,
      death,
      namespace: undefined,
      alive: true,
    };
    this.byId.set(id, process);
    this.byPid.set(pid, process);
    return process;
  }

  /** A pidfd; undefined where there is none left for the user: others need some, too. */
  private take(pid: number, uid: number, isLast = false): Descriptor | undefined {
    let pidfd: Descriptor;
    try {
      pidfd = native.pidfdOpen(pid);
    } catch {
      return undefined;
    }
    // The kernel hands out the lowest number that is free: about so many are in use.
    const isLeft = uid === 0 || pidfd.fd < openFileLimit() - RESERVE;
    // Those of root and of the user of the mount are not counted: they take what they need.
    if (isLeft && (this.shares.isExempt(uid) || this.shares.take(uid, OF_PROCESS))) return pidfd;
    pidfd.close();
    if (isLast)
      this.log(
        `EPERM to user ${uid}: no descriptor is left for process ${pid}: other processes of users hold leases; end some or raise RLIMIT_NOFILE`,
        uid,
      );
    return undefined;
  }

  private takeAgain(pid: number, uid: number): Descriptor | undefined {
    this.forgetIdle();
    this.byThread.clear();
    return this.take(pid, uid, true);
  }

  private ended(process: Process): void {
    if (!process.alive) return;
    this.unwatch(process);
    if (!this.keeps(process.id)) {
      this.drop(process.id);
      return;
    }
    this.died(process.id);
    this.forget(process.id);
  }

  private drop(id: ProcessId): void {
    this.byId.delete(id);
    this.past.delete(id);
    this.forgotten(id);
  }

  private unwatch(process: Process): void {
    process.alive = false;
    if (!this.shares.isExempt(process.uid)) this.shares.give(process.uid, OF_PROCESS);
    process.death.close();
    process.pidfd.close();
    process.namespace?.close();
    if (this.byPid.get(process.pid) === process) this.byPid.delete(process.pid);
  }

  private forgetIdle(): void {
    for (const process of this.byPid.values()) {
      if (this.keeps(process.id)) continue;
      this.unwatch(process);
      this.drop(process.id);
    }
  }
}

function withStart(process: Process, isCaller: boolean): Process {
  if (isCaller && process.start === 0) process.start = startTimeOf(process.pid);
  return process;
}

/** A pidfd of the process, if it lives: its pid may be another's by now (A3). */
function openSame({ pid, start, identity }: SavedProcess): Descriptor | undefined {
  let pidfd: Descriptor;
  try {
    pidfd = native.pidfdOpen(pid);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Nothing is known of the process then, and a living one must not lose its pins.
    if (code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM') throw error;
    return undefined;
  }
  const now = identity === 0 ? 0 : identityOf(pidfd.fd);
  // The start time of a process in exec(2) waits. One that takes so long is taken for the same.
  const hasStart = () => start === 0 || isInExec(pid) || startTimeOf(pid) === start;
  const isSame = now === 0 ? hasStart() : now === identity;
  // What was read is of this process if that has not ended since.
  if (isSame && lives(pidfd.fd)) return pidfd;
  pidfd.close();
  return undefined;
}

/** A pidfd is readable once its process or thread has ended; until then no other has its number. */
const lives = (pidfd: number): boolean => native.pollWait(pidfd, POLLIN, 0) === 0;

/** Both calls are needed: the pid may be a new process's, the thread may be another's now. */
const isOf = (process: Process, tid: number): boolean =>
  process.alive && lives(process.fd) && native.threadOf(process.pid, tid) === 0;

const isStill = ({ process, fd }: Thread, tid: number): boolean =>
  fd < 0 ? isOf(process, tid) : process.alive && lives(fd);

function threadOf(process: Process, tid: number): Thread {
  if (tid === process.pid) return { process, pidfd: undefined, fd: process.fd };
  try {
    const pidfd = native.pidfdOpenThread(tid);
    return { process, pidfd, fd: pidfd.fd };
  } catch {
    return { process, pidfd: undefined, fd: -1 };
  }
}
