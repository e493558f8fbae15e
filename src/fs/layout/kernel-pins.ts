// Kernel pins that were made without a lease (N10), and possible ones (N12), looked for before a layout change. The search is not the session's
// work: the change is parked as if it waited for a lease, and runs again when the answer is there.
//
// Nothing is looked for where nothing can be lost: the change takes no block, or no process has the memory. A direct file is
// pinned through a mapping of the file. A pooled one cannot be, but through a mapping of the store's segments, which
// clients have by a layout.
import { errno } from '../../base/errno.js';
import { attempt } from '../../base/guarded.js';
import { blockOf, blocksFor, type WaiterId } from '../../base/units.js';
import type { ChangeRange, KernelPin } from '../../lease/types.js';
import { KernelPinSearch, type Question } from '../../process/kernel-pin-search.js';
import { type Found, type FoundPin, isAnythingPinned } from '../../process/kernel-pins.js';
import { SOCKET } from '../../process/possible-pins.js';
import { deviceNameOf } from '../../process/proc-text.js';
import { Extent, type StoredFile } from '../../store/file-store.js';
import { neverMapped } from '../../store/never-mapped.js';
import type { Inode } from '../vfs/inode.js';
import type { LeasePlane } from './plane.js';

/** What is known of the kernel's pins of a file. */
interface Looked {
  readonly pins: readonly KernelPin[];
  /** Possible pins that the mount ignores and names in the log (N12). */
  readonly ignored?: readonly KernelPin[];
  /** Why there may be more; undefined: the search was complete. */
  readonly unseen: string | undefined;
}

/** --unseen-pins: what possible pins (N12) do to a change. */
export type UnseenPins = 'refuse' | 'warn' | 'allow';

export class KernelPins {
  private readonly plane: LeasePlane;
  private unseenPins: UnseenPins = 'refuse';
  /** Searches so far. */
  searches = 0;
  private device = '';
  private search: KernelPinSearch | undefined;
  /** Of changes that wait for an answer or have one and run again. */
  private readonly answers = new Map<WaiterId, Looked | undefined>();

  constructor(plane: LeasePlane) {
    this.plane = plane;
  }

  /** @param device of the mount, as /proc/PID/maps writes it. Without it nothing is looked for. */
  start(device: string, unseenPins: UnseenPins): void {
    this.device = device;
    this.unseenPins = unseenPins;
    this.search = new KernelPinSearch(this.plane.log);
  }

  /** Whether the kernel could have pages of the file pinned. The inode was refreshed just now. */
  mayBePinned(inode: Inode): boolean {
    const { file, nopen } = inode;
    if (this.search === undefined || file === undefined) return false;
    if (!inode.cache.openedNoatime && neverMapped(inode.seenAtime)) return false;
    return (nopen > 0 && this.plane.sb.store.isDirect) || file.isInUse();
  }

  /** Whether a change of the range could take a page that the kernel has pinned. Precondition: mayBePinned. */
  concern(inode: Inode, { pinStart, pinEnd }: ChangeRange): boolean {
    if (pinStart >= pinEnd || !inode.file!.hasData(pinStart, pinEnd)) return false;
    // Mostly nothing is pinned on the whole machine: that is asked at once, at a fraction of what a search costs.
    if (isAnythingPinned() !== false) return true;
    // The search takes some ms, in which passthrough writes continue.
    this.plane.sb.refresh(inode);
    return false;
  }

  /** Begins a search; the waiter that runs again when it has ended. */
  look(inode: Inode): WaiterId {
    const { plane } = this;
    const { sb } = plane;
    this.searches++;
    const waiter = sb.newWaiter();
    this.answers.set(waiter, undefined);
    const segments = sb.store.lent();
    const question: Question =
      segments === undefined
        ? { device: this.device, inos: [inode.ino] }
        : { device: deviceNameOf(segments.dev), inos: [...segments.byIno.keys()] };
    const use = ({ pins: found, unseen }: Found): void => {
      if (!this.answers.has(waiter)) return;
      const all = found
        .filter(pin => !this.isSupervised(pin))
        .flatMap(pin => {
          return segments === undefined
            ? toKernelPin(plane, pin, pin.begin, pin.end)
            : inFile(plane, pin, segments.byIno.get(pin.ino)!, inode.file!);
        });
      const heeded = all.filter(({ possible }) => !possible || this.unseenPins === 'refuse');
      const ignored = this.unseenPins === 'warn' ? all.filter(({ possible }) => possible) : [];
      this.answers.set(waiter, { pins: heeded, ignored, unseen });
      sb.host?.retry(waiter);
      this.answers.delete(waiter);
    };
    this.search!.find(question, found => {
      if (attempt(sb.log, 'pin search', () => use(found))) return;
      // A change that could not be checked is refused.
      this.answers.delete(waiter);
      sb.host?.answer(waiter, errno.EAGAIN);
    });
    return waiter;
  }

  /**
   * A supervisor sees what the process registers, and makes a pin of it. Of a socket that it does not know, the memory was
   * registered in a way that it does not see.
   */
  private isSupervised({ pid, by, link, possible }: FoundPin): boolean {
    const { supervision } = this.plane;
    if (!possible || !supervision.active) return false;
    if (by === SOCKET) return supervision.heldOf(undefined).some(held => held.registration.link === link);
    return supervision.isUnder(pid, supervisor => this.plane.process(supervisor).pid);
  }

  /** What the search of a change found that runs again; undefined: it is no such change. */
  answer(waiter: WaiterId): Looked | undefined {
    return this.answers.get(waiter);
  }

  /** The same for a change that now waits for something else, under another waiter. */
  keep(waiter: WaiterId, pins: readonly KernelPin[]): void {
    this.answers.set(waiter, { pins, unseen: undefined });
  }

  cancel(waiter: WaiterId): void {
    this.answers.delete(waiter);
  }

  close(): void {
    this.answers.clear();
    this.search?.close();
  }
}

/** As the lease machine judges it: bytes [begin, end) of the file. */
function toKernelPin(
  plane: LeasePlane,
  { pid, by, ring, inherited, possible }: FoundPin,
  begin: number,
  end: number,
): KernelPin {
  const process = plane.processes.identify(pid, false);
  return { process, start: blockOf(begin), end: blocksFor(end), with: by, ring, inherited, possible };
}

const extent = new Extent();

/** The part of a segment's pinned range that belongs to the file now. */
function inFile(plane: LeasePlane, pin: FoundPin, segment: number, file: StoredFile): KernelPin[] {
  const pins: KernelPin[] = [];
  for (let off = 0; file.nextExtent(off, extent); off = extent.off + extent.len) {
    const from = Math.max(pin.begin, extent.store) - extent.store;
    const to = Math.min(pin.end, extent.store + extent.len) - extent.store;
    if (extent.segment === segment && from < to) {
      pins.push(toKernelPin(plane, pin, extent.off + from, extent.off + to));
    }
  }
  return pins;
}
