// The proposal's F_SETLEASE, F_GETLEASE and F_SETSIG become our ioctls on the caller's own description.
import { LEASEFS_F_LAYOUT, LEASEFS_UNLCK } from '../abi/leasefs.js';
import { errno, errnoName } from '../base/errno.js';
import { F_GETSIG, F_SETSIG, O_NONBLOCK } from '../base/linux.js';
import { comesWithin } from '../base/within.js';
import { type Descriptor, native } from '../native/binding.js';
import { type CallAnswer, CONTINUE, type Stops } from './answer.js';
import type { StoppedCall } from './calls.js';
import type { LeaseWish, MountLink } from './mount-link.js';
import type { RefusalLine } from './report.js';
import { Blind, type Released, type Target, type Targets } from './targets.js';

type LeaseCall = Extract<StoppedCall, { kind: 'setLease' | 'getLease' | 'setSignal' }>;

/** ms between looks at callers that wait for a break. */
const LOOK_MS = 20;
/** Callers in one look: the kernel searches a list for each. */
const LOOK_MAX = 64;
/** As many are looked at before each call. */
const FEW = 8;

/** ms that a call waits at most for the end of calls whose callers are gone. */
const GONE_MS = 500;

const SIGIO = 29;

/** F_SETLEASE under way. */
interface WaitingLease {
  /** Of the stop that is to be answered. */
  id: bigint;
  readonly target: Target;
  readonly file: Descriptor;
  readonly flags: number;
  /** Without the call there would be none; undefined: the daemon says it with its answer. */
  isNew: boolean | undefined;
  /** The stop at which the wait was cancelled. */
  cancelled: bigint | undefined;
  /** Resolves when the daemon has answered and no lease is left that the caller did not take. */
  readonly over: Promise<void>;
  readonly isOver: () => void;
}

/** What of the link and of the processes lease calls need. */
type Link = Pick<
  MountLink,
  'inodeOf' | 'getLease' | 'hasLease' | 'tryLease' | 'setLease' | 'setLeaseSync' | 'cancelLease' | 'undoLease'
>;
type Takes = Pick<Targets, 'take'>;

export class LeaseCalls {
  private readonly stops: Stops;
  private readonly link: Link;
  private readonly targets: Takes;
  private readonly refused: (line: RefusalLine) => void;
  /** Lease calls that wait for a break, by thread. */
  private readonly waiting = new Map<number, WaitingLease>();
  /** Those of them that were cancelled. */
  private readonly gone = new Set<WaitingLease>();
  private look: NodeJS.Timeout | undefined;

  constructor(stops: Stops, link: Link, targets: Takes, refused: (line: RefusalLine) => void) {
    this.stops = stops;
    this.link = link;
    this.targets = targets;
    this.refused = refused;
  }

  close(): void {
    clearInterval(this.look);
  }

  /** Undefined: it is answered later, or has been. */
  judge(id: bigint, target: Target, call: LeaseCall): CallAnswer | undefined {
    const { released } = target;
    target.released = undefined;
    const file = this.targets.take(target, call.fd);
    if (file === undefined) return CONTINUE;
    if (file instanceof Blind) return this.judgeUnseen(target, call, file);
    const ino = this.link.inodeOf(file.fd);
    if (ino === undefined) {
      file.close();
      return CONTINUE;
    }
    if (call.kind === 'setLease') {
      const { fd, flags } = call;
      return this.setLease(id, target, file, { fd, ino }, flags, released);
    }
    try {
      return call.kind === 'getLease' ? this.getLease(file) : this.setSignal(target, file, call);
    } finally {
      file.close();
    }
  }

  /** A lease on the layout is ours or of no file; other calls may be about any file. */
  judgeUnseen(
    { pid, command }: { pid: number; command: string },
    call: LeaseCall,
    { why, code }: Blind,
  ): CallAnswer {
    if (call.kind !== 'setLease') return CONTINUE;
    const { flags } = call;
    const isOurs = flags === LEASEFS_UNLCK ? code !== errno.EPERM : (flags & LEASEFS_F_LAYOUT) !== 0;
    if (!isOurs) return CONTINUE;
    const path = '(unknown)';
    this.refused({ pid, command, path, call: `F_SETLEASE ${flags}`, errno: errnoName(-code), rule: '', why });
    return -code;
  }

  private getLease(file: Descriptor): CallAnswer {
    const kind = this.link.getLease(file.fd);
    return kind === LEASEFS_UNLCK || kind < 0 ? CONTINUE : kind;
  }

  /** The lease's signal is that of its owner's last lease call (B1): a new one is a new call for the same kind. */
  private setSignal(
    target: Target,
    file: Descriptor,
    { fd, signal }: { fd: number; signal: number },
  ): CallAnswer {
    const result = native.fcntl(file.fd, F_SETSIG, signal);
    if (result < 0) return result;
    const kind = this.link.getLease(file.fd);
    if (kind > 0 && kind !== LEASEFS_UNLCK) {
      this.link.setLeaseSync(file.fd, target, { kind, nonblock: true, signal: signal || SIGIO, cookie: fd });
    }
    return 0;
  }

  private setLease(
    id: bigint,
    target: Target,
    file: Descriptor,
    of: Released,
    flags: number,
    released: Released | undefined,
  ): CallAnswer | undefined {
    const waiting = this.waiting.get(target.tid);
    const isSame = waiting !== undefined && isOneDescription(waiting.file, file);
    // A signal made the kernel begin the call again: the first one's outcome is this one's.
    if (isSame && waiting.flags === flags) {
      waiting.id = id;
      file.close();
      return undefined;
    }
    // The program has left that call, by longjmp.
    if (waiting !== undefined) this.cancel(waiting);
    const isNew = isSame ? (waiting.isNew ?? !this.link.hasLease(file.fd)) : undefined;
    if (isSame) waiting.isNew = false;
    if (flags === LEASEFS_UNLCK) {
      const { result, held } = this.release(target, file);
      file.close();
      const again = !held && released?.fd === of.fd && released.ino === of.ino;
      if (!held && !again) return CONTINUE;
      // A signal, or work that io_uring has for the thread, makes the kernel begin the call again: then it stands.
      if (!this.stops.send(id, result) && result === 0) target.released = of;
      return undefined;
    }
    if ((flags & LEASEFS_F_LAYOUT) === 0) {
      file.close();
      return CONTINUE;
    }
    const wish = {
      kind: flags,
      nonblock: (native.flagsOf(file.fd) & O_NONBLOCK) !== 0,
      signal: native.fcntl(file.fd, F_GETSIG, 0) || SIGIO,
      cookie: of.fd,
    };
    // Most need not wait. A thread of its own for the call costs more than the call.
    if (this.gone.size === 0) {
      const { result, held } = this.link.tryLease(file.fd, target, wish);
      if (result !== -errno.EINPROGRESS) {
        this.finish(id, target, file, result, isNew ?? !held);
        return undefined;
      }
    }
    let isOver = (): void => {};
    const over = new Promise<void>(resolve => {
      isOver = resolve;
    });
    void this.takeLease({ id, target, file, flags, isNew, cancelled: undefined, over, isOver }, wish);
    return undefined;
  }

  /** Answers the call. @param isNew without the call there would be no lease. */
  private finish(id: bigint, target: Target, file: Descriptor, result: number, isNew: boolean): void {
    // Before the answer: the caller's close may be the last one, which says whether there is a zombie.
    file.close();
    const taken = this.stops.send(id, result);
    // The caller got EINTR, or is dead: it must have no lease that it did not have before.
    if (!taken && result === 0 && isNew) this.link.undoLease(target);
  }

  private async takeLease(lease: WaitingLease, wish: LeaseWish): Promise<void> {
    const { target, file } = lease;
    const gone = [...this.gone].filter(({ id, cancelled }) => cancelled === id);
    this.waiting.set(target.tid, lease);
    this.look ??= setInterval(() => this.cancelInterrupted(), LOOK_MS);
    // The daemon may have just granted what a caller that was killed cannot take.
    if (gone.length > 0) await comesWithin(Promise.all(gone.map(({ over }) => over)), GONE_MS);
    let result: number;
    do {
      lease.cancelled = undefined;
      const answer = await this.link.setLease(file.fd, target, wish);
      ({ result } = answer);
      if (result === 0) lease.isNew ??= !answer.held;
      // It was begun again since.
    } while (result === -errno.EINTR && lease.cancelled !== undefined && lease.cancelled !== lease.id);
    if (this.waiting.get(target.tid) === lease) this.waiting.delete(target.tid);
    this.gone.delete(lease);
    if (this.waiting.size === 0) {
      clearInterval(this.look);
      this.look = undefined;
    }
    this.finish(lease.id, target, file, result, lease.isNew === true);
    lease.isOver();
  }

  /**
   * A caller that got a signal no longer waits (B5). The kernel does not report the signal, so the supervisor checks from
   * time to time.
   */
  private cancelInterrupted(): void {
    let left = Math.min(LOOK_MAX, this.waiting.size);
    for (const [tid, lease] of this.waiting) {
      if (left-- === 0) break;
      // Round robin.
      this.waiting.delete(tid);
      this.waiting.set(tid, lease);
      if (!this.stops.isStopped(lease.id)) this.cancel(lease);
    }
  }

  /** Before a call is judged, which may concern a lease that such a caller waits for; many are left to the timer. */
  cancelBefore(tid: number): void {
    if (this.waiting.size > FEW) return;
    for (const lease of this.waiting.values())
      if (lease.target.tid !== tid && !this.stops.isStopped(lease.id)) this.cancel(lease);
  }

  /** The thread stands at another call now: it has left the one that waits. */
  left(tid: number, call: StoppedCall | undefined): void {
    const waiting = this.waiting.get(tid);
    if (waiting !== undefined && call?.kind !== 'setLease') this.cancel(waiting);
  }

  private cancel(lease: WaitingLease): void {
    if (lease.cancelled === lease.id) return;
    lease.cancelled = lease.id;
    this.gone.add(lease);
    this.link.cancelLease(lease.file.fd, lease.target);
  }

  private release(target: Target, file: Descriptor): ReturnType<Link['setLeaseSync']> {
    const kind = LEASEFS_UNLCK;
    return this.link.setLeaseSync(file.fd, target, { kind, nonblock: true, signal: 0, cookie: 0 });
  }
}

const isOneDescription = (one: Descriptor, other: Descriptor): boolean =>
  native.sameDescription(process.pid, one.fd, process.pid, other.fd) === 0;
