// What the kernel says of the process or thread that a pidfd names, without /proc. Kernel counterpart: fs/pidfs.c.
import { native, STAT } from '../native/binding.js';
import type { Uids } from './proc.js';

const stat = new Float64Array(STAT.length);
/** /proc/PID/stat would tell the start time, but waits while the process is in exec(2) (K29). */
let hasNumbers: boolean | undefined;

/** Equal for every pidfd of one process or thread, and never used again; 0 before Linux 6.9, where every pidfd is the same inode. */
export function identityOf(pidfd: number): number {
  hasNumbers ??= supportsThreads();
  return hasNumbers && native.fstat(pidfd, stat) === 0 ? stat[STAT.ino]! : 0;
}

/** struct pidfd_info, as of Linux 6.13. */
const INFO = new DataView(new ArrayBuffer(64));
const PIDFD_GET_INFO = 0xc040_ff0b;
const WITH_CREDENTIALS = 1n << 1n;

/** Its uids; undefined when it is gone, and before Linux 6.13. Takes a fiftieth of /proc/PID/status. */
export function uidsBehind(pidfd: number): Uids | undefined {
  INFO.setBigUint64(0, WITH_CREDENTIALS, true);
  if (native.ioctl(pidfd, PIDFD_GET_INFO, INFO.buffer) < 0) return undefined;
  if ((INFO.getBigUint64(0, true) & WITH_CREDENTIALS) === 0n) return undefined;
  return { real: INFO.getUint32(28, true), saved: INFO.getUint32(44, true), fs: INFO.getUint32(52, true) };
}

/** The kernel has had both since the same version. */
function supportsThreads(): boolean {
  try {
    native.pidfdOpenThread(process.pid).close();
    return true;
  } catch {
    return false;
  }
}
