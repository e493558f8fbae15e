// Whether an RDMA device's open file description has a memory region: the kernel is asked through a copy of a process's
// descriptor, which is closed at once. Kernel counterpart: drivers/infiniband/core/uverbs_std_types_mr.c.
import { type Descriptor, native } from '../native/binding.js';

/**
 * @param address by which the device knows it
 * @returns 'unknown' where the daemon may not look, the kernel is older than 5.7, or there are too many regions
 */
export function listsRegion(
  pid: number,
  fd: number,
  address: number,
  length: number,
): 'yes' | 'no' | 'unknown' {
  let process: Descriptor | undefined;
  let device: Descriptor | undefined;
  try {
    process = native.pidfdOpen(pid);
    device = native.pidfdGetfd(process.fd, fd);
    const regions = native.uverbsRegions(device.fd);
    if (typeof regions === 'number') return 'unknown';
    for (let n = 0; n < regions.length; n += 2)
      if (regions[n] === address && regions[n + 1] === length) return 'yes';
    return 'no';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ESRCH' || code === 'EBADF' ? 'no' : 'unknown';
  } finally {
    device?.close();
    process?.close();
  }
}
