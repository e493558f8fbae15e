// The filesystem as its transports see it: builds the wings (vfs, layout, trace) and routes each operation to the family
// that implements it, or for a virtual inode to the tree of virtual files.
import type { ReportedStatus, ReportKind } from '../abi/reports.js';
import { errno } from '../base/errno.js';
import type { Gather } from '../base/gather.js';
import type { Source } from '../base/kept-text.js';
import { O_EXCL } from '../base/linux.js';
import { type FileHandle, type InodeNumber, isVirtual, type Name, type WaiterId } from '../base/units.js';
import type { LeaseOptions } from '../lease/types.js';
import { groupsOf, isCapable } from '../process/proc.js';
import type { FileStore } from '../store/file-store.js';
import { Gate } from './layout/change.js';
import { layout } from './layout/grant.js';
import { Injector } from './layout/injector.js';
import type { UnseenPins } from './layout/kernel-pins.js';
import { getLease, poll, setLease } from './layout/leases.js';
import { pin, pins, unpin } from './layout/pins.js';
import { LeasePlane } from './layout/plane.js';
import { settle } from './layout/registered-pins.js';
import * as supervisor from './layout/supervisor.js';
import { type Watchers, watch, watchBy } from './layout/watches.js';
import type {
  Answer,
  Attr,
  Caller,
  DirSink,
  GetLeaseAnswer,
  Host,
  Layout,
  LayoutRequest,
  LongWork,
  Opened,
  Operations,
  PinForRequest,
  PinPage,
  PinRequest,
  SetAttr,
  SetLeaseRequest,
  StatFs,
  Subject,
  Watched,
} from './operations.js';
import { heldBy, report, type SessionStatus, statusOf, unserved } from './report.js';
import { isAclName } from './vfs/acl.js';
import { getattr, setattr, statfs } from './vfs/attributes.js';
import { forget, link, lookup, mkdir, mknod, readlink, symlink } from './vfs/create.js';
import { copyFileRange, lseek, read, write } from './vfs/file-io.js';
import { create, open, tmpfile } from './vfs/open.js';
import { opendir, readdir } from './vfs/readdir.js';
import { fallocate } from './vfs/space.js';
import { Superblock, type SuperblockOptions } from './vfs/superblock.js';
import { rename, rmdir, unlink } from './vfs/unlink-rename.js';
import { Virtual, type VirtualTree } from './vfs/virtual.js';
import { getxattr, listxattr, removexattr, setxattr } from './vfs/xattrs.js';

export class Filesystem implements Operations {
  /** Leases and pins, for src/control. */
  readonly plane: LeasePlane;
  readonly slices: LongWork;
  private readonly sb: Superblock;
  /** What the transport and the command line add to the status now. */
  session: () => SessionStatus = () => unserved;

  /** @param chooseStore called once, by the first operation that needs it. */
  constructor(chooseStore: () => FileStore, options: SuperblockOptions & LeaseOptions) {
    this.sb = new Superblock(chooseStore, { isCapable, groupsOf }, options);
    this.slices = this.sb.slices;
    this.plane = new LeasePlane(this.sb, options);
    this.sb.gate = new Gate(this.plane);
  }

  attach(host: Host): void {
    this.sb.host = host;
  }

  /** N10 and N12 from now on. @param device of the mount, as /proc/PID/maps writes it. */
  lookForKernelPins(device: string, unseenPins: UnseenPins = 'refuse'): void {
    this.plane.kernelPins.start(device, unseenPins);
  }

  lookup(_caller: Caller, parent: InodeNumber, name: Name, out: Attr): Answer {
    const { virtual } = this.sb;
    if (isVirtual(parent)) return virtual?.lookup(parent, name, out) ?? -errno.ESTALE;
    if (virtual?.isReserved(parent, name)) return virtual.getattr(virtual.tree.top, out);
    return lookup(this.sb, parent, name, out);
  }

  forget(ino: InodeNumber, nlookup: number): void {
    forget(this.sb, ino, nlookup);
  }

  mknod(caller: Caller, parent: InodeNumber, name: Name, mode: number, rdev: number, out: Attr): Answer {
    return this.refusedName(parent, name) || mknod(this.sb, caller, parent, name, mode, rdev, out);
  }

  mkdir(caller: Caller, parent: InodeNumber, name: Name, mode: number, out: Attr): Answer {
    return this.refusedName(parent, name) || mkdir(this.sb, caller, parent, name, mode, out);
  }

  symlink(caller: Caller, parent: InodeNumber, name: Name, target: Uint8Array, out: Attr): Answer {
    return this.refusedName(parent, name) || symlink(this.sb, caller, parent, name, target, out);
  }

  link(_caller: Caller, ino: InodeNumber, parent: InodeNumber, name: Name, out: Attr): Answer {
    return this.refusedName(parent, name) || link(this.sb, ino, parent, name, out);
  }

  unlink(_caller: Caller, parent: InodeNumber, name: Name): Answer {
    return this.isFixed(parent, name) ? -errno.EPERM : unlink(this.sb, parent, name);
  }

  rmdir(_caller: Caller, parent: InodeNumber, name: Name): Answer {
    return this.isFixed(parent, name) ? -errno.EPERM : rmdir(this.sb, parent, name);
  }

  rename(
    caller: Caller,
    from: InodeNumber,
    name: Name,
    to: InodeNumber,
    toName: Name,
    flags: number,
  ): Answer {
    if (this.isFixed(from, name) || this.isFixed(to, toName)) return -errno.EPERM;
    return rename(this.sb, caller, from, name, to, toName, flags);
  }

  readlink(_caller: Caller, ino: InodeNumber, out: Uint8Array, at: number): Answer {
    return readlink(this.sb, ino, out, at);
  }

  getattr(_caller: Caller, ino: InodeNumber, out: Attr): Answer {
    if (isVirtual(ino)) return this.sb.virtual?.getattr(ino, out) ?? -errno.ESTALE;
    return getattr(this.sb, ino, out);
  }

  setattr(caller: Caller, ino: InodeNumber, set: SetAttr, out: Attr): Answer {
    if (isVirtual(ino)) return this.sb.virtual?.setattr(ino, set, out) ?? -errno.EPERM;
    return setattr(this.sb, caller, ino, set, out);
  }

  statfs(out: StatFs): Answer {
    return statfs(this.sb, out);
  }

  open(caller: Caller, ino: InodeNumber, flags: number, out: Opened): Answer {
    if (!isVirtual(ino)) return open(this.sb, caller, ino, flags, out);
    const settled = settle(this.plane, caller, false);
    return settled || (this.sb.virtual?.open(caller, ino, flags, out) ?? -errno.ESTALE);
  }

  create(
    caller: Caller,
    parent: InodeNumber,
    name: Name,
    mode: number,
    flags: number,
    attr: Attr,
    out: Opened,
  ): Answer {
    const refused = this.refusedName(parent, name);
    if (refused !== 0) return refused === -errno.EEXIST && (flags & O_EXCL) === 0 ? -errno.EISDIR : refused;
    return create(this.sb, caller, parent, name, mode, flags, attr, out);
  }

  tmpfile(caller: Caller, parent: InodeNumber, mode: number, flags: number, attr: Attr, out: Opened): Answer {
    return tmpfile(this.sb, caller, parent, mode, flags, attr, out);
  }

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
  ): Answer {
    if (isVirtual(ino)) {
      return this.sb.virtual?.read(caller, fh, off, new Uint8Array(out, at, len)) ?? -errno.EBADF;
    }
    return read(this.sb, ino, fh, off, len, out, at, gather, cached);
  }

  write(
    caller: Caller,
    ino: InodeNumber,
    fh: FileHandle,
    off: number,
    len: number,
    data: ArrayBuffer,
    at: number,
    writeback: boolean,
  ): Answer {
    if (isVirtual(ino))
      return this.sb.virtual?.write(caller, fh, new Uint8Array(data, at, len)) ?? -errno.EBADF;
    return write(this.sb, caller, ino, fh, off, len, data, at, writeback);
  }

  fallocate(
    caller: Caller,
    ino: InodeNumber,
    fh: FileHandle,
    mode: number,
    off: number,
    len: number,
  ): Answer {
    return fallocate(this.sb, caller, ino, fh, mode, off, len);
  }

  lseek(_caller: Caller, ino: InodeNumber, _fh: FileHandle, off: number, whence: number): Answer {
    return lseek(this.sb, ino, off, whence);
  }

  copyFileRange(
    caller: Caller,
    from: InodeNumber,
    _fromFh: FileHandle,
    fromOff: number,
    to: InodeNumber,
    toFh: FileHandle,
    toOff: number,
    len: number,
  ): Answer {
    return copyFileRange(this.sb, caller, from, fromOff, to, toFh, toOff, len);
  }

  flush(caller: Caller, fh: FileHandle): Answer {
    return this.sb.gate.closing(caller, fh);
  }

  release(fh: FileHandle): void {
    if (this.sb.virtual?.has(fh)) this.sb.virtual.release(fh);
    else this.sb.closeFile(fh);
  }

  poll(fh: FileHandle, notify: boolean): Answer {
    if (this.sb.virtual?.has(fh)) return this.sb.virtual.poll(fh, notify);
    return poll(this.plane, fh, notify);
  }

  opendir(caller: Caller, ino: InodeNumber, flags: number, out: Opened): Answer {
    if (isVirtual(ino)) return this.sb.virtual?.opendir(ino, out) ?? -errno.ESTALE;
    return opendir(this.sb, caller, ino, flags, out);
  }

  readdir(
    caller: Caller,
    ino: InodeNumber,
    fh: FileHandle,
    offset: number,
    plus: boolean,
    sink: DirSink,
  ): Answer {
    if (isVirtual(ino)) return this.sb.virtual?.readdir(ino, offset, sink) ?? -errno.ESTALE;
    return readdir(this.sb, caller, fh, offset, plus, sink);
  }

  setxattr(caller: Caller, ino: InodeNumber, name: Name, value: Uint8Array, flags: number): Answer {
    if (isVirtual(ino)) return -errno.EOPNOTSUPP;
    return setxattr(this.sb, caller, ino, name, value, flags);
  }

  getxattr(_caller: Caller, ino: InodeNumber, name: Name, out: Uint8Array, at: number, size: number): Answer {
    // The kernel asks for their ACLs when a process other than the owner's looks.
    if (isVirtual(ino)) return isAclName(name) ? -errno.ENODATA : -errno.EOPNOTSUPP;
    return getxattr(this.sb, ino, name, out, at, size);
  }

  listxattr(caller: Caller, ino: InodeNumber, out: Uint8Array, at: number, size: number): Answer {
    if (isVirtual(ino)) return -errno.EOPNOTSUPP;
    return listxattr(this.sb, caller, ino, out, at, size);
  }

  removexattr(_caller: Caller, ino: InodeNumber, name: Name): Answer {
    return isVirtual(ino) ? -errno.EOPNOTSUPP : removexattr(this.sb, ino, name);
  }

  setLease(caller: Caller, ino: InodeNumber, fh: FileHandle, request: SetLeaseRequest): Answer {
    return isVirtual(ino) ? -errno.EINVAL : setLease(this.plane, caller, fh, request);
  }

  getLease(_ino: InodeNumber, fh: FileHandle): GetLeaseAnswer {
    return getLease(this.plane, fh);
  }

  watch(caller: Caller, _ino: InodeNumber, fh: FileHandle): Watched | number {
    return watch(this.plane, caller, fh);
  }

  pin(caller: Caller, _ino: InodeNumber, fh: FileHandle, request: PinRequest): Answer {
    return pin(this.plane, caller, fh, request);
  }

  unpin(caller: Caller, ino: InodeNumber, fh: FileHandle, id: number | undefined): Answer {
    const taken = id === undefined ? undefined : supervisor.unpinFor(this.plane, caller, id);
    return taken ?? unpin(this.plane, caller, ino, fh, id);
  }

  pins(caller: Caller, ino: InodeNumber, fh: FileHandle, after: number, max: number): PinPage {
    return pins(this.plane, caller, ino, fh, after, max);
  }

  settle(caller: Caller, due: boolean): Answer {
    return settle(this.plane, caller, due);
  }

  layout(caller: Caller, _ino: InodeNumber, fh: FileHandle, request: LayoutRequest, out: Layout): Answer {
    return layout(this.plane, caller, fh, request, out);
  }

  report(caller: Caller, ino: InodeNumber, what: ReportKind): Source {
    return report(this.plane, caller, ino, what, this.session);
  }

  status(): Generator<string, ReportedStatus> {
    return statusOf(this.plane, this.session);
  }

  askSecret(caller: Caller): Answer {
    return supervisor.askSecret(this.plane, caller);
  }

  supervise(caller: Caller, fh: FileHandle, token: Uint8Array): Answer {
    return supervisor.supervise(this.plane, caller, fh, token);
  }

  setLeaseFor(caller: Caller, fh: FileHandle, subject: Subject, request: SetLeaseRequest): Answer {
    return supervisor.setLeaseFor(this.plane, caller, fh, subject, request);
  }

  cancelLeaseFor(caller: Caller, tid: number, isGranted: boolean): Answer {
    return supervisor.cancelLeaseFor(this.plane, caller, tid, isGranted);
  }

  pinFor(caller: Caller, request: PinForRequest): Answer {
    return supervisor.pinFor(this.plane, caller, request);
  }

  endPinFor(caller: Caller, subject: Subject, id: number): Answer {
    return supervisor.endPinFor(this.plane, caller, subject, id);
  }

  interrupt(waiter: WaiterId): void {
    this.sb.virtual?.forget(waiter);
    this.plane.cancel(waiter);
  }

  /** Reads of virtual files that wait. */
  get streaming(): number {
    return this.sb.virtual?.waiting ?? 0;
  }

  /** Before the first operation: puts the tree below the root. */
  show(tree: VirtualTree): void {
    this.sb.virtual = new Virtual(this.sb, tree);
  }

  /** Sets the holders of break descriptors. Before the first operation, and after `show`. */
  watchBy(watchers: Watchers): void {
    watchBy(this.plane, watchers);
  }

  /** Before the first operation: faults can be injected from now on. */
  allowInjection(): Injector {
    this.plane.injector = new Injector(this.plane);
    return this.plane.injector;
  }

  /** The holders of leases and pins, a phrase each, for a daemon that is asked to stop (A4). */
  heldBy(): string[] {
    return heldBy(this.plane);
  }

  destroy(): void {
    this.sb.host = undefined;
    for (const fh of [...this.sb.handles.keys()]) this.sb.closeFile(fh);
    this.plane.close();
    for (const inode of this.sb.inodes.values()) void inode.file?.free()?.start();
    this.sb.inodes.clear();
  }

  /** 0, or why no new file may have the name: the virtual files stay what and where they are. */
  private refusedName(parent: InodeNumber, name: Name): Answer {
    return isVirtual(parent) ? -errno.EPERM : this.sb.virtual?.isReserved(parent, name) ? -errno.EEXIST : 0;
  }

  /** Whether the name is a virtual file's, which no user moves or removes. */
  private isFixed(parent: InodeNumber, name: Name): boolean {
    return isVirtual(parent) || (this.sb.virtual?.isReserved(parent, name) ?? false);
  }
}
