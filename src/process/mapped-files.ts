// Whether memory of a process is of files of one device: asked of the kernel by address, which is cheaper than the text of
// /proc/PID/maps. Kernel counterpart: PROCMAP_QUERY in fs/proc/task_mmu.c, since Linux 6.11.
import { errno } from '../base/errno.js';
import { native } from '../native/binding.js';
import { deviceNumbersOf } from './proc-text.js';

/** The structure of PROCMAP_QUERY. */
const BYTES = 104;
const PROCMAP_QUERY = 0xc000_0000 + BYTES * 0x1_0000 + 0x6611;
const QUERY_FLAGS = 8;
const QUERY_ADDR = 16;
const VMA_START = 24;
const VMA_END = 32;
const DEV_MAJOR = 72;
const DEV_MINOR = 76;
/** The mapping at the address or the next one, of those that are of files. */
const COVERING_OR_NEXT = 0x10;
const FILE_BACKED = 0x20;
/** Mappings that are asked for: beyond this number the text is cheaper. */
const QUESTIONS = 32;

interface MemoryRange {
  readonly addr: number;
  readonly bytes: number;
}

/** Undefined where it cannot be found out this way. @param dev st_dev */
export function hasFilesOf(tid: number, ranges: readonly MemoryRange[], dev: number): boolean | undefined {
  if (ranges.length > QUESTIONS) return undefined;
  try {
    const maps = native.open(`/proc/${tid}/maps`, 0);
    try {
      return asked(maps.fd, ranges, dev);
    } finally {
      maps.close();
    }
  } catch {
    return undefined;
  }
}

function asked(maps: number, ranges: readonly MemoryRange[], dev: number): boolean | undefined {
  const [major, minor] = deviceNumbersOf(dev);
  const query = new DataView(new ArrayBuffer(BYTES));
  let left = QUESTIONS;
  for (const { addr, bytes } of ranges) {
    for (let at = addr; at < addr + bytes; at = Number(query.getBigUint64(VMA_END, true))) {
      if (left-- === 0) return undefined;
      query.setBigUint64(0, BigInt(BYTES), true);
      query.setBigUint64(QUERY_FLAGS, BigInt(COVERING_OR_NEXT | FILE_BACKED), true);
      query.setBigUint64(QUERY_ADDR, BigInt(at), true);
      const answer = native.ioctl(maps, PROCMAP_QUERY, query.buffer);
      if (answer === -errno.ENOENT) break;
      if (answer < 0) return undefined;
      if (Number(query.getBigUint64(VMA_START, true)) >= addr + bytes) break;
      if (query.getUint32(DEV_MAJOR, true) === major && query.getUint32(DEV_MINOR, true) === minor)
        return true;
    }
  }
  return false;
}
