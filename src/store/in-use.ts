// Whether another process has a memfd open or mapped (F20): the kernel grants a write lease only if no other description is
// open, and a mapping keeps one open. The kernel does not count the description that memfd_create made, so the daemon's own
// first descriptor does not matter.
import { F_SETLEASE, F_WRLCK, O_NONBLOCK, O_RDONLY } from '../base/linux.js';
import { type Descriptor, native } from '../native/binding.js';

/**
 * A descriptor that holds the kernel's write lease on the memfd, until it is closed; undefined while another process has
 * the memfd, and when no descriptor is left for the probe. O_NONBLOCK: a client may hold a kernel lease on a segment that it
 * was lent, and the open would wait for that client (fs.lease-break-time).
 */
export function probeUnused(memfd: number): Descriptor | undefined {
  let asking: Descriptor;
  try {
    asking = native.open(`/proc/self/fd/${memfd}`, O_RDONLY | O_NONBLOCK);
  } catch {
    return undefined;
  }
  if (native.fcntl(asking.fd, F_SETLEASE, F_WRLCK) === 0) return asking;
  asking.close();
  return undefined;
}
