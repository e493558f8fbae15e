// An open file of a leasefs mount with its lease, pins and layout: the ioctls of native/include/leasefs.h for Node programs.
// The lease hangs on the open file description: dup, fork and SCM_RIGHTS share it (L1). What is refused is thrown as a
// LeaseError: FsError with `code` (errno name), and `rule`, `holder`, `remedy`, as the daemon says them. The numbers in
// brackets are the rules of src/lease/README.md: `leasefs explain X1` prints one.
//
//   const file = LeaseFile.open('/mnt/leasefs/f');
//   file.setLeaseSync('exclusive');
//   file.pin(0, 2 << 20);          // from here on truncate and punch of [0, 2 MiB) are refused
import { closeSync, constants, openSync } from 'node:fs';
import { currentSpelling, kindValue, type LeaseKind, readKindName } from '../abi/kinds.js';
import * as abi from '../abi/leasefs.js';
import type { ReportedRefusal, ReportKind, Reports } from '../abi/reports.js';
import type { StructView } from '../abi/struct.js';
import { errno, FsError } from '../base/errno.js';
import { BreakWatch, type LeaseBreak } from './break-watch.js';
import { Calls } from './calls.js';
import { DirectMapping } from './direct-mapping.js';
import { type FileLayout, readLayout } from './layout.js';
import { LeaseError, refusalOf } from './refusal.js';
import { readReportBy } from './report.js';

export interface SetLeaseOptions {
  /** Sent to this process when the lease is broken (B1), 1 to 64; none if 0 or absent. `onBreak` is called in any case. */
  readonly signal?: number;
  /** The value (si_value) that the signal carries. */
  readonly cookie?: bigint;
}

export interface LeaseState {
  /** During a break what the lease must become (L8). */
  readonly kind: LeaseKind;
  /** ms until a pending break is forced; 0 without one. */
  readonly breakMs: number;
  /** Names this description as the owner of pins (N4), for any process that knows it: keep it secret. */
  readonly description: bigint;
}

export interface PinOptions {
  /**
   * What the pin lives with (N4): this process (default), this open file description, or the one that
   * `getLease().description` of another file named.
   */
  readonly owner?: 'process' | 'description' | bigint;
}

export interface Pin {
  readonly id: bigint;
  /** Bytes, rounded outward to blocks. */
  readonly off: number;
  readonly len: number;
  /** The process that made it. */
  readonly pid: number;
  readonly mine: boolean;
  readonly owner: 'process' | 'description';
  /** The lease that it is under is a zombie (N5). */
  readonly zombie: boolean;
}

export class LeaseFile implements Disposable {
  private descriptor: number;
  private readonly owned: boolean;
  private readonly calls: Calls;
  private watch: BreakWatch | undefined;
  private tell: ((notice: LeaseBreak) => void) | undefined;
  private readonly mappings = new Set<DirectMapping>();

  /**
   * @param fd stays the caller's unless `owned`: `close` does not close it.
   * @param shared `getLease().description` of the process that the descriptor comes from, by fork or SCM_RIGHTS, so that
   * its lease is shared on a mount that carries no ioctl, too (L1).
   */
  constructor(fd: number, owned = false, shared = 0n) {
    this.descriptor = fd;
    this.owned = owned;
    this.calls = new Calls(fd, shared);
  }

  /** Opens `path`, for reading and writing unless `flags` (open(2)) say otherwise. Any error of open(2). */
  static open(path: string, flags: number = constants.O_RDWR, mode = 0o666): LeaseFile {
    return new LeaseFile(openSync(path, flags, mode), true);
  }

  /** The descriptor's number, -1 once closed. */
  get fd(): number {
    return this.descriptor;
  }

  /**
   * Takes or converts the lease, or releases it ('none'). Waits, without blocking the event loop, while breakable
   * leases of others are broken (L3), which B2 bounds. Do not close the file before it resolves.
   *
   * @throws FsError, the first of these that applies (L9):
   * EPERM: this process cannot be identified (another pid namespace). EINVAL: not a regular file. EACCES: neither the
   * file's owner nor CAP_LEASE (L7). EBADF: 'exclusive' or 'shared', and the file is not open for writing (L7). EBUSY: pins
   * under the lease remain (L5). EAGAIN: an incompatible lease elsewhere, a break pending, 'none' without a lease.
   * EDEADLK: a lease of this process elsewhere would have to be broken (L3), or the wait would deadlock (B7).
   * ENOLCK: the file has 1024 leases (L10). EINTR: a signal (B5). ENOTTY: not on a leasefs mount.
   */
  async setLease(kind: LeaseKind, options: SetLeaseOptions = {}): Promise<void> {
    const data = leaseStruct(kind, 0, options);
    const since = Date.now();
    const result = await this.ready().callAsync(abi.LEASEFS_IOC_SETLEASE, data);
    this.settle(result, kind, since);
  }

  /**
   * As `setLease`, but never waits: EAGAIN where it would (the break begins all the same, B4).
   * @throws FsError as `setLease`, but for EINTR.
   */
  setLeaseSync(kind: LeaseKind, options: SetLeaseOptions = {}): void {
    const data = leaseStruct(kind, abi.LEASEFS_NONBLOCK, options);
    const since = Date.now();
    this.settle(this.ready().call(abi.LEASEFS_IOC_SETLEASE, data), kind, since);
  }

  /**
   * The lease of this open file description (L8).
   * @throws FsError EBADF: the file was closed. ENOTTY: not on a leasefs mount.
   */
  getLease(): LeaseState {
    const struct = abi.newStruct(abi.lease);
    this.call(abi.LEASEFS_IOC_GETLEASE, struct, 'asking for the lease');
    return {
      kind: readKindName(struct.u32(abi.lease.kind)),
      breakMs: struct.u32(abi.lease.break_ms),
      description: struct.big(abi.lease.description),
    };
  }

  /**
   * Protects [off, off + len), in bytes, rounded outward to blocks of 4096. The id names it for good (N8).
   *
   * @throws FsError EINVAL: `len` 0 or the end beyond 2^53-1. EBADF: `owner` names no description. EPERM: this process owns
   * no live 'exclusive' or 'shared' lease on the file (N1; `remedy` says what it has), or cannot be identified. EFAULT:
   * beyond the block of the last byte (N7). ENOMEM: beyond RLIMIT_MEMLOCK (N9). ENOSPC: no blocks for the holes of the
   * range.
   */
  pin(off: number, len: number, options: PinOptions = {}): bigint {
    const owner = options.owner ?? 'process';
    const struct = abi.newStruct(abi.pin);
    struct.setU32(
      abi.pin.flags,
      owner === 'process' ? abi.LEASEFS_PIN_BY_PROCESS : abi.LEASEFS_PIN_BY_DESCRIPTION,
    );
    struct.setU64(abi.pin.off, bytes(off, 'off'));
    struct.setU64(abi.pin.len, bytes(len, 'len'));
    struct.setBig(abi.pin.owner, typeof owner === 'bigint' ? owner : 0n);
    this.call(abi.LEASEFS_IOC_PIN, struct, `pinning [${off}, ${off + len})`);
    return struct.big(abi.pin.id);
  }

  /**
   * Removes a pin of any file of the mount (N8).
   * @throws FsError ENOENT: no such pin. EPERM: neither its owner nor the owner of the lease that it is under.
   */
  unpin(id: bigint): void {
    this.removePins(0, id);
  }

  /**
   * Removes every pin of this file that this process or this description owns (N8); their number, 0 or more.
   * @throws FsError EPERM: this process cannot be identified. ENOTTY: not on a leasefs mount.
   */
  unpinAll(): number {
    return this.removePins(abi.LEASEFS_UNPIN_ALL, 0n);
  }

  /**
   * The pins of this file, of all processes, in the order of their ids (A1). A pin that is made or removed during the call
   * may be missing.
   * @throws FsError ENOTTY: not on a leasefs mount.
   */
  pins(): Pin[] {
    const struct = abi.newStruct(abi.pins);
    const pins: Pin[] = [];
    for (let count = abi.LEASEFS_PINS_MAX; count === abi.LEASEFS_PINS_MAX; ) {
      struct.setBig(abi.pins.after, pins.at(-1)?.id ?? 0n);
      this.call(abi.LEASEFS_IOC_GETPINS, struct, 'listing the pins');
      count = Math.min(struct.u32(abi.pins.count), abi.LEASEFS_PINS_MAX);
      for (let n = 0; n < count; n++) pins.push(readPin(struct, abi.pins.pins.at + n * abi.pinInfo.bytes));
    }
    return pins;
  }

  /**
   * Where the blocks of [off, off + len) lie; needs no lease and grants nothing. Rounded outward to blocks; what no extent
   * covers is a hole.
   * @throws FsError EINVAL: `len` 0, the end beyond 2^53-1, not a regular file. ENOTTY: not on a leasefs mount.
   */
  layout(off: number, len: number): FileLayout {
    bytes(off, 'off');
    bytes(len, 'len');
    return readLayout(this.ready(), off, len, true);
  }

  /**
   * Maps bytes [off, off + len) where the store has them, so that loads and stores need no daemon. The mapping lasts as
   * long as the lease. On a break the callback of `onBreak` is called first; then everything mapped here is unmapped; then
   * the break is answered with what it demands, unless the callback has answered it. So return to the event loop within the
   * break time. Releasing the lease and `close` unmap too.
   *
   * @throws FsError EINVAL: `off` is no multiple of 4096, `len` 0. EPERM: this process owns no lease through this
   * description. EBADF: it is not open for reading and writing. EAGAIN: the lease is being broken. ENXIO: a hole in the
   * range, or it ends beyond the block of the last byte. EBUSY: see leasefs.h. And of getting the memory, which takes
   * the daemon's own user or root: EPERM, EACCES, ESRCH. EMFILE, ENETUNREACH: no break descriptor, as in `onBreak`.
   */
  mapDirect(off: number, len: number): DirectMapping {
    bytes(off, 'off');
    bytes(len, 'len');
    if (this.watch === undefined) this.listen();
    const mapping = new DirectMapping(this.fd, this.ready(), off, len);
    for (const other of this.mappings) if (!other.mapped) this.mappings.delete(other);
    this.mappings.add(mapping);
    return mapping;
  }

  /**
   * What `leasefs status|leases|pins --json` prints (A1): of this file, or of the whole mount through a directory.
   * @throws FsError EAGAIN: reports of this user take their share of the daemon's heap. ENOTTY: not on a leasefs mount.
   */
  report<What extends ReportKind>(what: What): Reports[What] {
    return readReportBy(this.ready(), what);
  }

  /**
   * Why a call of this process on this file was refused just now, whichever call it was: ftruncate, fallocate and write
   * too. undefined: no rule refused it.
   * @param code its errno.
   * @param since Date.now() before it: what is older is of another call.
   */
  refusal(code: number, since: number): ReportedRefusal | undefined {
    return this.descriptor < 0 ? undefined : refusalOf(this.calls, code, since);
  }

  /**
   * Calls `tell` when the lease must be released or lowered, again when what it must become changes, and at the end
   * of a break that this object did not answer. Answer by `setLeaseSync` or `close`, never by a write or fsync first:
   * they would wait behind the truncate that waits for you (B6). Replaces an earlier callback; does not keep the event
   * loop alive. Takes no thread.
   *
   * @throws FsError EINVAL: not a regular file. EMFILE: too many watches of this description, or of this user.
   * ENETUNREACH: this process is in a network namespace that the daemon may not enter; the signal of `setLease` reaches
   * it there. ENOTTY: not on a leasefs mount.
   */
  onBreak(tell: (notice: LeaseBreak) => void): BreakWatch {
    this.tell = tell;
    return this.listen();
  }

  /** Unmaps what is mapped here, stops `onBreak` and closes the descriptor if `open` made it; the lease ends with the last sharer (L2). Idempotent. */
  close(): void {
    this.watch?.close();
    this.unmapAll();
    this.calls.close();
    if (this.owned && this.descriptor >= 0) closeSync(this.descriptor);
    this.descriptor = -1;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  private ready(): Calls {
    if (this.descriptor < 0) throw new FsError(errno.EBADF, 'the file was closed');
    return this.calls;
  }

  private listen(): BreakWatch {
    this.watch?.close();
    this.watch = new BreakWatch(this.ready(), notice => {
      this.tell?.(notice);
      this.recall();
    });
    return this.watch;
  }

  /** A break recalls the layouts. */
  private recall(): void {
    if (this.mappings.size === 0) return;
    this.unmapAll();
    if (this.descriptor < 0) return;
    try {
      const { kind, breakMs } = this.getLease();
      if (breakMs > 0) this.setLeaseSync(kind);
    } catch (error) {
      // The break was forced in this moment, or the mount is gone.
      if (!(error instanceof FsError)) throw error;
    }
  }

  private unmapAll(): void {
    for (const mapping of this.mappings) mapping.unmap();
    this.mappings.clear();
  }

  private call(request: number, struct: StructView, what: string): void {
    const since = Date.now();
    const result = this.ready().call(request, struct.buffer);
    if (result < 0) throw this.refused(result, what, since);
  }

  private refused(code: number, what: string, since: number): LeaseError {
    return new LeaseError(code, what, this.refusal(code, since));
  }

  private settle(result: number, kind: LeaseKind, since: number): void {
    if (result < 0) throw this.refused(result, `setting the lease to ${kind}`, since);
    if (kind === 'none') this.unmapAll();
    this.watch?.answered();
  }

  private removePins(flags: number, id: bigint): number {
    const struct = abi.newStruct(abi.unpin);
    struct.setU32(abi.unpin.flags, flags);
    struct.setBig(abi.unpin.id, id);
    this.call(abi.LEASEFS_IOC_UNPIN, struct, flags === 0 ? `removing pin ${id}` : 'removing all pins');
    return struct.u32(abi.unpin.count);
  }
}

function leaseStruct(kind: LeaseKind, flags: number, options: SetLeaseOptions): ArrayBuffer {
  const struct = abi.newStruct(abi.lease);
  struct.setU32(abi.lease.kind, kindValue(spelt(kind)));
  struct.setU32(abi.lease.flags, flags);
  struct.setS32(abi.lease.signal, options.signal ?? 0);
  struct.setBig(abi.lease.cookie, options.cookie ?? 0n);
  return struct.buffer;
}

/** Programs without types may still write 'exclusive,unbreakable'. */
function spelt(kind: LeaseKind): LeaseKind {
  const current = currentSpelling(kind);
  if (current !== undefined) process.emitWarning(`lease kind '${kind}' is called '${current}' now`);
  return current ?? kind;
}

function readPin(struct: StructView, base: number): Pin {
  const flags = struct.u32(abi.pinInfo.flags, base);
  return {
    id: struct.big(abi.pinInfo.id, base),
    off: struct.u64(abi.pinInfo.off, base),
    len: struct.u64(abi.pinInfo.len, base),
    pid: struct.s32(abi.pinInfo.pid, base),
    mine: (flags & abi.LEASEFS_PIN_INFO_MINE) !== 0,
    owner: (flags & abi.LEASEFS_PIN_INFO_DESCRIPTION) !== 0 ? 'description' : 'process',
    zombie: (flags & abi.LEASEFS_PIN_INFO_ZOMBIE) !== 0,
  };
}

function bytes(value: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${name} is ${value}: it must be a whole number of bytes from 0 to 2^53-1`);
  }
  return value;
}
