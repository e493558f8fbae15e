// The lease plane of a mount: the lease machine, and what stands around it. It is to leases and pins what the superblock
// is to files.
import { attempt, guarded, type Log } from '../../base/guarded.js';
import { heapPart } from '../../base/heap.js';
import type { FileHandle, InodeNumber, LeaseId, PinId, ProcessId, WaiterId } from '../../base/units.js';
import type { Journal } from '../../journal/journal.js';
import { LeaseMachine } from '../../lease/index.js';
import type { LeaseOptions, Leases, PinInfo } from '../../lease/types.js';
import { Processes, type ProcessInfo } from '../../process/processes.js';
import type { Grant } from '../../store/file-store.js';
import { Recorder } from '../trace/recorder.js';
import type { Names } from '../trace/words.js';
import type { Superblock } from '../vfs/superblock.js';
import { carryOut, endGone } from './ask.js';
import { Endings, PINS_AT_ONCE } from './endings.js';
import type { Injector } from './injector.js';
import { KernelPins } from './kernel-pins.js';
import { Notices } from './notices.js';
import { PlaneJournal } from './plane-journal.js';
import { Supervision } from './supervised.js';
import { Wakes } from './wakes.js';
import type { Watchers } from './watches.js';

/** Where the last GETPINS of a description stopped. */
interface PinCursor {
  /** The id after which `rest` goes on. */
  readonly after: number;
  readonly rest: Iterator<PinInfo>;
}

/** What a client has by layouts under one lease. */
interface Granted {
  readonly grant: Grant;
  /** The process that has asked for them, and its user. */
  readonly owner: ProcessId;
  readonly uid: number;
}

const MIB = 2 ** 20;
/** Of a pin, in the tables that find it. */
const PIN_BYTES = 1024;
const pinsOfHeap = (): number => heapPart(4, 16 * MIB, 1024 * MIB) / PIN_BYTES;

/** Of the event loop, each of 64 requests: more than the kernel can have sent before a process that has ended. */
const TURNS = 16;

export class LeasePlane implements Names {
  readonly sb: Superblock;
  readonly leases: Leases;
  readonly processes: Processes;
  readonly log: Log;
  /** B2, ms. */
  readonly breakTime: number;
  readonly recorder: Recorder;
  readonly kernelPins: KernelPins;
  readonly supervision: Supervision;
  readonly notices = new Notices();
  readonly wakes: Wakes;
  readonly endings: Endings;
  /** Of descriptions: the pins of supervisors that were seen at the last close(2) of a descriptor. */
  readonly pinnedAtClose = new Map<FileHandle, ReadonlySet<PinId>>();
  /** Undefined: the mount has no break descriptors. */
  watchers: Watchers | undefined;
  /** Undefined: no daemon will take over from this one. */
  journal: PlaneJournal | undefined;
  /** Undefined: the mount injects no faults. */
  injector: Injector | undefined;
  /** Layouts granted to clients, by the lease that they live with (grant.ts). */
  readonly grants = new Map<LeaseId, Granted>();
  /** What GETLEASE and WATCH answered to name a description (N4, B1), both ways. */
  readonly tokens = new Map<FileHandle, bigint>();
  readonly byToken = new Map<bigint, FileHandle>();
  /** Processes that have ended, whose last requests may not have been read yet. */
  private readonly ending = new Set<ProcessId>();
  readonly pinCursors = new Map<FileHandle, PinCursor>();
  /** The timer of the next forced break, and when it is due (ask.ts). */
  timer: NodeJS.Timeout | undefined;
  timerDue = Number.POSITIVE_INFINITY;

  constructor(sb: Superblock, options: LeaseOptions) {
    const { breakTime } = options;
    const leases = new LeaseMachine({ pins: pinsOfHeap(), ...options }, () => sb.newWaiter());
    this.sb = sb;
    this.leases = leases;
    this.log = sb.log;
    this.supervision = new Supervision(sb.log);
    this.breakTime = breakTime;
    this.recorder = new Recorder(this, breakTime);
    this.kernelPins = new KernelPins(this);
    this.wakes = new Wakes(sb.log);
    this.endings = new Endings(
      sb.log,
      this.wakes,
      () => sb.newWaiter(),
      waiter => sb.host?.retry(waiter),
      () => carryOut(this),
    );
    this.processes = new Processes(
      process => this.ended(process),
      process =>
        leases.knows(process) ||
        // They name it.
        this.notices.arePending ||
        this.supervision.isSupervisor(process) ||
        this.supervision.awaits(process),
      this.log,
    );
  }

  process(id: ProcessId): ProcessInfo {
    return this.processes.info(id);
  }

  pathOf(ino: InodeNumber, limit?: number): string | undefined {
    return this.sb.pathOf(ino, limit);
  }

  /** From now on what the next daemon needs is written there. Behind the restorer, if there is one, and the tree of virtual files. */
  keepIn(journal: Pick<Journal, 'log' | 'sources' | 'isChanged'>): void {
    this.journal = new PlaneJournal(this, journal);
    this.supervision.keeper = this.journal;
    if (this.sb.virtual !== undefined) this.sb.virtual.keeper = this.journal;
    journal.sources.push(this.journal);
  }

  /** The parked operation is given up. */
  cancel(waiter: WaiterId): void {
    this.sb.slices.forget(waiter);
    this.injector?.cancel(waiter);
    this.kernelPins.cancel(waiter);
    this.supervision.unpark(waiter);
    this.leases.cancel(waiter);
    carryOut(this);
  }

  /** ms that only grow, for the lease machine. */
  monotonic(): number {
    return performance.now();
  }

  /** The mount is gone. */
  close(): void {
    clearTimeout(this.timer);
    this.notices.close();
    this.wakes.close();
    this.endings.close();
    this.injector?.close();
    this.kernelPins.close();
    this.supervision.close();
    this.processes.close();
    for (const { grant } of this.grants.values()) grant.release();
    this.grants.clear();
  }

  /** Records all deaths so far. The requests that the dead had sent before the present one have been served. */
  hearAll(): void {
    this.processes.hearAll();
    for (const process of [...this.ending]) this.died(process);
  }

  /** The same of one process. @returns whether it has ended, which was not recorded before. */
  hear(process: ProcessId): boolean {
    const lived = this.process(process).alive;
    this.processes.hear(process);
    this.bury(process);
    return lived && !this.process(process).alive;
  }

  /** Records the death of the process, if its end has been seen. */
  bury(process: ProcessId): void {
    if (this.ending.has(process)) this.died(process);
  }

  /** A file that the process closed while its pins were there comes first: its lease is a zombie (N5). */
  private ended(process: ProcessId): void {
    if (this.pinnedAtClose.size === 0) this.died(process);
    else {
      this.ending.add(process);
      this.endedSoon(process, TURNS);
    }
  }

  private endedSoon(process: ProcessId, turns: number): void {
    const next = guarded(this.log, 'process end', () => {
      if (!this.ending.has(process)) return;
      if (turns === 0 || this.pinnedAtClose.size === 0) this.died(process);
      else this.endedSoon(process, turns - 1);
    });
    setImmediate(next);
  }

  /** Records its death now. */
  died(process: ProcessId): void {
    this.ending.delete(process);
    const known = this.leases.knows(process);
    const rest = this.leases.died(process, PINS_AT_ONCE);
    this.journal?.died(process);
    if (known) attempt(this.log, 'words', () => this.recorder.died(process));
    carryOut(this);
    if (rest === undefined) this.isGone(process);
    else this.endings.add(rest, () => this.isGone(process));
  }

  private isGone(process: ProcessId): void {
    this.supervision.ended(process);
    this.notices.after(() => this.processes.forget(process));
    endGone(this);
  }
}
