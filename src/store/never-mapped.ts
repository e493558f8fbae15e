// Whether a direct file was ever mapped: only the memory of a mapping can be pinned (F7). mmap(2) changes a file's access
// time, as read(2) does, and a memfd of the store begins with access time 0 (native.memfdCreateRaw). A process that opens it
// with O_NOATIME leaves no trace: the caller must know of that.
import { PAGE } from '../base/linux.js';
import { native, PROT_READ, STAT } from '../native/binding.js';

/** @param atime the memfd's own, as it was last seen. False where it is not known. */
export function neverMapped({ sec, nsec }: { readonly sec: number; readonly nsec: number }): boolean {
  if (sec !== 0 || nsec !== 0) return false;
  shown ??= showsMmap();
  return shown;
}

let shown: boolean | undefined;

/** Whether this kernel changes the access time at mmap(2): tried once, with a memfd that we map. */
function showsMmap(): boolean {
  const memfd = native.memfdCreateRaw('leasefs:mapped');
  if (memfd < 0) return false;
  try {
    native.ftruncate(memfd, PAGE);
    native.unmap(native.map(memfd, 0, PAGE, PROT_READ));
    native.fstatScratch(memfd);
    return native.scratch[STAT.atimeSec] !== 0;
  } catch {
    return false;
  } finally {
    native.close(memfd);
  }
}
