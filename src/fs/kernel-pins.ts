// Kernel pins that nobody told us of (N10), looked for before a layout change of a direct file. The search is not the
// session's work: the change is parked as if it waited for a lease, and runs again when the answer is there.
//
// Nothing is looked for where nothing can be lost: the change takes no block, or nobody has the file open or mapped. A
// pooled file cannot be pinned through its own mapping; who maps the store's memory by a layout is under a lease.
import { blockOf, blocksFor, type InodeNumber, type WaiterId } from '../base/units.js';
import type { ChangeRange, KernelPin } from '../lease/types.js';
import { KernelPinSearch } from '../process/kernel-pin-search.js';
import type { KernelPin as FoundPin } from '../process/kernel-pins.js';
import type { Inode } from './inode.js';
import type { Superblock } from './superblock.js';

export class UnleasedPins {
  /** Searches so far. */
  searches = 0;
  private search: KernelPinSearch | undefined;
  /** Of changes that wait for an answer or have one and run again. */
  private readonly answers = new Map<WaiterId, readonly KernelPin[] | undefined>();

  /** @param device of the mount, as /proc/PID/maps writes it. Without it nothing is looked for. */
  start(device: string, log: (line: string) => void): void {
    this.search = new KernelPinSearch(device, log);
  }

  /** Whether a change of the range could take a page that the kernel has pinned. */
  concern(sb: Superblock, { file, nopen }: Inode, { pinStart, pinEnd }: ChangeRange): boolean {
    if (this.search === undefined || file === undefined || pinStart >= pinEnd) return false;
    const end = Math.min(pinEnd, blocksFor(file.size()));
    if (pinStart >= end || !sb.store.identity || !file.hasData(pinStart, end)) return false;
    return nopen > 0 || file.isInUse();
  }

  /** Begins a search; the waiter that runs again when it has ended. */
  look(sb: Superblock, ino: InodeNumber): WaiterId {
    const waiter = sb.newWaiter();
    this.answers.set(waiter, undefined);
    this.searches++;
    this.search!.find(ino, pins => {
      if (!this.answers.has(waiter)) return;
      this.answers.set(
        waiter,
        pins.map(pin => unleased(sb, pin)),
      );
      sb.host?.retry(waiter);
      this.answers.delete(waiter);
    });
    return waiter;
  }

  /** What the search of a change found that runs again; undefined: it is no such change. */
  answer(waiter: WaiterId): readonly KernelPin[] | undefined {
    return this.answers.get(waiter);
  }

  cancel(waiter: WaiterId): void {
    this.answers.delete(waiter);
  }

  close(): void {
    this.answers.clear();
    this.search?.close();
  }
}

function unleased(sb: Superblock, { pid, begin, end, ring }: FoundPin): KernelPin {
  const process = sb.processes.identify(pid);
  return { process, start: blockOf(begin), end: blocksFor(end), ring };
}
