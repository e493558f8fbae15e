// The guard of a memfd (F14): immutable, so that MADV_REMOVE, which never reaches a FUSE server, is refused by the kernel
// itself. Our own fallocate is refused too, and needs the flag lifted for an instant.
import { errno, FsError } from '../base/errno.js';
import { native } from '../native/binding.js';

/**
 * Sets the guard; false where the daemon may not: then there is no passthrough, and MADV_REMOVE arrives as FALLOCATE.
 * @throws FsError for other errors of FS_IOC_SETFLAGS.
 */
export function setGuard(fd: number): boolean {
  const result = native.setImmutable(fd, true);
  if (result < 0 && result !== -errno.EPERM) throw new FsError(result, 'FS_IOC_SETFLAGS on a memfd');
  return result === 0;
}

/** fallocate(2) of a memfd that may be guarded: 0 or `-errno`. Precondition: nothing in it needs the guard now. */
export function fallocate(fd: number, guarded: boolean, mode: number, off: number, len: number): number {
  return guarded ? native.fallocateGuarded(fd, mode, off, len) : native.fallocate(fd, mode, off, len);
}
