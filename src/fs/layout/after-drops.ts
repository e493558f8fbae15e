// After a change was allowed and answered, the kernel may still be dropping pages of its cache, and with them the next
// stores of a new holder. So the answer to a lease or a pin waits until that is complete.
import type { Caller } from '../operations.js';
import type { Inode } from '../vfs/inode.js';
import type { LeasePlane } from './plane.js';

/** Precondition: the lease or the pin was made, so that no further change is allowed. */
export function afterDrops({ sb }: LeasePlane, { uid }: Caller, { ino, cachedPages }: Inode): void {
  const passed = cachedPages?.whenDropped();
  if (passed !== undefined) sb.host?.afterInodeLock(ino, uid, passed);
}
