// Whether anybody ever mapped a direct file: only the memory of a mapping can be pinned (F7). mmap(2) moves a file's time
// of access, as read(2) does, and a memfd of the store begins with one that no clock shows (native.memfdNumber). Who
// opens it with O_NOATIME leaves no trace: that is for the caller to know.
import { native, PROT_READ, STAT } from '../native/binding.js';

const PAGE = 4096;

/** @param atime the memfd's own, as it was last seen. False where it is not known. */
export function neverMapped({ sec, nsec }: { readonly sec: number; readonly nsec: number }): boolean {
  if (sec !== 0 || nsec !== 0) return false;
  told ??= isTold();
  return told;
}

let told: boolean | undefined;

/** Tried once, with a memfd that we map. */
function isTold(): boolean {
  const memfd = native.memfdNumber('leasefs:mapped');
  if (memfd < 0) return false;
  try {
    native.ftruncate(memfd, PAGE);
    native.unmap(native.map(memfd, 0, PAGE, PROT_READ));
    native.fstatSeen(memfd);
    return native.seen[STAT.atimeSec] !== 0;
  } catch {
    return false;
  } finally {
    native.close(memfd);
  }
}
