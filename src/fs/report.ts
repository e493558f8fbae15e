// The reports: status, leases and pins to the administrator (A1), and to a caller why it was refused. Of other users' processes they show pid, start time and
// command, which /proc shows to every user. Paths and commands are bytes, a char (U+0000 to U+00FF) a byte.
import { kindName } from '../abi/kinds.js';
import type {
  ReportedFile,
  ReportedLayouts,
  ReportedLease,
  ReportedPin,
  ReportedProcess,
  ReportedRefusal,
  ReportedStatus,
  ReportKind,
} from '../abi/reports.js';
import type { Source } from '../base/kept-text.js';
import { BLOCK, type InodeNumber, type ProcessId, UNIDENTIFIED } from '../base/units.js';
import type { LeaseInfo } from '../lease/types.js';
import { identify } from './layout/callers.js';
import type { LeasePlane } from './layout/plane.js';
import type { Caller } from './operations.js';
import { fileName, processName } from './trace/words.js';
import type { Superblock } from './vfs/superblock.js';

/** What the transport and the command line add to the status. */
export type SessionStatus = Pick<
  ReportedStatus,
  | 'version'
  | 'storeReason'
  | 'passthrough'
  | 'reason'
  | 'kernel'
  | 'semantics'
  | 'waiters'
  | 'requests'
  | 'spin'
  | 'kernelCache'
  | 'keeper'
>;

/** Of a filesystem that no transport serves. */
export const unserved: SessionStatus = {
  version: '',
  storeReason: '',
  passthrough: false,
  reason: null,
  kernel: '',
  semantics: 'default',
  waiters: 0,
  requests: {},
  spin: null,
  kernelCache: false,
  keeper: null,
};

/** The parts of the report in JSON: of one file unless `ino` is a directory. */
export function report(
  plane: LeasePlane,
  caller: Caller,
  ino: InodeNumber,
  what: ReportKind,
  session: () => SessionStatus,
): Source {
  const inode = plane.sb.inode(ino);
  const file = inode === undefined || inode.children !== undefined ? undefined : ino;
  switch (what) {
    case 'status':
      return statusText(plane, session);
    case 'leases':
      return rowsText(what, leaseRows(plane, file));
    case 'pins':
      return rowsText(what, pinRows(plane, file));
    case 'refusal': {
      const refusal = refusalOf(plane, file, identify(plane, caller)) ?? null;
      return [JSON.stringify({ refusal })].values();
    }
  }
}

function* statusText(plane: LeasePlane, session: () => SessionStatus): Generator<string> {
  yield JSON.stringify(yield* statusOf(plane, session));
}

function* rowsText(what: string, rows: Generator<object>): Generator<string> {
  let before = `{"${what}":[`;
  for (const row of rows) {
    yield before + JSON.stringify(row);
    before = ',';
  }
  yield before === ',' ? ']}' : `${before}]}`;
}

/** The newest refusal of the process that the ring still has. */
function refusalOf(
  plane: LeasePlane,
  file: InodeNumber | undefined,
  process: ProcessId,
): ReportedRefusal | undefined {
  if (process === UNIDENTIFIED) return undefined;
  const { ring } = plane.recorder;
  const by = plane.process(process);
  for (let number = ring.next - 1; number >= ring.first; number--) {
    const event = ring.at(number);
    if (event === undefined || event.event !== 'refused' || event.by !== by) continue;
    if (file !== undefined && event.ino !== file) continue;
    const { seq, time, rule, facts } = event;
    const { call = '', errno = '', holder, remedy } = facts;
    return { seq, time, call, errno, rule, ...(holder && { holder }), ...(remedy && { remedy }) };
  }
  return undefined;
}

/** Yields '' for work that it has done. */
export function* statusOf(
  plane: LeasePlane,
  session: () => SessionStatus,
): Generator<string, ReportedStatus> {
  const { sb, leases, kernelPins } = plane;
  const fragments = yield* fragmentation(sb);
  const layouts = yield* layoutsOf(plane);
  const { capacity, name } = sb.store;
  const counts = leases.counts();
  return {
    pid: process.pid,
    store: name,
    size: capacity.total,
    used: sb.used,
    huge: sb.store.huge,
    residency: residency(sb),
    fragmentation: fragments,
    kept: kept(sb),
    layouts,
    files: sb.files,
    inodes: sb.budget.used,
    maxInodes: sb.budget.max,
    leases: counts.leases,
    pins: counts.pins,
    kernelPinSearches: kernelPins.searches,
    leaseBreakMs: plane.breakTime,
    ...session(),
  };
}

/** Inodes that are looked at in one step. */
const INODES = 64;
/** Extents that take as long. */
const EXTENTS = 4096;

/** Of a store that places blocks: extents of all files that have any, and how much free space is left for long ones. */
function* fragmentation(sb: Superblock): Generator<string, ReportedStatus['fragmentation']> {
  if (sb.store.freeInLongRuns === undefined) return null;
  let files = 0;
  let extents = 0;
  let seen = 0;
  for (const { file } of sb.inodes.values()) {
    const count = file?.extentCount() ?? 0;
    if (count > 0) files++;
    extents += count;
    seen += 1 + (count * INODES) / EXTENTS;
    if (seen < INODES) continue;
    seen = 0;
    yield '';
  }
  const { capacity, freeInLongRuns = 0 } = sb.store;
  return { files, extents, free: capacity.total - capacity.used, freeInLongRuns };
}

/** Processes with layouts that are listed. */
const LISTED = 16;

function* layoutsOf(plane: LeasePlane): Generator<string, ReportedLayouts[]> {
  const byOwner = new Map<ProcessId, number>();
  let seen = 0;
  for (const { grant, owner } of plane.grants.values()) {
    if (grant.bytes > 0) byOwner.set(owner, (byOwner.get(owner) ?? 0) + grant.bytes);
    if (++seen % INODES === 0) yield '';
  }
  const most: [ProcessId, number][] = [];
  for (const one of byOwner) {
    most.push(one);
    most.sort(([, a], [, b]) => b - a);
    if (most.length > LISTED) most.pop();
    if (++seen % INODES === 0) yield '';
  }
  return most.map(([owner, bytes]) => ({ ...who(plane, owner), bytes }));
}

/** Of a store that lends its memory to clients. */
function kept(sb: Superblock): ReportedStatus['kept'] {
  const lent = sb.store.lent();
  return lent === undefined ? null : { bytes: lent.kept, dev: lent.dev, inos: [...lent.byIno.keys()] };
}

/** Of a store whose files cost a descriptor each. */
function residency(sb: Superblock): ReportedStatus['residency'] {
  const { descriptors } = sb.store;
  if (descriptors === undefined) return null;
  const { budget, closed, reopened } = sb.residency;
  return { descriptors, budget, closed, reopened };
}

export function* leaseRows(plane: LeasePlane, file: InodeNumber | undefined): Generator<ReportedLease> {
  for (const lease of plane.leases.eachLease(file)) {
    const now = plane.monotonic();
    yield {
      id: lease.lease,
      ...where(plane, lease.file),
      kind: kindName(lease.kind),
      state: stateOf(lease),
      breakMs: lease.breaking === undefined ? null : Math.max(0, Math.ceil(lease.breaking.until - now)),
      must: lease.breaking === undefined ? null : kindName(lease.breaking.must),
      owner: who(plane, lease.owner),
      ageMs: Math.round(now - lease.takenAt),
      pins: lease.pins,
      layout: plane.grants.get(lease.lease)?.grant.bytes ?? 0,
    };
  }
}

function stateOf(lease: LeaseInfo): 'held' | 'breaking' | 'zombie' {
  if (lease.description === 0) return 'zombie';
  return lease.breaking === undefined ? 'held' : 'breaking';
}

export function* pinRows(plane: LeasePlane, file: InodeNumber | undefined): Generator<ReportedPin> {
  for (const pin of plane.leases.eachPin(file)) {
    const { pid, start, command } = who(plane, pin.process);
    yield {
      id: pin.pin,
      ...where(plane, pin.file),
      off: pin.start * BLOCK,
      len: (pin.end - pin.start) * BLOCK,
      lease: pin.lease,
      pid,
      start,
      command,
      owner: pin.owner === 0 ? 'process' : 'description',
      // A2: its holders must end.
      ownerIno: (pin.owner !== 0 && plane.sb.handles.get(pin.owner)?.inode.ino) || null,
      ageMs: Math.round(plane.monotonic() - pin.pinnedAt),
      zombie: pin.zombie,
      uid: pin.uid,
    };
  }
}

/** A4: each lease with its holder, for people. */
export function heldBy(plane: LeasePlane): string[] {
  return plane.leases.leases().map(({ kind, owner, file, description, pins }) => {
    const zombie = description === 0 ? 'zombie of ' : '';
    return `${zombie}${kindName(kind)} lease of ${processName(plane, owner)} on ${fileName(plane, file)} with ${pins} pins`;
  });
}

function where(plane: LeasePlane, ino: InodeNumber): ReportedFile {
  const path = plane.pathOf(ino);
  return { ino, path: path ?? null, deleted: path === undefined };
}

function who(plane: LeasePlane, id: ProcessId): ReportedProcess {
  const { pid, start, command, uid, alive } = plane.process(id);
  return { pid, start, command, uid, alive };
}
