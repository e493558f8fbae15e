// The supervisor's way to the daemon: shows the secret once (SUPERVISE), then takes leases and pins for the processes
// that are stopped. The ioctls are those of native/include/leasefs-private.h.
import { closeSync, openSync } from 'node:fs';
import * as abi from '../abi/leasefs.js';
import { check } from '../base/errno.js';
import { native, type Result, STAT } from '../native/binding.js';
import { deviceNameOf, textOf } from '../process/proc-text.js';
import { type FileRange, type Mapping, parseMappings } from '../process/registered-buffers.js';
import type { Held } from './buffers.js';

/** The thread whose call is stopped, and the start of its process: the daemon looks for both. */
export interface Subject {
  readonly tid: number;
  readonly pid: number;
  readonly start: number;
}

export interface LeaseWish {
  /** The flags of F_SETLEASE. */
  readonly kind: number;
  readonly nonblock: boolean;
  readonly signal: number;
  readonly cookie: number;
}

const holders = {
  buffer: abi.LEASEFS_HOLDER_BUFFER,
  ring: abi.LEASEFS_HOLDER_RING,
  rings: abi.LEASEFS_HOLDER_RINGS,
  socket: abi.LEASEFS_HOLDER_SOCKET,
  region: abi.LEASEFS_HOLDER_REGION,
} as const satisfies Record<Held['kind'], number>;

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
    const view = struct(abi.supervise.bytes);
    view.setInt32(abi.supervise.fd, -1, true);
    const what = `supervising ${this.path}`;
    check(native.ioctl(this.root, abi.LEASEFS_IOC_SUPERVISE, view.buffer), what);
    const pid = view.getInt32(abi.supervise.pid, true);
    const secret = openSync(`/proc/${pid}/fd/${view.getInt32(abi.supervise.fd, true)}`, 'r');
    try {
      view.setInt32(abi.supervise.fd, secret, true);
      view.setInt32(abi.supervise.pid, 0, true);
      check(native.ioctl(this.root, abi.LEASEFS_IOC_SUPERVISE, view.buffer), what);
    } finally {
      closeSync(secret);
    }
  }

  close(): void {
    closeSync(this.root);
  }

  isOurs(fd: number): boolean {
    return native.fstat(fd, this.stat) === 0 && this.stat[STAT.dev] === this.dev;
  }

  /** A path of /proc as one from the root of the mount. */
  pathInMount(path: string): string {
    return path.startsWith(`${this.path}/`) ? path.slice(this.path.length) : path;
  }

  /** What of the process's memory are files of this mount. */
  mappings(pid: number): Mapping[] {
    return parseMappings(textOf(`/proc/${pid}/maps`), this.device);
  }

  /** Whether the description has a lease, also one of which a break leaves nothing (then `getLease` says none). */
  hasLease(fd: number): boolean {
    const view = struct(abi.lease.bytes);
    if (native.ioctl(fd, abi.LEASEFS_IOC_GETLEASE, view.buffer) < 0) return false;
    return (
      view.getUint32(abi.lease.kind, true) !== abi.LEASEFS_UNLCK ||
      view.getUint32(abi.lease.break_ms, true) > 0
    );
  }

  /** LEASEFS_UNLCK for none; `-errno`. */
  getLease(fd: number): Result {
    const view = struct(abi.lease.bytes);
    const result = native.ioctl(fd, abi.LEASEFS_IOC_GETLEASE, view.buffer);
    return result < 0 ? result : view.getUint32(abi.lease.kind, true);
  }

  /** Takes or converts; may wait for a break of others' leases, without stopping us. */
  setLease(fd: number, subject: Subject, wish: LeaseWish): Promise<Result> {
    return native.ioctlAsync(fd, abi.LEASEFS_IOC_SETLEASE_FOR, leaseStruct(subject, wish));
  }

  /** The same for what never waits: to give back, to set the signal. */
  setLeaseSync(fd: number, subject: Subject, wish: LeaseWish): Result {
    return native.ioctl(fd, abi.LEASEFS_IOC_SETLEASE_FOR, leaseStruct(subject, wish));
  }

  /** Ends a `setLease` that waits: it answers EINTR. */
  cancelLease(fd: number, subject: Subject): void {
    const wish = { kind: abi.LEASEFS_UNLCK, nonblock: false, signal: 0, cookie: 0 };
    const data = leaseStruct(subject, wish);
    new DataView(data).setUint32(abi.leaseFor.flags, abi.LEASEFS_CANCEL, true);
    native.ioctl(fd, abi.LEASEFS_IOC_SETLEASE_FOR, data);
  }

  /** The pin's id, or `-errno`. @param first the first of a call. */
  pin(subject: Subject, { ino, begin, end }: FileRange, held: Held, first: boolean): Result {
    const view = struct(abi.pinFor.bytes);
    view.setUint32(abi.pinFor.holder, holders[held.kind] | (first ? abi.LEASEFS_HOLDER_FIRST : 0), true);
    view.setBigUint64(abi.pinFor.ino, BigInt(ino), true);
    view.setBigUint64(abi.pinFor.off, BigInt(begin), true);
    view.setBigUint64(abi.pinFor.len, BigInt(end - begin), true);
    view.setBigUint64(abi.pinFor.start, BigInt(subject.start), true);
    view.setInt32(abi.pinFor.tid, subject.tid, true);
    view.setInt32(abi.pinFor.fd, held.fd, true);
    view.setBigUint64(abi.pinFor.addr, BigInt(held.listedAt ?? held.addr), true);
    view.setBigUint64(abi.pinFor.registered, BigInt(held.bytes), true);
    const result = native.ioctl(this.root, abi.LEASEFS_IOC_PIN_FOR, view.buffer);
    return result < 0 ? result : Number(view.getBigUint64(abi.pinFor.id, true));
  }

  unpin(id: number): Result {
    const view = struct(abi.unpin.bytes);
    view.setBigUint64(abi.unpin.id, BigInt(id), true);
    return native.ioctl(this.root, abi.LEASEFS_IOC_UNPIN, view.buffer);
  }
}

function leaseStruct(subject: Subject, wish: LeaseWish): ArrayBuffer {
  const view = struct(abi.leaseFor.bytes);
  view.setUint32(abi.leaseFor.kind, wish.kind, true);
  view.setUint32(abi.leaseFor.flags, wish.nonblock ? abi.LEASEFS_NONBLOCK : 0, true);
  view.setInt32(abi.leaseFor.signal, wish.signal, true);
  view.setBigUint64(abi.leaseFor.cookie, BigInt(wish.cookie), true);
  view.setBigUint64(abi.leaseFor.start, BigInt(subject.start), true);
  view.setInt32(abi.leaseFor.tid, subject.tid, true);
  return view.buffer;
}

/** A zeroed struct with the version that all begin with. */
function struct(bytes: number): DataView<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(bytes));
  view.setUint32(0, abi.LEASEFS_ABI, true);
  return view;
}
