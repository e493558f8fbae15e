// Layouts for clients: where in the store a file's blocks lie, listed, or granted to the holder of a lease for loads and
// stores without the daemon. A grant lives as long as its lease: a break of the lease is the recall, and until then a layout
// change meets the lease (X2 to X4). Counterparts: pNFS block layouts (RFC 5663) with LAYOUTGET and CB_LAYOUTRECALL, and
// xfs_fs_map_blocks.
import { errno, errnoName } from '../../base/errno.js';
import { CAP_SYS_PTRACE, O_ACCMODE, O_RDWR } from '../../base/linux.js';
import { ownUid } from '../../base/owner.js';
import {
  BLOCK,
  blockOf,
  blocksFor,
  type FileHandle,
  type InodeNumber,
  type LeaseId,
  MAX_OFFSET,
  type ProcessId,
} from '../../base/units.js';
import type { SavedLease } from '../../lease/index.js';
import { native, STAT } from '../../native/binding.js';
import { Extent, type Grant, type StoredFile } from '../../store/file-store.js';
import type { Answer, Caller, Layout, LayoutRequest } from '../operations.js';
import { fileName, processName } from '../trace/words.js';
import { keptBlocks } from '../vfs/kept-blocks.js';
import type { OpenFile } from '../vfs/open-file.js';
import { identify, isCapable } from './callers.js';
import type { LeasePlane } from './plane.js';

/** The layout of a range into `out`, as far as it fits and lies in one segment: see leasefs.h, LAYOUT. */
export function layout(
  plane: LeasePlane,
  caller: Caller,
  fh: FileHandle,
  request: LayoutRequest,
  out: Layout,
): Answer {
  const { off, len, seq } = request;
  const open = plane.sb.handles.get(fh);
  const file = open?.inode.file;
  if (open === undefined || file === undefined) return -errno.EINVAL;
  if (len <= 0 || off + len > MAX_OFFSET) return -errno.EINVAL;
  const busy = plane.sb.slices.wait(caller, open.inode.ino);
  if (busy !== 0) return busy;
  const start = blockOf(off) * BLOCK;
  const end = blocksFor(off + len) * BLOCK;
  if (request.list) return isStale(file, seq) ? -errno.EAGAIN : list(file, start, end, true, out);
  const process = identify(plane, caller);
  const lease = leaseFor(plane, process, open);
  if (lease < 0) return lease;
  // A client that cannot have the memory would only keep the blocks from others.
  if (isInSegment(file, start, end) && !mayFetch(plane, process, caller)) return -errno.EACCES;
  if (isStale(file, seq)) return -errno.EAGAIN;
  file.chargeTo(caller.uid);
  const committed = file.commit(start, end - start);
  if (committed < 0) return committed;
  list(file, start, end, false, out);
  // The file itself needs no hold: no other file uses its memory.
  if (out.segment === 0) return 0;
  open.inode.cache.bypassedByClient = true;
  const kept = keep(grantOf(plane, lease as LeaseId, process, caller.uid), out);
  if (kept === -errno.ENOLCK || kept === -errno.EBUSY) saysWhy(plane, caller, process, open, kept);
  return kept;
}

/** Who keeps the blocks for which a layout is refused, and until when. */
function saysWhy(
  plane: LeasePlane,
  { uid }: Caller,
  process: ProcessId,
  { inode }: OpenFile,
  answer: number,
): void {
  const { sb } = plane;
  const mapped =
    "a process whose lease has ended still has the segment: 'leasefs status' names it; until it unmaps it or ends";
  const kept = keptBlocks(sb, sb.store.capacity.total / 4);
  const own = `the share of user ${uid} is held by layouts, which end with the leases of ${layoutHolders(plane, uid)}`;
  const why = answer === -errno.EBUSY ? mapped : (kept ?? own);
  plane.log(
    `refused: layout of ${fileName(plane, inode.ino)} by ${processName(plane, process)}: ${errnoName(answer)}; ${why}`,
    uid,
  );
}

/** Holders that a line names, and grants that are looked at for them. */
const NAMED = 8;
const LOOKED_AT = 256;

/** The processes to which layouts were granted, the oldest first, with bytes and user. @param uid of one user alone */
export function layoutHolders(plane: LeasePlane, uid?: number): string {
  const holders = new Map<ProcessId, { bytes: number; uid: number }>();
  let looks = 0;
  for (const { grant, owner, uid: user } of plane.grants.values()) {
    if (++looks > LOOKED_AT) break;
    if (grant.bytes === 0 || (uid !== undefined && user !== uid)) continue;
    const known = holders.get(owner);
    if (known !== undefined) known.bytes += grant.bytes;
    else if (holders.size < NAMED) holders.set(owner, { bytes: grant.bytes, uid: user });
  }
  const texts = [...holders].map(
    ([owner, { bytes, uid: user }]) =>
      `${processName(plane, owner)} of user ${user}, ${Math.ceil(bytes / 1024)} KiB`,
  );
  return texts.join('; ');
}

/** Whether a layout of the file is granted now. */
export const isGranted = (plane: LeasePlane, ino: InodeNumber): boolean =>
  plane.leases.leases(ino).some(({ lease }) => plane.grants.has(lease));

const isStale = (file: StoredFile, seq: number | undefined): boolean => seq !== undefined && seq !== file.seq;

/**
 * The live lease that the caller's process owns on this description, not being broken: the notice of its break is the
 * recall.
 */
function leaseFor(plane: LeasePlane, process: ProcessId, open: OpenFile): LeaseId | number {
  const lease = plane.leases.leases(open.inode.ino).find(({ description }) => description === open.fh);
  // An unidentified process owns no lease.
  if (lease === undefined || lease.owner !== process) return -errno.EPERM;
  if ((open.flags & O_ACCMODE) !== O_RDWR) return -errno.EBADF;
  return lease.breaking === undefined ? lease.lease : -errno.EAGAIN;
}

const next = new Extent();

/** Whether the first block of the range that is there lies in a segment, not in the file itself. */
const isInSegment = (file: StoredFile, start: number, end: number): boolean =>
  file.nextExtent(start, next) && next.off < end && next.segment !== 0;

/** Whether the kernel would let the caller take the segment's descriptor from this process, as ptrace(2) (pidfd_getfd). */
function mayFetch(plane: LeasePlane, process: ProcessId, caller: Caller): boolean {
  if (caller.uid !== 0 && caller.uid === ownUid) return true;
  return isCapable(plane, process, caller, CAP_SYS_PTRACE);
}

/** @param listed to a client that gets no memory: a granted layout has no unwritten block. */
function list(file: StoredFile, start: number, end: number, listed: boolean, out: Layout): Answer {
  out.seq = file.seq;
  out.next = end;
  out.segment = 0;
  out.fd = -1;
  out.dev = 0;
  out.ino = 0;
  out.count = 0;
  for (let at = start; at < end && file.nextExtent(at, next) && next.off < end; at = next.off + next.len) {
    if (out.count === 0) out.segment = next.segment;
    if (next.segment !== out.segment || out.count === out.extents.length) {
      out.next = next.off;
      break;
    }
    const extent = out.extents[out.count++]!;
    const behind = Math.max(start - next.off, 0);
    extent.off = next.off + behind;
    extent.len = Math.min(next.off + next.len, end) - extent.off;
    extent.store = next.store + behind;
    extent.segment = next.segment;
    extent.unwritten = listed && next.unwritten;
  }
  return 0;
}

const stat = new Float64Array(STAT.length);

/** Holds the blocks that the client gets. If the last cannot be held, those held so far stay until the lease ends. */
function keep(grant: Grant, out: Layout): Answer {
  for (let i = 0; i < out.count; i++) {
    const fd = grant.add(out.extents[i]!);
    if (fd < 0) return fd;
    out.fd = fd;
  }
  native.fstat(out.fd, stat);
  out.dev = stat[STAT.dev]!;
  out.ino = stat[STAT.ino]!;
  return 0;
}

function grantOf(plane: LeasePlane, lease: LeaseId, owner: ProcessId, uid: number): Grant {
  let granted = plane.grants.get(lease);
  if (granted === undefined) {
    const held = (blk: number, n: number): void => plane.journal?.granted(lease, uid, blk, n);
    granted = { grant: plane.sb.store.newGrant(uid, held), owner, uid };
    plane.grants.set(lease, granted);
  }
  return granted.grant;
}

/** What the journal says of the layouts granted under one lease. */
export interface SavedGrant {
  readonly uid: number;
  /** Of blocks of the store: the first and how many of each. */
  readonly runs: number[];
}

/** The last daemon's grant: no other file gets its blocks, and the client goes on to store into them. */
export function restoreGrant(plane: LeasePlane, { id, file, owner }: SavedLease, saved: SavedGrant): void {
  const grant = grantOf(plane, id, owner, saved.uid);
  const { runs } = saved;
  for (let i = 0; i < runs.length; i += 2) grant.restore(runs[i]!, runs[i + 1]!);
  const inode = plane.sb.inode(file);
  if (inode !== undefined) inode.cache.bypassedByClient = true;
}

/** The lease has ended, and with it the layouts granted under it. */
export function endGrant(plane: LeasePlane, lease: LeaseId): void {
  plane.grants.get(lease)?.grant.release();
  plane.grants.delete(lease);
}
