// Answers the calls that the filter stops: leases (lease-calls.ts) and memory that is registered (registrations.ts). Calls
// that are not about files of the mount continue in the kernel unchanged.
import { POLLHUP, POLLIN } from '../base/linux.js';
import { type Descriptor, native, type Poller } from '../native/binding.js';
import { commandOf, threadGroupOf } from '../process/proc.js';
import { type CallAnswer, CONTINUE } from './answer.js';
import type { Judged, Outcome } from './asked.js';
import {
  callOf,
  NOTIFICATION_BYTES,
  type Notification,
  readNotification,
  type StoppedCall,
  socketCallOf,
} from './calls.js';
import { LeaseCalls } from './lease-calls.js';
import type { MountLink } from './mount-link.js';
import { type Policy, Registrations } from './registrations.js';
import type { RefusalLine, UnleasedRegistration } from './report.js';
import { Blind, HIDDEN, memoryOf, type Target, Targets } from './targets.js';

const NOTIF_RECV = 0xc050_2100;
const NOTIF_SEND = 0xc018_2101;
const NOTIF_ID_VALID = 0x4008_2102;
const RESPONSE_BYTES = 24;
const FLAG_CONTINUE = 1;

interface SupervisorOptions {
  readonly policy: Policy;
  /** Memory was registered, or was to be, without a lease. */
  readonly unleased: (pin: UnleasedRegistration) => void;
  /** What is known of the kernel's own answer to what was let through, with or without pins. */
  readonly outcome: (judged: Judged, outcome: Outcome) => void;
  /** A lease call was refused because it could not be judged. */
  readonly refused: (line: RefusalLine) => void;
  /** The last process under the filter is gone. */
  readonly ended: () => void;
}

export class Supervisor {
  /** Calls answered, and how many of them by the kernel. */
  readonly counts = { calls: 0, continued: 0 };
  private readonly listener: Descriptor;
  private readonly options: SupervisorOptions;
  private readonly poller: Poller;
  private readonly targets = new Targets();
  private readonly leases: LeaseCalls;
  private readonly registrations: Registrations;
  private readonly received = new ArrayBuffer(NOTIFICATION_BYTES);

  /** @param listener the filter's; closed by `close`. */
  constructor(listener: Descriptor, link: MountLink, options: SupervisorOptions) {
    const { policy, unleased, outcome, refused } = options;
    this.listener = listener;
    this.options = options;
    this.leases = new LeaseCalls(this, link, this.targets, refused);
    this.registrations = new Registrations(link, this.targets, policy, unleased, outcome);
    this.poller = native.poll(listener.fd, POLLIN, events => this.onReady(events));
  }

  /** Stops answering: calls that come after fail with ENOSYS. */
  close(): void {
    this.leases.close();
    this.registrations.close();
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
    const answer = this.judge(notification);
    if (answer !== undefined) this.send(notification.id, answer);
  }

  send(id: bigint, answer: CallAnswer): boolean {
    const view = new DataView(new ArrayBuffer(RESPONSE_BYTES));
    view.setBigUint64(0, id, true);
    if (answer === CONTINUE) {
      this.counts.continued++;
      view.setUint32(20, FLAG_CONTINUE, true);
    } else if (answer < 0) view.setInt32(16, answer, true);
    else view.setBigInt64(8, BigInt(answer), true);
    return native.ioctl(this.listener.fd, NOTIF_SEND, view.buffer) === 0;
  }

  isStopped(id: bigint): boolean {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, id, true);
    return native.ioctl(this.listener.fd, NOTIF_ID_VALID, view.buffer) === 0;
  }

  private judge(notification: Notification): CallAnswer | undefined {
    const { id, tid } = notification;
    const call = callOf(notification);
    this.leases.left(tid, call);
    this.leases.cancelBefore(tid);
    if (call === undefined) return CONTINUE;
    const target = this.targets.of(tid);
    // It has been killed or got a signal since.
    if (!this.isStopped(id)) return CONTINUE;
    this.registrations.stopped(tid, call);
    if (target === undefined || target instanceof Blind) return this.judgeUnseen(tid, call, target ?? HIDDEN);
    return this.judgeOf(id, target, call);
  }

  private judgeOf(id: bigint, target: Target, call: StoppedCall): CallAnswer | undefined {
    switch (call.kind) {
      case 'setLease':
      case 'getLease':
      case 'setSignal':
        return this.leases.judge(id, target, call);
      case 'socketcall': {
        const inner = socketCallOf(call, memoryOf(target));
        return inner === undefined ? CONTINUE : this.registrations.judge(target, inner);
      }
      default:
        return this.registrations.judge(target, call);
    }
  }

  private judgeUnseen(tid: number, call: StoppedCall, blind: Blind): CallAnswer {
    const who = { pid: threadGroupOf(tid) || tid, command: commandOf(tid) || '(unknown)' };
    switch (call.kind) {
      case 'setLease':
      case 'getLease':
      case 'setSignal':
        return this.leases.judgeUnseen(who, call, blind);
      default:
        return this.registrations.judgeUnseen(who, `${call.kind}: ${blind.why}`);
    }
  }
}
