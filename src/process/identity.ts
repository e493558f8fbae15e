// Which process or thread a pidfd names: the kernel gives each an inode number of its own, never used again.
import { native, STAT } from '../native/binding.js';

const stat = new Float64Array(STAT.length);
/** /proc/PID/stat would tell the start time, but waits while the process is in exec(2) (K29). */
let hasNumbers: boolean | undefined;

/** Equal for every pidfd of one process or thread; 0 before Linux 6.9, where every pidfd is the same inode. */
export function identityOf(pidfd: number): number {
  hasNumbers ??= supportsThreads();
  return hasNumbers && native.fstat(pidfd, stat) === 0 ? stat[STAT.ino]! : 0;
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
