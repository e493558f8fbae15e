// Answers the calls that the filter stops. The proposal's F_SETLEASE and F_GETLEASE become our ioctls on the caller's own
// description, with the signal of its F_SETSIG. Memory that a call registers is pinned first, or the call is refused. Calls
// that are not about files of the mount continue in the kernel unchanged.
//
// The supervisor sees a process only at its calls. The daemon finds out what happens later to a ring
// (src/process/registration.ts).

import { LEASEFS_F_LAYOUT, LEASEFS_UNLCK } from '../abi/leasefs.js';
import { errno } from '../base/errno.js';
import { F_GETSIG, F_SETSIG, O_NONBLOCK, POLLHUP, POLLIN } from '../base/linux.js';
import { type Descriptor, native, type Poller } from '../native/binding.js';
import { type FileRange, rangesOf } from '../process/registered-buffers.js';
import { heldBy } from './buffers.js';
import {
  callOf,
  NOTIFICATION_BYTES,
  type Notification,
  REGISTER_UNKNOWN,
  type RegisterCall,
  readNotification,
  type SetupCall,
  type StoppedCall,
  type UmemCall,
  type VerbsCall,
} from './calls.js';
import type { MountLink } from './mount-link.js';
import type { UnleasedRegistration } from './report.js';
import { memoryOf, type Target, Targets, take } from './targets.js';

/** strict: refuse as the proposal does; report: allow and report; off: ignore registrations. */
type Policy = 'strict' | 'report' | 'off';

const NOTIF_RECV = 0xc050_2100;
const NOTIF_SEND = 0xc018_2101;
const NOTIF_ID_VALID = 0x4008_2102;
const RESPONSE_BYTES = 24;
const FLAG_CONTINUE = 1;

/** ms between looks at callers that wait for a break. */
const LOOK_MS = 20;

const SIGIO = 29;

/** What has the memory, as the report names it. */
const device = { register: 'io_uring', setup: 'io_uring', umem: 'AF_XDP', verbs: 'RDMA' } as const;

/** The kernel answers the call itself. */
const CONTINUE = 'continue';
/** 0 or more: the call's value; `-errno`. */
type CallAnswer = number | typeof CONTINUE;

interface SupervisorOptions {
  readonly policy: Policy;
  /** Memory was registered, or was to be, without a lease. */
  readonly unleased: (pin: UnleasedRegistration) => void;
  /** The last process under the filter is gone. */
  readonly ended: () => void;
}

export class Supervisor {
  /** Calls answered, and how many of them by the kernel. */
  readonly counts = { calls: 0, continued: 0 };
  private readonly listener: Descriptor;
  private readonly link: MountLink;
  private readonly options: SupervisorOptions;
  private readonly poller: Poller;
  private readonly targets = new Targets();
  private readonly received = new ArrayBuffer(NOTIFICATION_BYTES * 4);
  /** Lease calls that wait for a break, by thread. */
  private readonly waiting = new Map<number, WaitingLease>();
  private look: NodeJS.Timeout | undefined;

  /** @param listener the filter's; closed by `close`. */
  constructor(listener: Descriptor, link: MountLink, options: SupervisorOptions) {
    this.listener = listener;
    this.link = link;
    this.options = options;
    this.poller = native.poll(listener.fd, POLLIN, events => this.onReady(events));
  }

  /** Stops answering: calls that come after fail with ENOSYS. */
  close(): void {
    clearInterval(this.look);
    this.poller.close();
    this.listener.close();
    this.targets.close();
  }

  private onReady(events: number): void {
    if (events & POLLIN) this.receive();
    else if (events & POLLHUP) {
      this.poller.close();
      this.options.ended();
    }
  }

  private receive(): void {
    new Uint8Array(this.received).fill(0);
    // ENOENT: the thread was killed or got a signal since.
    if (native.ioctl(this.listener.fd, NOTIF_RECV, this.received) < 0) return;
    const notification = readNotification(new DataView(this.received));
    this.counts.calls++;
    this.cancelInterrupted(notification.tid);
    const answer = this.judge(notification);
    if (answer !== undefined) this.send(notification.id, answer);
  }

  /** Whether the caller took the answer; false when it has since got a signal or was killed. */
  private send(id: bigint, answer: CallAnswer): boolean {
    const view = new DataView(new ArrayBuffer(RESPONSE_BYTES));
    view.setBigUint64(0, id, true);
    if (answer === CONTINUE) {
      this.counts.continued++;
      view.setUint32(20, FLAG_CONTINUE, true);
    } else if (answer < 0) view.setInt32(16, answer, true);
    else view.setBigInt64(8, BigInt(answer), true);
    return native.ioctl(this.listener.fd, NOTIF_SEND, view.buffer) === 0;
  }

  /** Whether the thread still stands at this call: what was read of it is its own. */
  private isStopped(id: bigint): boolean {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, id, true);
    return native.ioctl(this.listener.fd, NOTIF_ID_VALID, view.buffer) === 0;
  }

  private judge(notification: Notification): CallAnswer | undefined {
    const call = callOf(notification);
    if (call === undefined) return CONTINUE;
    const target = this.targets.of(notification.tid);
    if (target === undefined || !this.isStopped(notification.id)) return CONTINUE;
    switch (call.kind) {
      case 'setLease':
      case 'getLease':
      case 'setSignal':
        return this.judgeLease(notification, target, call);
      case 'register':
      case 'setup':
      case 'umem':
      case 'verbs':
        return this.options.policy === 'off' ? CONTINUE : this.judgeRegistration(target, call);
    }
  }

  private judgeLease(
    { id }: Notification,
    target: Target,
    call: Extract<StoppedCall, { fd: number }>,
  ): CallAnswer | undefined {
    const file = take(target, call.fd);
    if (file === undefined) return CONTINUE;
    if (!this.link.isOurs(file.fd)) {
      file.close();
      return CONTINUE;
    }
    if (call.kind === 'setLease') return this.setLease(id, target, file, call);
    try {
      return call.kind === 'getLease' ? this.getLease(file) : this.setSignal(target, file, call);
    } finally {
      file.close();
    }
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
    { fd, flags }: { fd: number; flags: number },
  ): CallAnswer | undefined {
    const had = this.link.hasLease(file.fd);
    if (flags === LEASEFS_UNLCK && (had || target.released === fd)) {
      const result = had ? this.releaseLease(target, file) : 0;
      file.close();
      // A signal, or work that io_uring has for the thread, makes the kernel begin the call again: then it stands.
      target.released = !this.send(id, result) && result === 0 ? fd : undefined;
      return undefined;
    }
    target.released = undefined;
    if (flags === LEASEFS_UNLCK || (flags & LEASEFS_F_LAYOUT) === 0) {
      file.close();
      return CONTINUE;
    }
    const waiting = this.waiting.get(target.tid);
    // A signal made the kernel begin the call again: the first one's outcome is this one's.
    if (waiting !== undefined && waiting.fd === fd && waiting.flags === flags) {
      waiting.id = id;
      file.close();
      return undefined;
    }
    this.takeLease({ id, target, file, fd, flags, isNew: !had });
    return undefined;
  }

  private async takeLease(lease: WaitingLease): Promise<void> {
    const { target, file, fd, flags } = lease;
    this.waiting.set(target.tid, lease);
    this.look ??= setInterval(() => this.cancelInterrupted(), LOOK_MS);
    const result = await this.link.setLease(file.fd, target, {
      kind: flags,
      nonblock: (native.flagsOf(file.fd) & O_NONBLOCK) !== 0,
      signal: native.fcntl(file.fd, F_GETSIG, 0) || SIGIO,
      cookie: fd,
    });
    if (this.waiting.get(target.tid) === lease) this.waiting.delete(target.tid);
    if (this.waiting.size === 0) {
      clearInterval(this.look);
      this.look = undefined;
    }
    const taken = this.send(lease.id, result);
    // The caller got EINTR, or is dead: it must have no lease that it did not have before.
    if (!taken && result === 0 && lease.isNew) this.releaseLease(target, file);
    file.close();
  }

  /**
   * A caller that got a signal no longer waits (B5). The kernel does not report the signal, so the supervisor checks from
   * time to time, and before it judges another call, which may concern the same lease.
   */
  private cancelInterrupted(but = 0): void {
    for (const lease of this.waiting.values()) {
      if (lease.target.tid === but || this.isStopped(lease.id)) continue;
      this.link.cancelLease(lease.file.fd, lease.target);
    }
  }

  private releaseLease(target: Target, file: Descriptor): number {
    const kind = LEASEFS_UNLCK;
    return this.link.setLeaseSync(file.fd, target, { kind, nonblock: true, signal: 0, cookie: 0 });
  }

  /** Pins first, then lets the kernel register. The daemon checks later whether the kernel holds the memory. */
  private judgeRegistration(
    target: Target,
    call: RegisterCall | SetupCall | UmemCall | VerbsCall,
  ): CallAnswer {
    if (call.kind === 'register' && call.opcode >= REGISTER_UNKNOWN)
      return this.judgeUnknown(target, call.opcode);
    const held = heldBy(call, memoryOf(target));
    if (held.length === 0) return CONTINUE;
    const mappings = this.link.mappings(target.tid);
    if (mappings.length === 0) return CONTINUE;
    const { policy } = this.options;
    const made: number[] = [];
    for (const memory of held) {
      const buffer = { address: memory.addr, length: memory.bytes };
      for (const range of rangesOf(buffer, mappings)) {
        const id = this.link.pin(target, range, memory, made.length === 0);
        if (id >= 0) {
          made.push(id);
          continue;
        }
        const letThrough = policy === 'report' || id === -errno.ESRCH;
        if (id === -errno.EPERM) this.tellUnleased(target, range, device[call.kind], letThrough);
        if (letThrough) continue;
        for (const pin of made) this.link.unpin(pin);
        return id;
      }
    }
    return CONTINUE;
  }

  /** An opcode newer than this supervisor may pin anything. */
  private judgeUnknown({ pid, command }: Target, opcode: number): CallAnswer {
    const letThrough = this.options.policy !== 'strict';
    const by = `io_uring_register opcode ${opcode}, which leasefs does not know`;
    this.options.unleased({ pid, command, path: '(unknown)', off: 0, len: 0, by, letThrough });
    return letThrough ? CONTINUE : -errno.EPERM;
  }

  private tellUnleased(
    { pid, command }: Target,
    { path, begin, end }: FileRange,
    by: string,
    letThrough: boolean,
  ): void {
    const inMount = this.link.pathInMount(path);
    this.options.unleased({ pid, command, path: inMount, off: begin, len: end - begin, by, letThrough });
  }
}

/** F_SETLEASE under way. `id`: of the stop that is to be answered. */
interface WaitingLease {
  id: bigint;
  readonly target: Target;
  readonly file: Descriptor;
  readonly fd: number;
  readonly flags: number;
  readonly isNew: boolean;
}
