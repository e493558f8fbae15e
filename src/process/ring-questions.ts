// What an io_uring says of memory that its fdinfo does not list: a register call that changes nothing, on a copy of a process's
// descriptor, whose answer depends on whether the memory is there. Kernel counterpart: io_uring/register.c, io_uring/rsrc.c.
import { errno } from '../base/errno.js';
import { type Descriptor, native, type Result, STAT } from '../native/binding.js';

const PBUF_STATUS = 26;
const MEM_REGION = 34;
/** Of struct io_uring_buf_status or struct io_uring_mem_region_reg. */
const STRUCT_BYTES = 256;
const stat = new Float64Array(STAT.length);

/**
 * 0: it has a ring of provided buffers of that group. -ENOENT: it has none. Else why it does not say: -EEXIST, only the thread
 * that has made the ring may ask (IORING_SETUP_SINGLE_ISSUER); -EACCES, its restrictions; -EINVAL, before Linux 6.8.
 */
export function askForGroup(ring: number, group: number): Result {
  const status = new DataView(new ArrayBuffer(STRUCT_BYTES));
  status.setUint32(0, group, true);
  const answer = native.uringRegister(ring, PBUF_STATUS, status.buffer);
  // Buffers of the older kind may have that number.
  return answer === -errno.EINVAL && knowsStatus() ? -errno.ENOENT : answer;
}

/** The same of its memory region (IORING_REGISTER_MEM_REGION); -EINVAL: before Linux 6.13. */
export function askForRegion(ring: number): Result {
  // A region at address 0 is refused, after the one that is there.
  const answer = native.uringRegister(ring, MEM_REGION, new ArrayBuffer(STRUCT_BYTES));
  if (answer === -errno.EBUSY) return 0;
  return answer === -errno.EFAULT ? -errno.ENOENT : answer;
}

/**
 * Asks the ring that is the thread's descriptor; `-errno` where there is no copy to be had.
 * @param inode of the ring: the descriptor may be another's by now.
 */
export function askRingOf(tid: number, fd: number, inode: number, ask: (ring: number) => Result): Result {
  let process: Descriptor | undefined;
  let ring: Descriptor | undefined;
  try {
    process = pidfdOf(tid);
    ring = native.pidfdGetfd(process.fd, fd);
    const answer = ask(ring.fd);
    // It is no ring: a file that is looked at may wait for its server.
    if (answer === -errno.EOPNOTSUPP) return answer;
    return native.fstat(ring.fd, stat) === 0 && stat[STAT.ino] === inode ? answer : -errno.ESTALE;
  } catch (error) {
    return -((error as NodeJS.ErrnoException).errno ?? errno.EIO);
  } finally {
    ring?.close();
    process?.close();
  }
}

/** The thread may have descriptors of its own. Before Linux 6.9 only processes have a pidfd. */
function pidfdOf(tid: number): Descriptor {
  try {
    return native.pidfdOpenThread(tid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
    return native.pidfdOpen(tid);
  }
}

let known: boolean | undefined;

function knowsStatus(): boolean {
  known ??= answersOfItsOwn();
  return known;
}

function answersOfItsOwn(): boolean {
  try {
    const own = native.uring(1);
    const answer = native.uringRegister(own.fd, PBUF_STATUS, new ArrayBuffer(STRUCT_BYTES));
    own.close();
    return answer === -errno.ENOENT;
  } catch {
    return false;
  }
}
