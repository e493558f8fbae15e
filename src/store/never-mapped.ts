// Whether a direct file was ever mapped: only the memory of a mapping can be pinned (F7). mmap(2) changes a file's access
// time, as read(2) does, and a file of the store begins with access time 0 (native.fileCreate). A process that opens it with
// O_NOATIME leaves no trace: the caller must know of that.
import { PAGE } from '../base/linux.js';
import { type Descriptor, native, PROT_READ, STAT } from '../native/binding.js';

/** @param atime the file's own, as it was last seen. False where it is not known. */
export function neverMapped({ sec, nsec }: { readonly sec: number; readonly nsec: number }): boolean {
  if (sec !== 0 || nsec !== 0) return false;
  shown ??= showsMmap();
  return shown;
}

let shown: boolean | undefined;

/** Whether this kernel changes the access time at mmap(2): tried once, with a file that we map. */
function showsMmap(): boolean {
  let root: Descriptor | undefined;
  let file = -1;
  try {
    root = native.tmpfsMake('leasefs', 'size', String(PAGE));
    file = native.fileCreate(root.fd, 1);
    native.ftruncate(file, PAGE);
    native.unmap(native.map(file, 0, PAGE, PROT_READ));
    return native.fstatScratch(file) === 0 && native.scratch[STAT.atimeSec] !== 0;
  } catch {
    return false;
  } finally {
    if (file >= 0) native.close(file);
    root?.close();
  }
}
