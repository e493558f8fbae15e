// The daemon's reports to the administrator (A1), status, leases and pins, as `leasefs status|leases|pins --json` prints
// them, and to a caller that was refused. REPORT carries them. In the daemon paths and commands are bytes, a char (U+0000 to U+00FF) each.
import type { ReportedHolder } from './events.js';
import type { LeaseKind } from './kinds.js';
import {
  LEASEFS_REPORT_LEASES,
  LEASEFS_REPORT_PINS,
  LEASEFS_REPORT_REFUSAL,
  LEASEFS_REPORT_STATUS,
} from './leasefs.js';

export interface ReportedProcess {
  readonly pid: number;
  /** Clock ticks from boot to its start: with the pid it names a process for good (A3). */
  readonly start: number;
  readonly command: string;
  /** Its real uid when it was first seen; -1 when unknown. */
  readonly uid: number;
  readonly alive: boolean;
}

export interface ReportedFile {
  readonly ino: number;
  /** From the root of the mount; null when no name is left. */
  readonly path: string | null;
  readonly deleted: boolean;
}

export interface ReportedLease extends ReportedFile {
  readonly id: number;
  readonly kind: LeaseKind;
  readonly state: 'held' | 'breaking' | 'zombie';
  /** ms until the break is forced, and what the lease must become; null unless it is being broken. */
  readonly breakMs: number | null;
  readonly must: LeaseKind | null;
  readonly owner: ReportedProcess;
  readonly ageMs: number;
  readonly pins: number;
  /** Bytes of the pooled store's blocks that layouts have granted to its holder: no other file gets them before it ends. */
  readonly layout: number;
}

/** A process that has blocks of the pooled store by layouts, and how many bytes, until its leases end. */
export interface ReportedLayouts extends ReportedProcess {
  readonly bytes: number;
}

export interface ReportedPin extends ReportedFile {
  readonly id: number;
  /** Bytes, rounded outward to blocks. */
  readonly off: number;
  readonly len: number;
  /** The lease that it is under. */
  readonly lease: number;
  /** The process that made it. */
  readonly pid: number;
  readonly start: number;
  readonly command: string;
  /** The pin ends with this process or description (N4). */
  readonly owner: 'process' | 'description';
  /** The inode of the owning description's file, which may be another; null for a process. */
  readonly ownerIno: number | null;
  readonly ageMs: number;
  readonly zombie: boolean;
  readonly uid: number;
}

export interface ReportedStatus {
  readonly pid: number;
  readonly version: string;
  readonly store: string;
  /** Why the daemon chose this store. */
  readonly storeReason: string;
  readonly passthrough: boolean;
  /** Why there is no passthrough. */
  readonly reason: string | null;
  /** Version of the FUSE protocol, or 'by libfuse 2'. */
  readonly kernel: string;
  readonly leaseBreakMs: number;
  readonly semantics: string;
  /** Bytes. */
  readonly size: number;
  readonly used: number;
  /** Files that hold a descriptor of the daemon, their limit; how often files gave theirs up and got one again; null: none do. */
  readonly residency: {
    readonly descriptors: number;
    readonly budget: number;
    readonly closed: number;
    readonly reopened: number;
  } | null;
  /** Which pages of the direct store may be huge, as huge= of tmpfs(5); null: the pooled store has none. */
  readonly huge: string | null;
  /** Of the pooled store: files with blocks, their extents; bytes free, and those in runs of 2 MiB and more. */
  readonly fragmentation: {
    readonly files: number;
    readonly extents: number;
    readonly free: number;
    readonly freeInLongRuns: number;
  } | null;
  /**
   * Of the pooled store: bytes of freed blocks that no file gets yet, since clients may map them, and what is lent to
   * clients: st_dev and st_ino of segments. null: the store lends nothing.
   */
  readonly kept: { readonly bytes: number; readonly dev: number; readonly inos: readonly number[] } | null;
  /** The processes that have most blocks by layouts, up to 16. */
  readonly layouts: readonly ReportedLayouts[];
  readonly files: number;
  /** As --inodes counts them, and how many there may be. */
  readonly inodes: number;
  readonly maxInodes: number;
  readonly leases: number;
  readonly pins: number;
  /** How often a layout change had to search for kernel pins (N10). */
  readonly kernelPinSearches: number;
  readonly waiters: number;
  /** Requests served, by name. */
  readonly requests: Readonly<Record<string, number>>;
  /** What outlives the daemon (mount --keeper), its pid, and how often a daemon of this mount has died; null: nothing does. */
  readonly keeper: {
    readonly by: 'leasefs-keeper' | 'systemd';
    readonly pid: number;
    readonly deaths: number;
    /** What the next daemon needs to know, in memory: bytes, and bytes at most. `full`: it was too much, and none can follow. */
    readonly journal: { readonly bytes: number; readonly most: number; readonly full: boolean };
  } | null;
  /** -o kernel_cache: a refused write to a pooled file may cost other processes their stores. */
  readonly kernelCache: boolean;
  /**
   * How the daemon waits for requests (--spin): how often it found one before it slept, how often it looked in vain, and
   * the time that both took, us; null: a library waits.
   */
  readonly spin: {
    readonly mode: string;
    readonly found: number;
    readonly vain: number;
    readonly us: number;
  } | null;
}

/** A call that a rule refused, as its event says (events.ts). */
export interface ReportedRefusal {
  readonly seq: number;
  /** ms since 1970. */
  readonly time: number;
  readonly call: string;
  readonly errno: string;
  readonly rule: string;
  /** The lease or pin that refuses. */
  readonly holder?: ReportedHolder;
  /** What the caller can do. */
  readonly remedy?: string;
}

export interface Reports {
  readonly status: ReportedStatus;
  readonly leases: { readonly leases: readonly ReportedLease[] };
  readonly pins: { readonly pins: readonly ReportedPin[] };
  /** The newest one of the process that asks; null: none that is kept. */
  readonly refusal: { readonly refusal: ReportedRefusal | null };
}

export type ReportKind = keyof Reports;

const numbers = {
  status: LEASEFS_REPORT_STATUS,
  leases: LEASEFS_REPORT_LEASES,
  pins: LEASEFS_REPORT_PINS,
  refusal: LEASEFS_REPORT_REFUSAL,
} as const satisfies Record<ReportKind, number>;

/** `what` of struct leasefs_report. */
export const reportNumber = (kind: ReportKind): number => numbers[kind];

/** undefined: leasefs.h has no such report. */
export const reportKind = (number: number): ReportKind | undefined =>
  (Object.keys(numbers) as ReportKind[]).find(kind => numbers[kind] === number);
