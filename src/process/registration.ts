// Memory that a process has registered with the kernel, which holds its pages: the buffers of an io_uring, an io_uring
// in memory of the process, the memory of an AF_XDP socket, the regions of an RDMA device. Nobody tells when it ends, by a
// call, by the last close of a ring or device that may have been passed on, by the end of a process. So it is looked at
// when it matters, and no copy of the ring or device is kept for that: it would keep the pages.
//
// A ring is known by what it lists (io_uring's fdinfo), a device too (verbs-regions.ts): wherever the same address and
// length are listed, in whatever process, the registration lives. What cannot be told (a ring that is busy, one that is mapped and has no descriptor)
// counts as alive.
import type { HolderKind } from '../abi/holders.js';
import { startTimeOf } from './proc.js';
import { fileIdOf, linkOf, listOf, pause, textOf } from './proc-text.js';
import { parseBuffers } from './registered-buffers.js';
import { listsRegion } from './verbs-regions.js';

const RING = 'anon_inode:[io_uring]';
/** Offset at which a ring maps its submission entries: one mapping a ring. */
const ENTRIES_OFFSET = '10000000';
/** A busy ring leaves its tables out (F21): it is looked at again for up to 10 ms. */
const BUSY_TRIES = 50;
const PAUSE_MS = 0.2;
/** ms after which a call that nobody saw end has ended: it was let go on and its thread only ran. */
const UNSEEN_MS = 2000;
/** io_uring_setup, io_uring_register; ioctl as x86-64, arm64 and i386 have it. */
const CALLS = new Set(['425', '427', '16', '29', '54']);

export interface Registered {
  readonly kind: HolderKind;
  /** The process, its thread that registers, and its descriptor of the ring, socket or device. */
  readonly pid: number;
  readonly start: number;
  readonly tid: number;
  readonly fd: number;
  /** Of its memory, bytes; of a region as the device knows it. */
  readonly addr: number;
  readonly bytes: number;
}

export class Registration {
  readonly of: Registered;
  private pid: number;
  private fd: number;
  /** What the descriptor is; a socket's names it for good. */
  private readonly link: string;
  /** The ring's, each has one of its own: known again wherever it is passed on to. */
  private readonly inode: number;
  private readonly since = performance.now();
  /** It has been seen, or the call that makes it is over: what is not there now has ended. */
  private settled = false;

  constructor(of: Registered) {
    this.of = of;
    this.pid = of.pid;
    this.fd = of.fd;
    this.inode = inodeOf(of.pid, of.fd);
    this.link = of.kind === 'socket' || of.kind === 'region' ? descriptorOf(of.pid, of.fd) : RING;
  }

  /** Whether the kernel may hold the memory still. */
  isAlive(): boolean {
    const over = this.settled || this.isCallOver();
    const here = this.isHere();
    if (here === 'yes') this.settled = true;
    if (here !== 'no' || !over) return true;
    this.settled = true;
    return this.isElsewhere();
  }

  /** The process's lowest descriptor of what holds the memory, and what that is; undefined if it has none. */
  descriptorIn(pid: number): { readonly fd: number; readonly link: string } | undefined {
    const { kind } = this.of;
    const holds = (fd: number): boolean => {
      if (descriptorOf(pid, fd) !== this.link) return false;
      if (isListable(kind)) return this.isListed(pid, fd) !== 'no';
      return kind === 'socket' || pid === this.pid;
    };
    const fd = numbersOf(`/proc/${pid}/fd`)
      .sort((a, b) => a - b)
      .find(holds);
    return fd === undefined ? undefined : { fd, link: this.link };
  }

  /** The thread does something else, or is gone; asked before the look at the ring, which then is the last word. */
  private isCallOver(): boolean {
    const { pid, start, tid } = this.of;
    if (startTimeOf(pid) !== start) return true;
    const call = textOf(`/proc/${pid}/task/${tid}/syscall`);
    if (call === '') return true;
    if (call.startsWith('running')) return performance.now() - this.since > UNSEEN_MS;
    const [number = ''] = call.split(' ', 1);
    return !CALLS.has(number);
  }

  private isHere(): 'yes' | 'no' | 'unknown' {
    const { kind, pid, start } = this.of;
    // The pid may be another process's by now.
    if (this.pid === pid && startTimeOf(pid) !== start) return 'no';
    if (kind === 'rings') return ringsOf(this.pid).length > 0 ? 'yes' : 'no';
    if (descriptorOf(this.pid, this.fd) !== this.link) return 'no';
    return isListable(kind) ? this.isListed(this.pid, this.fd) : 'yes';
  }

  private isListed(pid: number, fd: number): 'yes' | 'no' | 'unknown' {
    const { kind, addr, bytes } = this.of;
    if (kind === 'region') return listsRegion(pid, fd, addr, bytes);
    for (let n = 0; n < BUSY_TRIES; n++) {
      const info = textOf(`/proc/${pid}/fdinfo/${fd}`);
      if (info === '') return 'no';
      const buffers = parseBuffers(info);
      if (buffers === 'busy') {
        pause(PAUSE_MS);
        continue;
      }
      return buffers.some(({ address, length }) => address === addr && length === bytes) ? 'yes' : 'no';
    }
    return 'unknown';
  }

  /** Passed on by fork or SCM_RIGHTS, or mapped without a descriptor. Looks at all processes. */
  private isElsewhere(): boolean {
    const { kind, pid, start } = this.of;
    for (const other of numbersOf('/proc')) {
      if (other === pid && startTimeOf(pid) !== start) continue;
      for (const fd of numbersOf(`/proc/${other}/fd`)) {
        if (descriptorOf(other, fd) !== this.link) continue;
        const listed = isListable(kind) ? this.isListed(other, fd) : 'unknown';
        if (listed === 'no') continue;
        // Somebody else's ring, busy with somebody else's buffers.
        if (kind === 'buffer' && listed === 'unknown' && other !== pid && inodeOf(other, fd) !== this.inode)
          continue;
        // Which ring it is nobody can say of one without a list: only where it was, it is it.
        if ((kind === 'ring' || kind === 'rings') && other !== pid) continue;
        this.pid = other;
        this.fd = fd;
        return true;
      }
    }
    if (kind === 'socket' || startTimeOf(pid) !== start) return false;
    return kind === 'region' ? isOnlyMapped(pid, this.link) : hasMappedRing(pid);
  }
}

const isListable = (kind: HolderKind): boolean => kind === 'buffer' || kind === 'region';

/** A device's queues are mapped, which keeps it, and there is no descriptor through which to ask. */
function isOnlyMapped(pid: number, device: string): boolean {
  if (!textOf(`/proc/${pid}/maps`).includes(` ${device}\n`)) return false;
  return !numbersOf(`/proc/${pid}/fd`).some(fd => descriptorOf(pid, fd) === device);
}

function ringsOf(pid: number): number[] {
  return numbersOf(`/proc/${pid}/fd`).filter(fd => descriptorOf(pid, fd) === RING);
}

/** Whether the process maps more rings than it has descriptors of. */
function hasMappedRing(pid: number): boolean {
  const maps = textOf(`/proc/${pid}/maps`);
  const mapped = maps.split('\n').filter(line => line.endsWith(RING) && line.includes(` ${ENTRIES_OFFSET} `));
  return mapped.length > ringsOf(pid).length;
}

const numbersOf = (dir: string): number[] => listOf(dir).map(Number).filter(Number.isInteger);

const inodeOf = (pid: number, fd: number): number => fileIdOf(pid, fd)?.ino ?? 0;

const descriptorOf = (pid: number, fd: number): string => linkOf(`/proc/${pid}/fd/${fd}`);
