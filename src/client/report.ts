// What the daemon tells the administrator (A1): status, leases and pins, as `leasefs status|leases|pins` prints them.

import type { LeaseKind } from '../abi/kinds.js';
import * as abi from '../abi/leasefs.js';
import { FsError } from '../base/errno.js';
import { Calls } from './calls.js';

export interface ReportedProcess {
  readonly pid: number;
  /** Clock ticks from boot to its start: with the pid it names a process for good (A3). */
  readonly start: number;
  readonly command: string;
  /** Its real uid when it was first seen; -1 when unknown. */
  readonly uid: number;
  readonly alive: boolean;
}

interface ReportedFile {
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
  /** Whose end ends the pin (N4). */
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
  /** Why it is this one. */
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
  /** Files with a descriptor of the daemon, how many may have one, moves into the pool and back; null: none costs one. */
  readonly residency: {
    readonly descriptors: number;
    readonly budget: number;
    readonly movedOut: number;
    readonly movedIn: number;
  } | null;
  /** Of the pooled store: files with blocks, their extents; bytes free, and those in runs of 2 MiB and more. */
  readonly fragmentation: {
    readonly files: number;
    readonly extents: number;
    readonly free: number;
    readonly freeInLongRuns: number;
  } | null;
  readonly files: number;
  /** Of all kinds, and how many there may be. */
  readonly inodes: number;
  readonly maxInodes: number;
  readonly leases: number;
  readonly pins: number;
  /** How often a layout change had to look for pins that nobody told of (N10). */
  readonly kernelPinSearches: number;
  readonly waiters: number;
  /** Requests served, by name. */
  readonly requests: Readonly<Record<string, number>>;
}

export interface Reports {
  readonly status: ReportedStatus;
  readonly leases: { readonly leases: readonly ReportedLease[] };
  readonly pins: { readonly pins: readonly ReportedPin[] };
}

const numbers = {
  status: abi.LEASEFS_REPORT_STATUS,
  leases: abi.LEASEFS_REPORT_LEASES,
  pins: abi.LEASEFS_REPORT_PINS,
} as const;

/**
 * @param fd any descriptor of the mount: of a directory for the whole mount, of a file for that file.
 * @throws FsError ENOTTY when `fd` is not on a leasefs mount.
 */
export function readReport<What extends keyof Reports>(fd: number, what: What): Reports[What] {
  using calls = new Calls(fd);
  return readReportBy(calls, what);
}

export function readReportBy<What extends keyof Reports>(calls: Calls, what: What): Reports[What] {
  const data = new ArrayBuffer(abi.report.bytes);
  const view = new DataView(data);
  const parts: Uint8Array[] = [];
  let off = 0;
  for (let size = 1; off < size; ) {
    view.setUint32(abi.report.version, abi.LEASEFS_ABI, true);
    view.setUint32(abi.report.what, numbers[what], true);
    view.setUint32(abi.report.off, off, true);
    const result = calls.call(abi.LEASEFS_IOC_REPORT, data);
    if (result < 0) throw new FsError(result, `reading the ${what} report`);
    const len = view.getUint32(abi.report.len, true);
    size = view.getUint32(abi.report.size, true);
    if (len === 0 || len > abi.LEASEFS_REPORT_MAX) break;
    parts.push(new Uint8Array(data.slice(abi.report.data, abi.report.data + len)));
    off += len;
  }
  return JSON.parse(Buffer.concat(parts).toString('utf8'), decodeName) as Reports[What];
}

/** Names are bytes: the daemon writes one character (U+0000 to U+00FF) a byte. */
function decodeName(key: string, value: unknown): unknown {
  const isName = (key === 'path' || key === 'command') && typeof value === 'string';
  return isName ? Buffer.from(value, 'latin1').toString('utf8') : value;
}
