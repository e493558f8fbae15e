// What a filesystem leaves in the journal for the next daemon, and takes over from the last one: both wings at once.
import type { InodeNumber } from '../base/units.js';
import type { Journal } from '../journal/journal.js';
import type { Restorer } from '../journal/restorer.js';
import type { LeasePlane } from './layout/plane.js';
import { PlaneRestorer } from './layout/plane-restorer.js';
import { VfsJournal } from './vfs/vfs-journal.js';
import { VfsRestorer } from './vfs/vfs-restorer.js';

/** From now on all that a daemon needs to take over is written there. Behind `restore`. */
export function keepIn(plane: LeasePlane, journal: Journal): void {
  const { sb } = plane;
  sb.journal = new VfsJournal(sb, journal);
  sb.journal.changed(sb.root);
  journal.sources.push(sb.journal);
  plane.keepIn(journal);
}

export class Takeover {
  /** For the journal of the last daemon: before the first operation, and behind `Filesystem.show`. */
  readonly restorers: readonly Restorer[];
  private readonly plane: LeasePlane;
  private readonly planeRestorer: PlaneRestorer;

  constructor(plane: LeasePlane) {
    this.plane = plane;
    this.planeRestorer = new PlaneRestorer(plane);
    this.restorers = [new VfsRestorer(plane.sb), this.planeRestorer];
  }

  /** They were restored, and the transport is attached. @param registered the files that the kernel serves by passthrough. */
  finish(registered: Iterable<InodeNumber>): void {
    const { sb } = this.plane;
    for (const ino of registered) {
      const inode = sb.inode(ino);
      if (inode?.file === undefined) sb.host?.backingGone(ino);
      else sb.residency.takeOver(inode);
    }
    for (const inode of sb.inodes.values()) if (inode.nlink === 0) sb.reap(inode);
    this.planeRestorer.takeOver();
  }
}
