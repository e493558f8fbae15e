// Pins that the kernel holds though nobody told us (N10): the registered buffers of io_uring over mapped files, as far as
// /proc shows them. Reads /proc of every process and may wait for a process's memory map: never in the session's thread,
// which that process may be waiting for.
//
// Not seen: a ring whose descriptor is closed or in flight, memory that was unmapped or moved since, memory of the kernel's
// own (provided buffer rings), RDMA, AF_XDP, VFIO, other pid namespaces (F21).
import { openSync, readSync } from 'node:fs';
import { field, linkOf, listOf, otherProcesses, pause, textOf } from './proc-text.js';
import { type FileRange, type Mapping, parseBuffers, parseMappings, rangesOf } from './registered-buffers.js';

export interface KernelPin extends FileRange {
  readonly pid: number;
  /** The descriptor of the ring. */
  readonly ring: number;
  /** The ring was in use all the time that we had: all that its process maps counts as pinned. */
  readonly busy: boolean;
  /** The process has the ring from another that registered the buffer, by fork or over a socket. */
  readonly inherited: boolean;
}

type Found = Omit<KernelPin, 'inherited'>;

interface Ring {
  readonly pid: number;
  readonly fd: number;
  readonly mappings: readonly Mapping[];
}

/** How long busy rings are tried again, ms: the longest that one was seen to stay busy is 67. */
const PATIENCE_MS = 100;
const PAUSE_MS = 0.2;
const KB_A_PAGE = 4;
const RING = 'anon_inode:[io_uring]';

const PIN_COUNTS = /^nr_foll_pin_acquired (\d+)\nnr_foll_pin_released (\d+)\n/m;

/**
 * Pages of the machine that are pinned, for a device, a ring or a direct read, by the kernel's own count; undefined where
 * we may not know. The counters are per CPU; reading stat_refresh, which root may, adds them up.
 */
export function pinnedPages(): number | undefined {
  counters ??= openCounters();
  if (counters === 'unknown') return undefined;
  readSync(counters.refresh, text, 0, 1, 0);
  return countIn(counters, bytesBefore) ?? countIn(counters, text.length);
}

/** The kernel writes only as many lines as we read: all 200 cost three times as much as those up to ours. */
let bytesBefore = 0;
/** For numbers that have grown since. */
const SPARE = 64;

function countIn({ vmstat }: Counters, bytes: number): number | undefined {
  const length = readSync(vmstat, text, 0, bytes, 0);
  const found = PIN_COUNTS.exec(text.toString('latin1', 0, length));
  if (found === null) return undefined;
  bytesBefore = found.index + found[0].length + SPARE;
  return Number(found[1]) - Number(found[2]);
}

/** Kept open: they are read at each change of an open file's layout. */
interface Counters {
  readonly refresh: number;
  readonly vmstat: number;
}

let counters: Counters | 'unknown' | undefined;
const text = Buffer.alloc(1 << 16);

function openCounters(): Counters | 'unknown' {
  try {
    const refresh = openSync('/proc/sys/vm/stat_refresh', 'r');
    return { refresh, vmstat: openSync('/proc/vmstat', 'r') };
  } catch {
    return 'unknown';
  }
}

/**
 * Looks at those whose VmPin says that they have pinned something, which is cheap to ask; at all others too when that
 * does not account for every page that is pinned, as of a ring that a child has from a parent that is gone.
 * @param device of the filesystem, as /proc/PID/maps writes it.
 * @param inos its inodes that are asked about; undefined: all.
 * @returns by process and ring, in rising order. The calling process is left out.
 */
export function kernelPinsOf(device: string, inos: ReadonlySet<number> | undefined): KernelPin[] {
  const pinned = pinnedPages() ?? Number.POSITIVE_INFINITY;
  if (pinned === 0) return [];
  const pids = otherProcesses();
  const pinners = new Map(pids.map(pid => [pid, pinnedBy(pid)] as const).filter(([, pages]) => pages > 0));
  const accounted = [...pinners.values()].reduce((sum, pages) => sum + pages, 0);
  const found: Found[] = [];
  const rings = ringsOver(pinned > accounted ? pids : [...pinners.keys()], device, inos);
  let busy = rings.filter(ring => !look(ring, found));
  for (const until = performance.now() + PATIENCE_MS; busy.length > 0 && performance.now() < until; ) {
    pause(PAUSE_MS);
    busy = busy.filter(ring => !look(ring, found));
  }
  for (const { pid, fd, mappings } of busy) {
    if (!pinners.has(pid)) continue;
    for (const { begin, end, off, ino, path } of mappings)
      found.push({ pid, ring: fd, ino, path, begin: off, end: off + end - begin, busy: true });
  }
  return found
    .map(pin => ({ ...pin, inherited: !pinners.has(pin.pid) }))
    .sort((a, b) => a.pid - b.pid || a.ring - b.ring);
}

/** The rings of the processes that map such files. */
function ringsOver(pids: readonly number[], device: string, inos: ReadonlySet<number> | undefined): Ring[] {
  const rings: Ring[] = [];
  for (const pid of pids) {
    const all = parseMappings(textOf(`/proc/${pid}/maps`), device);
    const mappings = inos === undefined ? all : all.filter(({ ino }) => inos.has(ino));
    if (mappings.length === 0) continue;
    for (const fd of listOf(`/proc/${pid}/fd`)) {
      if (linkOf(`/proc/${pid}/fd/${fd}`) === RING) rings.push({ pid, fd: Number(fd), mappings });
    }
  }
  return rings;
}

/** Adds what the ring has registered; false while it is busy. */
function look({ pid, fd, mappings }: Ring, found: Found[]): boolean {
  const info = textOf(`/proc/${pid}/fdinfo/${fd}`);
  // It is gone.
  if (info === '') return true;
  const buffers = parseBuffers(info);
  if (buffers === 'busy') return false;
  for (const buffer of buffers) {
    for (const range of rangesOf(buffer, mappings)) found.push({ pid, ring: fd, ...range, busy: false });
  }
  return true;
}

/** Pages that the process has pinned itself: a forked child begins at 0. Huge pages are counted whole. */
function pinnedBy(pid: number): number {
  const kB = field(textOf(`/proc/${pid}/status`), 'VmPin').split(' ')[0];
  return Number(kB) / KB_A_PAGE;
}
