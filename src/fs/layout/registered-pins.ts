// Pins whose end nobody tells, since they live with a registration of memory: looked at when they are in the way, in
// listings, and when a process ends.
import type { FileHandle, InodeNumber } from '../../base/units.js';
import type { Verdict } from '../../lease/types.js';
import type { Superblock } from '../vfs/superblock.js';
import { carryOut } from './ask.js';

/**
 * Asks, and asks again if it was refused and pins were in the way, or may have been, that have ended unseen.
 * @param ask calls the lease machine.
 */
export function judged(sb: Superblock, ino: InodeNumber, ask: () => Verdict): Verdict {
  const verdict = ask();
  return verdict.kind === 'refused' && endGone(sb, ino) ? ask() : verdict;
}

/** Ends the pins, of one file or of all, whose registration is gone; whether there were any. */
export function endGone(sb: Superblock, ino?: InodeNumber): boolean {
  const handles = sb.supervision.gone(ino);
  for (const handle of handles) endHandle(sb, handle);
  return handles.length > 0;
}

/** Ends what `handle` owns. */
export function endHandle(sb: Superblock, handle: FileHandle): void {
  sb.leases.release(sb.monotonic(), handle);
  carryOut(sb);
}
