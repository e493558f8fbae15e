// Whether anybody else has a memfd open or mapped (F20): the kernel grants a write lease only where nobody does, which
// mappings count as. What was made by memfd_create is not counted, so a daemon's own first descriptor is no obstacle.
import { F_SETLEASE, F_WRLCK } from '../base/linux.js';
import { type Descriptor, native } from '../native/binding.js';

const O_RDONLY_NONBLOCK = 0o4000;

/**
 * A descriptor that holds the kernel's write lease on the memfd, until it is closed; undefined while somebody else has
 * the memfd, and when there is no descriptor left to ask with. O_NONBLOCK: a client may hold a kernel lease on what it was
 * lent, and the open would wait for that client (fs.lease-break-time).
 */
export function openExclusive(memfd: number): Descriptor | undefined {
  let asking: Descriptor;
  try {
    asking = native.open(`/proc/self/fd/${memfd}`, O_RDONLY_NONBLOCK);
  } catch {
    return undefined;
  }
  if (native.fcntl(asking.fd, F_SETLEASE, F_WRLCK) === 0) return asking;
  asking.close();
  return undefined;
}
