// The supervisor's way to the daemon: shows the secret once (SUPERVISE), then takes leases and pins for the processes
// that are stopped. The ioctls are those of native/include/leasefs-private.h.
import { closeSync, openSync, readFileSync } from 'node:fs';
import { holderNumber } from '../abi/holders.js';
import * as abi from '../abi/leasefs.js';
import type { StructView } from '../abi/struct.js';
import { check } from '../base/errno.js';
import { native, type Result, STAT } from '../native/binding.js';
import { deviceNameOf } from '../process/proc-text.js';
import { type FileRange, type Mapping, parseMappings } from '../process/registered-buffers.js';
import type { RegisteredMemory } from './buffers.js';

/** The thread whose call is stopped, and what tells it from others: the daemon looks for both. */
export interface StoppedThread {
  readonly tid: number;
  readonly pid: number;
  readonly start: number;
  readonly identity: number;
}

export interface LeaseWish {
  /** The flags of F_SETLEASE. */
  readonly kind: number;
  readonly nonblock: boolean;
  readonly signal: number;
  readonly cookie: number;
}

interface PinWish {
  /** The first of a call. */
  readonly isFirst: boolean;
  /** The call goes on even if the pin is refused: then nothing is refused. */
  readonly goesOn: boolean;
}

interface LeaseAnswer {
  readonly result: Result;
  /** The description had a lease before; of a call that succeeds, or of a release. */
  readonly held: boolean;
}

export class MountLink {
  readonly path: string;
  /** st_dev of the mount. */
  readonly dev: number;
  private readonly root: number;
  private readonly device: string;
  private readonly stat = new Float64Array(STAT.length);

  /** @throws FsError EPERM when the daemon does not let us (another user's mount), ENOTTY when it is no leasefs. */
  constructor(path: string) {
    this.path = path;
    this.root = openSync(path, 'r');
    try {
      check(native.fstat(this.root, this.stat), `asking for ${path}`);
      this.dev = this.stat[STAT.dev]!;
      this.device = deviceNameOf(this.dev);
      this.register();
    } catch (error) {
      closeSync(this.root);
      throw error;
    }
  }

  private register(): void {
    const view = abi.newStruct(abi.supervise);
    view.setS32(abi.supervise.fd, -1);
    const what = `supervising ${this.path}`;
    check(native.ioctl(this.root, abi.LEASEFS_IOC_SUPERVISE, view.buffer), what);
    const pid = view.s32(abi.supervise.pid);
    view.data(abi.supervise.token).set(readFileSync(`/proc/${pid}/fd/${view.s32(abi.supervise.fd)}`));
    view.setS32(abi.supervise.fd, 0);
    view.setS32(abi.supervise.pid, 0);
    check(native.ioctl(this.root, abi.LEASEFS_IOC_SUPERVISE, view.buffer), what);
  }

  /** When this returns, the events include the pins and processes that have ended so far. */
  settle(): Result {
    const view = abi.newStruct(abi.report);
    view.setU32(abi.report.what, abi.LEASEFS_REPORT_STATUS);
    return native.ioctl(this.root, abi.LEASEFS_IOC_REPORT, view.buffer);
  }

  close(): void {
    closeSync(this.root);
  }

  /** st_ino of a file of the mount; undefined: it is none. */
  inodeOf(fd: number): number | undefined {
    if (native.fileId(fd, this.stat) !== 0 || this.stat[STAT.dev] !== this.dev) return undefined;
    return this.stat[STAT.ino];
  }

  /** A path of /proc as one from the root of the mount. */
  pathInMount(path: string): string {
    return path.startsWith(`${this.path}/`) ? path.slice(this.path.length) : path;
  }

  /** The mappings of this mount's files in the text of /proc/PID/maps. */
  mappingsIn(maps: string): Mapping[] {
    return parseMappings(maps, this.device);
  }

  /** Whether the description has a lease, also one of which a break leaves nothing (then `getLease` says none). */
  hasLease(fd: number): boolean {
    const view = abi.newStruct(abi.lease);
    if (native.ioctl(fd, abi.LEASEFS_IOC_GETLEASE, view.buffer) < 0) return false;
    return view.u32(abi.lease.kind) !== abi.LEASEFS_UNLCK || view.u32(abi.lease.break_ms) > 0;
  }

  /** LEASEFS_UNLCK for none; `-errno`. */
  getLease(fd: number): Result {
    const view = abi.newStruct(abi.lease);
    const result = native.ioctl(fd, abi.LEASEFS_IOC_GETLEASE, view.buffer);
    return result < 0 ? result : view.u32(abi.lease.kind);
  }

  /** Takes or converts a lease; -EINPROGRESS where that would wait. */
  tryLease(fd: number, thread: StoppedThread, wish: LeaseWish): LeaseAnswer {
    const view = leaseStruct(thread, wish);
    view.setU32(abi.leaseFor.flags, view.u32(abi.leaseFor.flags) | abi.LEASEFS_TRY);
    const result = native.ioctl(fd, abi.LEASEFS_IOC_SETLEASE_FOR, view.buffer);
    return { result, held: view.u32(abi.leaseFor.held) !== 0 };
  }

  /** Takes or converts a lease; may wait for a break of others' leases, without blocking the supervisor. */
  async setLease(fd: number, thread: StoppedThread, wish: LeaseWish): Promise<LeaseAnswer> {
    const view = leaseStruct(thread, wish);
    const result = await native.ioctlAsync(fd, abi.LEASEFS_IOC_SETLEASE_FOR, view.buffer);
    return { result, held: view.u32(abi.leaseFor.held) !== 0 };
  }

  /** The same for calls that never wait: releasing, setting the signal. */
  setLeaseSync(fd: number, thread: StoppedThread, wish: LeaseWish): LeaseAnswer {
    const view = leaseStruct(thread, wish);
    const result = native.ioctl(fd, abi.LEASEFS_IOC_SETLEASE_FOR, view.buffer);
    // What is refused was there.
    return { result, held: result < 0 || view.u32(abi.leaseFor.held) !== 0 };
  }

  /** Ends a `setLease` that waits: it answers EINTR. */
  cancelLease(fd: number, thread: StoppedThread): void {
    const wish = { kind: abi.LEASEFS_UNLCK, nonblock: false, signal: 0, cookie: 0 };
    const view = leaseStruct(thread, wish);
    view.setU32(abi.leaseFor.flags, abi.LEASEFS_CANCEL);
    native.ioctl(fd, abi.LEASEFS_IOC_SETLEASE_FOR, view.buffer);
  }

  /** Ends the lease that the thread's last `setLease` took. */
  undoLease(thread: StoppedThread): void {
    const wish = { kind: abi.LEASEFS_UNLCK, nonblock: false, signal: 0, cookie: 0 };
    const view = leaseStruct(thread, wish);
    view.setU32(abi.leaseFor.flags, abi.LEASEFS_UNDO);
    native.ioctl(this.root, abi.LEASEFS_IOC_SETLEASE_FOR, view.buffer);
  }

  /** The pin's id, or `-errno`. */
  pin(
    thread: StoppedThread,
    { ino, begin, end }: FileRange,
    held: RegisteredMemory,
    { isFirst, goesOn }: PinWish,
  ): Result {
    const view = abi.newStruct(abi.pinFor);
    const flags = (isFirst ? abi.LEASEFS_HOLDER_FIRST : 0) | (goesOn ? abi.LEASEFS_HOLDER_GOES_ON : 0);
    view.setU32(abi.pinFor.holder, holderNumber(held.kind) | flags);
    view.setU64(abi.pinFor.ino, ino);
    view.setU64(abi.pinFor.off, begin);
    view.setU64(abi.pinFor.len, end - begin);
    view.setU64(abi.pinFor.start, thread.start);
    view.setU64(abi.pinFor.identity, thread.identity);
    view.setS32(abi.pinFor.tid, thread.tid);
    view.setS32(abi.pinFor.fd, held.fd);
    view.setU64(abi.pinFor.addr, held.listedAt ?? held.addr);
    view.setU64(abi.pinFor.registered, held.bytes);
    view.setU32(abi.pinFor.part, held.part ?? 0);
    const result = native.ioctl(this.root, abi.LEASEFS_IOC_PIN_FOR, view.buffer);
    return result < 0 ? result : view.u64(abi.pinFor.id);
  }

  /** The call at which the thread is stopped ends the registration that the pin is for. */
  endPin({ tid, start, identity }: StoppedThread, id: number): Result {
    const view = abi.newStruct(abi.pinFor);
    view.setU32(abi.pinFor.holder, abi.LEASEFS_HOLDER_ENDS);
    view.setU64(abi.pinFor.start, start);
    view.setU64(abi.pinFor.identity, identity);
    view.setS32(abi.pinFor.tid, tid);
    view.setU64(abi.pinFor.id, id);
    return native.ioctl(this.root, abi.LEASEFS_IOC_PIN_FOR, view.buffer);
  }

  unpin(id: number): Result {
    const view = abi.newStruct(abi.unpin);
    view.setU64(abi.unpin.id, id);
    return native.ioctl(this.root, abi.LEASEFS_IOC_UNPIN, view.buffer);
  }
}

function leaseStruct(thread: StoppedThread, wish: LeaseWish): StructView {
  const view = abi.newStruct(abi.leaseFor);
  view.setU32(abi.leaseFor.kind, wish.kind);
  view.setU32(abi.leaseFor.flags, wish.nonblock ? abi.LEASEFS_NONBLOCK : 0);
  view.setS32(abi.leaseFor.signal, wish.signal);
  view.setU64(abi.leaseFor.cookie, wish.cookie);
  view.setU64(abi.leaseFor.start, thread.start);
  view.setU64(abi.leaseFor.identity, thread.identity);
  view.setS32(abi.leaseFor.tid, thread.tid);
  return view;
}
