// Memory that a process has registered with the kernel, which holds its pages: the buffers of an io_uring, an io_uring
// in memory of the process, the memory of an AF_XDP socket, the regions of an RDMA device. The kernel does not report the
// end of a registration: by a call, by the last close of a ring or device that may have been passed on, by the end of a
// process. So the daemon checks when it matters. It keeps no copy of the ring or device: a copy would keep the pages.
//
// A ring is identified by its inode, and says what it holds in its fdinfo, or when it is asked (ring-questions.ts); a device
// lists its regions (verbs-regions.ts): if any process lists the same address and length, the registration lives. A ring that
// does not say it (a busy one, one that only its own thread may ask, one that is mapped and has no descriptor) counts as alive.
//
// To read /proc of a process waits while the process is in exec(2) (fd, stat, syscall, maps) or mmap(2) (maps), and that
// may wait for this very daemon, to close a file or to write back a mapping. The fdinfo of a descriptor that is no ring may
// wait too (K30). So all of it is for a thread of its own. `registrationOf` is for the moment in which the thread is stopped
// at its call: another of its process may begin exec(2) then.
import type { HolderKind } from '../abi/holders.js';
import { errno } from '../base/errno.js';
import { pause } from '../base/pause.js';
import { processorTimeOf, startTimeOf } from './proc.js';
import { fileIdIn, linkOf, listOf, textOf } from './proc-text.js';
import { parseBuffers, RING } from './registered-buffers.js';
import { askForGroup, askForRegion, askRingOf } from './ring-questions.js';
import { listsRegion } from './verbs-regions.js';

/** Offset at which a ring maps its submission entries: one mapping a ring. */
const ENTRIES_OFFSET = '10000000';
/** A busy ring leaves its tables out (F21): it is looked at again for up to 10 ms. */
const BUSY_TRIES = 50;
const PAUSE_MS = 0.2;
/**
 * Clock ticks that a thread runs after which its call counts as ended, even if its end was not seen: no registration takes so
 * much, and a thread that gets no processor does not begin one.
 */
const UNSEEN_TICKS = 100;
/** io_uring_setup, io_uring_register; ioctl as x86-64, arm64, i386 and ARM have it. */
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
  /** `part` of struct leasefs_pin_for. */
  readonly part: number;
}

/** Plain data: it goes to a thread and comes back. */
export interface Registration extends Registered {
  /** What the descriptor is; a socket's names it for good. */
  readonly link: string;
  /** The ring's inode: each ring has one of its own. 0: unknown. */
  readonly inode: number;
  /** Clock ticks of processor time that the thread had used; undefined until a look. */
  used: number | undefined;
  /** Where it was last seen: a thread, since threads may have descriptors of their own, and its descriptor. */
  at: { tid: number; fd: number };
  /** It has been seen, or the call that makes it is over: what is not there now has ended. */
  settled: boolean;
  /** A call of the thread `tid` ends it. */
  readonly ending: boolean;
}

/** 'no': it is the holder, and does not hold the memory; 'absent': it is another or none. */
type Seen = 'yes' | 'no' | 'absent' | 'unknown';

export function registrationOf(of: Registered): Registration {
  const { kind, tid, fd } = of;
  const link = kind === 'socket' || kind === 'region' ? descriptorOf(tid, fd) : RING;
  const inode = link === RING ? (fileIdIn(infoOf(tid, fd))?.ino ?? 0) : 0;
  const used = processorTimeOf(of.pid, tid);
  return { ...of, link, inode, used, at: { tid, fd }, settled: false, ending: false };
}

/** The thread is stopped at a call that ends it: it is gone when that call is over. */
export const endingBy = (registration: Registration, tid: number): Registration => ({
  ...registration,
  tid,
  used: undefined,
  settled: false,
  ending: true,
});

/** By index: those whose memory the kernel does not hold any more. Takes down what was learned of each. */
export function goneOf(registrations: readonly Registration[]): number[] {
  const descriptors = new Descriptors(new Set(registrations.map(({ pid }) => pid)));
  // A program that registers and unregisters in a loop leaves many that are alike.
  const known = new Map<string, boolean>();
  return registrations.flatMap((registration, index) => {
    const { kind, pid, start, tid, fd, addr, bytes, part, inode, settled, ending } = registration;
    const key = [kind, pid, start, tid, fd, addr, bytes, part, inode, settled, ending].join();
    const alive = known.get(key) ?? isAlive(registration, descriptors);
    known.set(key, alive);
    return alive ? [] : [index];
  });
}

function isAlive(registration: Registration, descriptors: Descriptors): boolean {
  const over = registration.settled || isCallOver(registration);
  if (registration.ending) return !over;
  const here = isHere(registration);
  if (here === 'yes') registration.settled = true;
  if (here === 'yes' || here === 'unknown' || !over) return true;
  registration.settled = true;
  return here === 'absent' && isElsewhere(registration, descriptors);
}

/**
 * Whether the thread's descriptor holds the memory just now, as far as it says so; of what says nothing of memory 'unknown'.
 * What another thread has changed since the call counts.
 */
export function holdsNow(of: Registered): 'yes' | 'no' | 'unknown' {
  if (!SAYS.has(of.kind)) return 'unknown';
  const seen = isHere(registrationOf(of));
  return seen === 'absent' ? 'unknown' : seen;
}

/** The process's lowest descriptor of what holds the memory; undefined if it has none. Waits for nothing. */
export function descriptorIn(registration: Registration, pid: number): number | undefined {
  const { kind, link } = registration;
  return numbersOf(`/proc/${pid}/fd`)
    .sort((a, b) => a - b)
    .find(fd => {
      if (descriptorOf(pid, fd) !== link) return false;
      if (kind === 'buffer') return ['yes', 'unknown'].includes(isListed(registration, pid, fd, 1));
      return kind === 'socket' || pid === registration.pid;
    });
}

/** The thread does something else, or is gone; asked before the look at the ring, which then is the last word. */
function isCallOver(registration: Registration): boolean {
  const { pid, start, tid } = registration;
  if (startTimeOf(pid) !== start) return true;
  const call = textOf(`/proc/${pid}/task/${tid}/syscall`);
  if (call === '') return true;
  if (call.startsWith('running')) {
    registration.used ??= processorTimeOf(pid, tid);
    return processorTimeOf(pid, tid) - registration.used > UNSEEN_TICKS;
  }
  const [number = ''] = call.split(' ', 1);
  return !CALLS.has(number);
}

function isHere(registration: Registration): Seen {
  const { kind, pid, start, link, inode, at } = registration;
  // The pid may be another process's by now.
  if (startTimeOf(pid) !== start && at.tid === registration.tid) return 'absent';
  if (kind === 'rings') return threadsOf(pid).some(tid => ringsOf(tid).length > 0) ? 'yes' : 'absent';
  if (kind === 'buffer') return isListed(registration, at.tid, at.fd, BUSY_TRIES);
  if (descriptorOf(at.tid, at.fd) !== link) return 'absent';
  if (kind === 'region') {
    const lists = listsRegion(at.tid, at.fd, registration.addr, registration.bytes);
    return lists === 'no' ? 'absent' : lists;
  }
  return kind === 'socket' || inode === 0 ? 'yes' : isOfRing(registration, at.tid, at.fd);
}

/** Whether the thread's descriptor is the ring, and holds the memory as far as it says that. */
function isOfRing({ kind, inode, part }: Registration, tid: number, fd: number): Seen {
  const info = quietInfoOf(tid, fd);
  if (fileIdIn(info)?.ino !== inode) return 'absent';
  if (kind === 'ring') return 'yes';
  // To ask a ring that is in use would wait for it.
  if (parseBuffers(info) === 'busy') return 'unknown';
  if (kind === 'queues') return entriesIn(info) === part ? 'yes' : 'no';
  const ask = (ring: number) => (kind === 'group' ? askForGroup(ring, part) : askForRegion(ring));
  const answer = askRingOf(tid, fd, inode, ask);
  if (answer === 0) return 'yes';
  return answer === -errno.ENOENT ? 'no' : 'unknown';
}

/** The fdinfo of a ring that is not in use just then, as far as it ever is not. */
function quietInfoOf(tid: number, fd: number): string {
  let info = infoOf(tid, fd);
  for (let n = 1; n < BUSY_TRIES && info !== '' && parseBuffers(info) === 'busy'; n++) {
    pause(PAUSE_MS);
    info = infoOf(tid, fd);
  }
  return info;
}

/** The sizes of a ring's queues, as in `part` of struct leasefs_pin_for. */
function entriesIn(info: string): number {
  const powerOf = (name: string): number => {
    const [, mask = ''] = new RegExp(`^${name}:\\s*0x([\\da-f]+)$`, 'm').exec(info) ?? [];
    return Math.log2(Number.parseInt(mask, 16) + 1);
  };
  return powerOf('SqMask') + 256 * powerOf('CqMask');
}

/** Whether the ring that is the thread's descriptor is the one, and has the buffer. */
function isListed({ inode, addr, bytes }: Registration, tid: number, fd: number, tries: number): Seen {
  for (let n = 0; n < tries; n++) {
    if (n > 0) pause(PAUSE_MS);
    if (descriptorOf(tid, fd) !== RING) return 'absent';
    const info = infoOf(tid, fd);
    if (info === '') return 'absent';
    const isRing = inode !== 0 && fileIdIn(info)?.ino === inode;
    const buffers = parseBuffers(info);
    if (buffers === 'busy') {
      if (inode !== 0 && !isRing) return 'absent';
      continue;
    }
    // A ring may have clones of another's buffers (IORING_REGISTER_CLONE_BUFFERS): its list counts too.
    if (buffers.some(({ address, length }) => address === addr && length === bytes)) return 'yes';
    return isRing ? 'no' : 'absent';
  }
  return 'unknown';
}

/** Passed on by fork or SCM_RIGHTS, or mapped without a descriptor. */
function isElsewhere(registration: Registration, descriptors: Descriptors): boolean {
  const { kind, pid, start, link, addr, bytes } = registration;
  const lives = startTimeOf(pid) === start;
  for (const { pid: other, tid, fd, link: its } of descriptors.all()) {
    if (its !== link || (other === pid && !lives)) continue;
    if (kind === 'buffer' && !['yes', 'unknown'].includes(isListed(registration, tid, fd, BUSY_TRIES)))
      continue;
    if (kind === 'region' && listsRegion(tid, fd, addr, bytes) === 'no') continue;
    if (RINGS.has(kind) && !['yes', 'unknown'].includes(isOfRing(registration, tid, fd))) continue;
    // The ring cannot be identified: only a ring of the registering process counts.
    if (kind === 'rings' && other !== pid) continue;
    registration.at = { tid, fd };
    return true;
  }
  if (kind === 'socket' || !lives) return false;
  return kind === 'region' ? isOnlyMapped(pid, link) : hasMappedRing(pid);
}

interface Descriptor {
  readonly pid: number;
  readonly tid: number;
  readonly fd: number;
  readonly link: string;
}

/** Descriptors that may hold memory, of all processes, looked for once. */
class Descriptors {
  /** Whose threads may have tables of their own; of others a leader that has ended is replaced by another thread. */
  private readonly own: ReadonlySet<number>;
  private found: readonly Descriptor[] | undefined;

  constructor(own: ReadonlySet<number>) {
    this.own = own;
  }

  all(): readonly Descriptor[] {
    this.found ??= numbersOf('/proc').flatMap(pid =>
      this.tablesOf(pid).flatMap(tid =>
        numbersOf(`/proc/${tid}/fd`)
          .map(fd => ({ pid, tid, fd, link: descriptorOf(tid, fd) }))
          .filter(({ link }) => holders.some(start => link.startsWith(start))),
      ),
    );
    return this.found;
  }

  private tablesOf(pid: number): number[] {
    if (this.own.has(pid)) return threadsOf(pid);
    return listOf(`/proc/${pid}/fd`).length > 0 ? [pid] : threadsOf(pid).slice(1, 2);
  }
}

/** What one ring has, which has an inode. */
const RINGS: ReadonlySet<HolderKind> = new Set(['ring', 'group', 'memory', 'queues']);

/** What says of memory whether it holds it. */
const SAYS: ReadonlySet<HolderKind> = new Set(['buffer', 'group', 'memory', 'queues', 'region']);

const holders = [RING, 'socket:[', '/dev/infiniband/'];

/** A device's queues are mapped, which keeps it, and there is no descriptor through which to ask. */
function isOnlyMapped(pid: number, device: string): boolean {
  if (!mapsOf(pid).includes(` ${device}\n`)) return false;
  return !threadsOf(pid).some(tid =>
    numbersOf(`/proc/${tid}/fd`).some(fd => descriptorOf(tid, fd) === device),
  );
}

/** Whether the process maps more rings than it has descriptors of. */
function hasMappedRing(pid: number): boolean {
  const mapped = mapsOf(pid)
    .split('\n')
    .filter(line => line.endsWith(RING) && line.includes(` ${ENTRIES_OFFSET} `));
  if (mapped.length === 0) return false;
  return mapped.length > new Set(threadsOf(pid).flatMap(ringsOf)).size;
}

/** Inodes of the rings that the thread has descriptors of. */
function ringsOf(tid: number): number[] {
  return numbersOf(`/proc/${tid}/fd`)
    .filter(fd => descriptorOf(tid, fd) === RING)
    .map(fd => fileIdIn(infoOf(tid, fd))?.ino ?? -fd);
}

/** The first thread that still has memory: the leader's is gone when it has ended before the others. */
function mapsOf(pid: number): string {
  for (const tid of threadsOf(pid)) {
    const maps = textOf(`/proc/${tid}/maps`);
    if (maps !== '') return maps;
  }
  return '';
}

const threadsOf = (pid: number): number[] => numbersOf(`/proc/${pid}/task`);

const numbersOf = (dir: string): number[] => listOf(dir).map(Number).filter(Number.isInteger);

const infoOf = (tid: number, fd: number): string => textOf(`/proc/${tid}/fdinfo/${fd}`);

const descriptorOf = (tid: number, fd: number): string => linkOf(`/proc/${tid}/fd/${fd}`);
