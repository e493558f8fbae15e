// Kernel pins (N10): registered buffers of io_uring over mapped files, as far as /proc shows them. The search reads /proc of
// every process and may wait for a process's memory map, so it never runs in the session's thread, which that process may be
// waiting for. Beside them possible pins (N12): of what a process maps, where it holds something that pins memory unseen.
//
// Not seen: a ring whose descriptor is closed or in flight, memory that was unmapped or moved since, memory of the kernel's
// own (provided buffer rings), other pid namespaces (F21).
import { openSync, readSync } from 'node:fs';
import { pause } from '../base/pause.js';
import { userOf } from '../base/subordinates.js';
import { Pinners, REGION } from './possible-pins.js';
import { field, isInExec, otherProcesses, readLink, readList, readText } from './proc-text.js';
import {
  type FileRange,
  type Mapping,
  parseBuffers,
  parseMappings,
  RING,
  rangesOf,
} from './registered-buffers.js';

export interface FoundPin extends FileRange {
  readonly pid: number;
  /** What has it: 'io_uring', or what may have it (N12). */
  readonly by: string;
  /** The descriptor of that; -1: it has none and is mapped. */
  readonly ring: number;
  /** What the descriptor is; '' of a ring. */
  readonly link: string;
  /** All that the process maps shared, since the kernel does not show what is pinned (N12). */
  readonly possible: boolean;
  /** The ring was in use all the time that we had: all that its process maps counts as pinned. */
  readonly busy: boolean;
  /** The process has the ring or the RDMA device from another that made the pin, by fork or over a socket. */
  readonly inherited: boolean;
}

type RingPin = Omit<FoundPin, 'inherited'>;

interface Ring {
  readonly pid: number;
  readonly fd: number;
  readonly mappings: readonly Mapping[];
}

/** How long busy rings are tried again, ms: the longest that one was seen to stay busy is 67. */
const PATIENCE_MS = 100;
const PAUSE_MS = 0.2;
const KB_A_PAGE = 4;
const BY_RING = { by: 'io_uring', link: '', possible: false } as const;
/** What VmPin counts of the process that made it: another one that has it has it by fork or over a socket. */
const COUNTED: ReadonlySet<string> = new Set([BY_RING.by, REGION]);

const PIN_COUNTS = /^nr_foll_pin_acquired (\d+)\nnr_foll_pin_released (\d+)\n/m;

/**
 * Whether a page of the machine is pinned, for a device, a ring or a direct read, by the kernel's own count; undefined
 * where the daemon may not read it (K31). The counters are per CPU; reading stat_refresh, which root may, adds them up, one CPU
 * after the other: a page acquired on one and released on another may be counted as released alone. So nothing
 * is pinned only when no release has been added since an earlier look.
 */
export function isAnythingPinned(): boolean | undefined {
  counters ??= openCounters();
  if (counters === 'unknown') return undefined;
  for (let tries = 0; tries < LOOKS; tries++) {
    readSync(counters.refresh, text, 0, 1, 0);
    const counts = countsIn(counters, bytesBefore) ?? countsIn(counters, text.length);
    if (counts === undefined) return undefined;
    const [acquired, released] = counts;
    const isSettled = released === releasedBefore;
    releasedBefore = released;
    if (acquired !== released) return true;
    if (isSettled) return false;
  }
  return true;
}

const LOOKS = 3;
let releasedBefore = -1;

/** The kernel writes only as many lines as we read: all 200 cost three times as much as those up to ours. */
let bytesBefore = 0;
/** For numbers that have grown since. */
const SPARE = 64;

/** Pages acquired and released. */
function countsIn({ vmstat }: Counters, bytes: number): readonly [number, number] | undefined {
  const length = readSync(vmstat, text, 0, bytes, 0);
  const found = PIN_COUNTS.exec(text.toString('latin1', 0, length));
  if (found === null) return undefined;
  bytesBefore = found.index + found[0].length + SPARE;
  return [Number(found[1]), Number(found[2])];
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

/** What a search has found. */
export interface Found {
  /** By process and ring, in rising order. */
  readonly pins: readonly FoundPin[];
  /** Why there may be more pins than found; undefined: the search was complete. */
  readonly unseen: string | undefined;
}

/** How long a search may take, ms. */
interface Patience {
  readonly all: number;
  /** With the processes of one user, root apart: others wait for the search too. */
  readonly user: number;
}

const PATIENCE: Patience = { all: 4000, user: 1500 };

/** Notified to the outside while the search looks at a process, which may wait for that process. */
export interface Progress {
  begin(pid: number): void;
  end(): void;
}

const UNTOLD: Progress = { begin: () => {}, end: () => {} };

/** What a search leaves out: its own thread would wait for it. */
export interface Stuck {
  readonly pids: ReadonlySet<number>;
  /** All processes of these users. */
  readonly uids: ReadonlySet<number>;
}

const NOTHING: Stuck = { pids: new Set(), uids: new Set() };

/**
 * Looks at every process but the calling one, also those whose VmPin says that they have pinned nothing: a child may have
 * a ring of a parent that is gone. The sum of all VmPin shows no such child: it counts huge pages whole, and pages that
 * were released an instant ago.
 * @param device of the filesystem, as /proc/PID/maps writes it.
 * @param inos its inodes that are asked about; undefined: all.
 */
export function kernelPinsOf(
  device: string,
  inos: ReadonlySet<number> | undefined,
  patience: Patience = PATIENCE,
  stuck: Stuck = NOTHING,
  progress: Progress = UNTOLD,
): Found {
  try {
    if (isAnythingPinned() === false) return { pins: [], unseen: undefined };
  } catch {
    // Then they are looked at.
  }
  return new Search(device, inos, patience, stuck, progress).run();
}

interface Candidate {
  readonly pid: number;
  readonly uid: number;
  /** Pages that it has pinned itself: a forked child begins at 0. Huge pages are counted whole. */
  readonly pages: number;
}

class Search {
  private readonly device: string;
  private readonly inos: ReadonlySet<number> | undefined;
  private readonly patience: Patience;
  private readonly stuck: Stuck;
  private readonly progress: Progress;
  private readonly pins: RingPin[] = [];
  private unseen: string | undefined;
  private readonly begin = performance.now();
  /** ms, by user. */
  private readonly spent = new Map<number, number>();

  constructor(
    device: string,
    inos: ReadonlySet<number> | undefined,
    patience: Patience,
    stuck: Stuck,
    progress: Progress,
  ) {
    this.device = device;
    this.inos = inos;
    this.patience = patience;
    this.stuck = stuck;
    this.progress = progress;
  }

  run(): Found {
    const all = this.candidates();
    const pinners = new Set(all.filter(({ pages }) => pages > 0).map(({ pid }) => pid));
    let busy = this.ringsOver(all).filter(ring => !this.look(ring));
    for (const until = performance.now() + PATIENCE_MS; busy.length > 0 && performance.now() < until; ) {
      pause(PAUSE_MS);
      busy = busy.filter(ring => !this.look(ring));
    }
    for (const { pid, fd, mappings } of busy) {
      if (!pinners.has(pid)) continue;
      for (const { begin, end, off, ino, path } of mappings)
        this.pins.push({
          ...BY_RING,
          pid,
          ring: fd,
          ino,
          path,
          begin: off,
          end: off + end - begin,
          busy: true,
        });
    }
    const pins = this.pins
      .map(pin => ({ ...pin, inherited: COUNTED.has(pin.by) && !pinners.has(pin.pid) }))
      .sort((a, b) => a.pid - b.pid || a.ring - b.ring);
    return { pins, unseen: this.unseen };
  }

  private candidates(): Candidate[] {
    const found: Candidate[] = [];
    try {
      for (const pid of otherProcesses(readList('/proc'))) {
        const status = readText(`/proc/${pid}/status`);
        const kB = field(status, 'VmPin').split(' ')[0];
        const uid = userOf(Number(field(status, 'Uid').split('\t')[0]));
        found.push({ pid, uid, pages: Number(kB) / KB_A_PAGE });
      }
    } catch (error) {
      this.miss(`/proc: ${(error as Error).message}`);
    }
    // Those that have pinned something first: what they hold is seen even if there is no time for the others.
    return found.sort((a, b) => Number(b.pages > 0) - Number(a.pages > 0));
  }

  /** The rings of the processes that map such files. */
  private ringsOver(candidates: readonly Candidate[]): Ring[] {
    const rings: Ring[] = [];
    for (const { pid, uid, pages } of candidates) {
      const start = performance.now();
      const spent = this.spent.get(uid) ?? 0;
      if (start - this.begin > this.patience.all || (uid !== 0 && spent > this.patience.user)) {
        this.miss(`the processes of user ${uid} take too long to look at`);
        continue;
      }
      if (this.stuck.pids.has(pid) || this.stuck.uids.has(uid)) {
        // One that has pinned nothing itself could at most have inherited a ring.
        if (pages > 0) this.miss(`process ${pid} of user ${uid} waits for another filesystem server`);
        continue;
      }
      // The memory of a process in exec(2) is new: it maps no file yet, and /proc/PID/maps waits for the end of exec(2).
      if (isInExec(pid)) continue;
      this.progress.begin(pid);
      try {
        this.addRings(pid, rings);
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        // Of those that have pinned nothing themselves we may see none: they could at most have inherited a ring.
        if (pages > 0 || (code !== 'EACCES' && code !== 'EPERM')) this.miss(`process ${pid}: ${message}`);
      }
      this.progress.end();
      this.spent.set(uid, spent + performance.now() - start);
    }
    return rings;
  }

  private addRings(pid: number, rings: Ring[]): void {
    const maps = readText(`/proc/${pid}/maps`);
    const mappings = parseMappings(maps, this.device, this.inos);
    if (mappings.length === 0) return;
    const pinners = new Pinners(pid, maps);
    for (const name of readList(`/proc/${pid}/fd`)) {
      const fd = Number(name);
      const link = readLink(`/proc/${pid}/fd/${name}`);
      if (link === RING) rings.push({ pid, fd, mappings });
      else pinners.see(fd, link);
    }
    for (const { by, fd, link } of pinners.all()) {
      for (const { begin, end, off, ino, path, shared } of mappings) {
        if (!shared) continue;
        const range = { ino, path, begin: off, end: off + end - begin };
        this.pins.push({ pid, by, ring: fd, link, possible: true, busy: false, ...range });
      }
    }
  }

  /** Adds what the ring has registered; false while it is busy. */
  private look({ pid, fd, mappings }: Ring): boolean {
    if (isInExec(pid)) return true;
    let info: string;
    this.progress.begin(pid);
    try {
      info = readText(`/proc/${pid}/fdinfo/${fd}`);
    } catch (error) {
      this.miss(`process ${pid}: ${(error as Error).message}`);
      return true;
    } finally {
      this.progress.end();
    }
    // It is gone.
    if (info === '') return true;
    const buffers = parseBuffers(info);
    if (buffers === 'busy') return false;
    for (const buffer of buffers) {
      for (const range of rangesOf(buffer, mappings))
        this.pins.push({ ...BY_RING, pid, ring: fd, ...range, busy: false });
    }
    return true;
  }

  private miss(why: string): void {
    this.unseen ??= why;
  }
}
