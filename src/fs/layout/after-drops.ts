// Before a lease or a pin is answered: a change that was allowed and answered before may still be dropping pages of the
// kernel's cache, with what the holder stores next. The answer waits for that.
import type { Caller } from '../operations.js';
import type { Inode } from '../vfs/inode.js';
import type { LeasePlane } from './plane.js';

/** Precondition: the lease or the pin was made, so that no other change is allowed meanwhile. */
export function afterDrops({ sb }: LeasePlane, { uid }: Caller, { ino, cachedPages }: Inode): void {
  const passed = cachedPages?.whenDropped();
  if (passed !== undefined) sb.host?.afterInodeLock(ino, uid, passed);
}
