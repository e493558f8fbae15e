// Layout changes: truncate, fallocate and pooled writes ask the leases first (X). Kernel counterpart: xfs_break_layouts.
import type { FileHandle, InodeNumber, WaiterId } from '../../base/units.js';
import { NO_WAITER } from '../../base/units.js';
import { fallocateRange, pinnedByKernel, sizeRange, writeRange } from '../../lease/index.js';
import type { ChangeRange, KernelPin, Verdict } from '../../lease/types.js';
import { type Answer, type Caller, PARKED } from '../operations.js';
import { fileName, heldBy, processName } from '../trace/words.js';
import type { Inode } from '../vfs/inode.js';
import type { FallocateAct, LayoutGate } from '../vfs/layout-gate.js';
import { isNonblocking, type OpenFile } from '../vfs/open-file.js';
import { ask, goBehind } from './ask.js';
import { isGranted, layoutHolders } from './grant.js';
import type { LeasePlane } from './plane.js';
import { closing, endDescription } from './registered-pins.js';
import { forgetToken } from './watches.js';

/** A layout change as it was asked. */
interface Change {
  readonly caller: Caller;
  readonly inode: Inode;
  /** The description that the call comes through; undefined: by path. */
  readonly through: OpenFile | undefined;
  readonly nonblock: boolean;
}

export class Gate implements LayoutGate {
  private readonly plane: LeasePlane;

  constructor(plane: LeasePlane) {
    this.plane = plane;
  }

  truncate(
    caller: Caller,
    inode: Inode,
    through: OpenFile | undefined,
    before: number,
    size: number,
    nonblock: boolean,
  ): Answer {
    return this.admit(
      { caller, inode, through, nonblock },
      () => sizeRange(before, size),
      () => `truncate to ${size}`,
    );
  }

  fallocate(
    caller: Caller,
    inode: Inode,
    through: OpenFile,
    act: FallocateAct,
    before: number,
    off: number,
    len: number,
    keepSize: boolean,
  ): Answer {
    const { processes, injector } = this.plane;
    const call = () => `${act} [${off}, ${off + len})`;
    const refused = this.admit(
      { caller, inode, through, nonblock: isNonblocking(through) },
      () => fallocateRange(act, before, off, len, keepSize, inode.file!),
      call,
    );
    if (refused !== 0 || act === 'punch' || injector === undefined) return refused;
    return injector.spaceAnswer(processes.identify(caller.tid), inode.ino, call());
  }

  write(caller: Caller, inode: Inode, fh: FileHandle, off: number, len: number): Answer {
    const { sb, leases } = this.plane;
    if (sb.store.isDirect || !leases.concerns(inode.ino)) return 0;
    const file = inode.file!;
    const range = writeRange(file.size(), off, len, file);
    return this.admitWrite(caller, inode, fh, range, () => `write [${off}, ${off + len})`);
  }

  extend(caller: Caller, inode: Inode, fh: FileHandle, off: number, len: number): Answer {
    const { sb, leases } = this.plane;
    if (sb.store.isDirect || !leases.concerns(inode.ino)) return 0;
    const before = inode.file!.size();
    const range = sizeRange(before, Math.max(before, off + len));
    return this.admitWrite(caller, inode, fh, range, () => `write [${off}, ${off + len})`);
  }

  get wantsClosings(): boolean {
    return this.plane.supervision.active;
  }

  closing(caller: Caller, fh: FileHandle): Answer {
    const file = this.plane.sb.handles.get(fh);
    return file === undefined ? 0 : closing(this.plane, caller, file);
  }

  closed(file: OpenFile): void {
    const { plane } = this;
    const { fh } = file;
    forgetToken(plane, fh);
    plane.pinCursors.delete(fh);
    plane.supervision.closed(fh);
    endDescription(plane, file);
  }

  holds(ino: InodeNumber): boolean {
    return this.plane.leases.concerns(ino);
  }

  guards(ino: InodeNumber): boolean {
    return this.plane.leases.guarded(ino);
  }

  lends(ino: InodeNumber): boolean {
    return isGranted(this.plane, ino);
  }

  borrowers(): string {
    return layoutHolders(this.plane);
  }

  /**
   * Searches for kernel pins (N10) when the call does not wait for a lease, or no longer does.
   * @param rangeNow called only where a lease or a pin may refuse the change.
   */
  private admit(change: Change, rangeNow: () => ChangeRange, call: () => string): Answer {
    const { kernelPins, leases } = this.plane;
    const { caller, inode } = change;
    const found = kernelPins.answer(caller.waiter);
    const mayLook = found === undefined && kernelPins.mayBePinned(inode);
    if (found === undefined && !mayLook && !leases.concerns(inode.ino)) return 0;
    const range = rangeNow();
    const looks = mayLook && kernelPins.concern(inode, range);
    if (looks && caller.waiter === NO_WAITER) return this.look(change);
    const answer = this.askLeases(change, range, found?.pins, call);
    if (answer !== 0) return answer;
    if (looks) return this.look(change);
    if (found === undefined) return 0;
    if (found.unseen !== undefined) return this.couldNotLook(change, found.unseen, call);
    if (found.ignored !== undefined) this.warn(change, range, found.ignored, call);
    return 0;
  }

  /** A write into present blocks is admitted without a look at the caller. */
  private admitWrite(
    caller: Caller,
    inode: Inode,
    fh: FileHandle,
    range: ChangeRange,
    call: () => string,
  ): Answer {
    if (range.empty && caller.waiter === NO_WAITER) return 0;
    const through = this.plane.sb.handles.get(fh);
    const change = { caller, inode, through, nonblock: isNonblocking(through) };
    return this.askLeases(change, range, undefined, call);
  }

  /** Parked until it is known whether the kernel has pages of the file pinned. */
  private look({ caller, inode }: Change): Answer {
    caller.waiter = this.plane.kernelPins.look(inode);
    caller.interruptible = false;
    return PARKED;
  }

  /** N12, --unseen-pins=warn: the change is made all the same. */
  private warn(
    { caller, inode }: Change,
    range: ChangeRange,
    pins: readonly KernelPin[],
    call: () => string,
  ): void {
    const { plane } = this;
    const pin = pins.find(({ start, end }) => start < range.pinEnd && range.pinStart < end);
    if (pin === undefined) return;
    const who = processName(plane, plane.processes.identify(caller.tid));
    const holder = heldBy(plane, pinnedByKernel(pin));
    plane.log(
      `allowed: ${call()} of ${fileName(plane, inode.ino)} by ${who} in spite of a ${holder}`,
      caller.uid,
    );
  }

  /** N10: an incomplete search means that the range may be pinned. */
  private couldNotLook({ caller, inode }: Change, why: string, call: () => string): Answer {
    const { plane } = this;
    const process = plane.processes.identify(caller.tid);
    const refused: Verdict = { kind: 'refused', errno: 'EAGAIN', rule: 'N10' };
    plane.log(`could not look for kernel pins: ${why} [N10]`);
    return ask(plane, caller, process, inode.ino, () => refused, call);
  }

  private askLeases(
    change: Change,
    range: ChangeRange,
    found: readonly KernelPin[] | undefined,
    call: () => string,
  ): Answer {
    const { plane } = this;
    const { caller, inode, through, nonblock } = change;
    const { ino } = inode;
    // Every caller is admitted then, so it need not be identified.
    if (found === undefined && !plane.leases.concerns(ino)) return 0;
    const behind = goBehind(plane, caller, ino);
    if (behind !== 0) return behind;
    const process = plane.processes.identify(caller.tid);
    const kernelPins = found === undefined ? undefined : plane.supervision.unknown(ino, found);
    const asks = (waiter: WaiterId) =>
      plane.leases.change(plane.monotonic(), {
        process,
        description: through?.fh ?? 0,
        file: ino,
        nonblock,
        range,
        kernelPins,
        waiter: found === undefined ? waiter : NO_WAITER,
      });
    const answer = ask(plane, caller, process, ino, asks, call);
    const looks = answer === PARKED && plane.supervision.hasLooked(caller.waiter);
    if (looks && found !== undefined) plane.kernelPins.keep(caller.waiter, found);
    return answer;
  }
}
