// The memory regions of an RDMA device's open file description: the kernel is asked through a copy of a process's
// descriptor, which is closed at once. Kernel counterpart: drivers/infiniband/core/uverbs_std_types_mr.c.
import { type Descriptor, native } from '../native/binding.js';

/**
 * The address by which the device knows each, and its length, one after the other; none where the process has no such
 * descriptor. Undefined where the daemon may not look, the kernel is older than 5.7, or there are too many.
 */
export function regionsOf(pid: number, fd: number): readonly number[] | undefined {
  let process: Descriptor | undefined;
  let device: Descriptor | undefined;
  try {
    process = native.pidfdOpen(pid);
    device = native.pidfdGetfd(process.fd, fd);
    const regions = native.uverbsRegions(device.fd);
    return typeof regions === 'number' ? undefined : regions;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ESRCH' || code === 'EBADF' ? [] : undefined;
  } finally {
    device?.close();
    process?.close();
  }
}

/** Whether the device lists the region; 'unknown' as `regionsOf`. @param address by which the device knows it */
export function listsRegion(
  pid: number,
  fd: number,
  address: number,
  length: number,
): 'yes' | 'no' | 'unknown' {
  const regions = regionsOf(pid, fd);
  if (regions === undefined) return 'unknown';
  for (let n = 0; n < regions.length; n += 2)
    if (regions[n] === address && regions[n + 1] === length) return 'yes';
  return 'no';
}
