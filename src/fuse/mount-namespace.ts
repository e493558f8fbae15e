// Whose mounts this process may change: root of a user namespace only those of a mount namespace that this one owns.
import { closeSync } from 'node:fs';
import { errno } from '../base/errno.js';
import { O_RDONLY } from '../base/linux.js';
import { native } from '../native/binding.js';

/** ioctl_ns(2). */
const NS_GET_USERNS = 0xb701;

/** What to do where there is none of its own. */
export const OWN_MOUNTS =
  'this user namespace has no mount namespace of its own: begin it with `unshare -Urm`, not -Ur';

/** Whether it has one, or that cannot be found out. Of another owner the kernel does not tell who it is. */
export function ownsMounts(): boolean {
  try {
    const mounts = native.open('/proc/self/ns/mnt', O_RDONLY);
    const owner = native.ioctl(mounts.fd, NS_GET_USERNS, new ArrayBuffer(0));
    mounts.close();
    if (owner >= 0) closeSync(owner);
    return owner !== -errno.EPERM;
  } catch {
    return true;
  }
}
