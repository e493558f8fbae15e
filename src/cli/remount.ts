// `mount -o remount` of a leasefs: mount(8) calls us by way of mount.fuse3(8), as it does to mount. size= is ours; ro, noexec
// and their like are the kernel's.
import { remount as remountByKernel } from '../fuse/mount.js';
import type { MountCommand } from './mount-options.js';
import { readMounted } from './mounted-path.js';
import { resize } from './resize.js';

/** @throws CommandError, FsError */
export function remount({ mountPoint, options }: MountCommand, size: number | undefined): void {
  const words = options.mountOptions;
  // No other mount than a leasefs.
  const target = readMounted(mountPoint, 'status').mountPoint;
  const steps = [() => remountByKernel(target, words), () => size !== undefined && resize(target, size)];
  // The size is changed by a write.
  if (words.findLast(word => word === 'ro' || word === 'rw') === 'ro') steps.reverse();
  for (const step of steps) step();
}
