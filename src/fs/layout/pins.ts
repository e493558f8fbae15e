// Pins, as applications ask for them: the lease machine decides, the store gives a pin its blocks (N7).
import { errno } from '../../base/errno.js';
import { CAP_IPC_LOCK } from '../../base/linux.js';
import {
  BLOCK,
  blockOf,
  blocksFor,
  type FileHandle,
  type InodeNumber,
  MAX_OFFSET,
  type PinId,
  type ProcessId,
  UNIDENTIFIED,
} from '../../base/units.js';
import type { PinAsk, PinInfo } from '../../lease/types.js';
import {
  type Answer,
  type Caller,
  PARKED,
  type PinListing,
  type PinPage,
  type PinRequest,
} from '../operations.js';
import { invalidateAttrs } from '../vfs/attr-cache.js';
import type { Inode } from '../vfs/inode.js';
import { afterDrops } from './after-drops.js';
import { ask, carryOut } from './ask.js';
import { identify, isCapable } from './callers.js';
import type { LeasePlane } from './plane.js';

export function pin(plane: LeasePlane, caller: Caller, fh: FileHandle, request: PinRequest): Answer {
  const going = plane.sb.slices.goOn(caller);
  if (going !== undefined) return going;
  const file = plane.sb.handles.get(fh);
  const process = identify(plane, caller);
  if (process === UNIDENTIFIED) return -errno.EPERM;
  if (file?.inode.file === undefined) return -errno.EINVAL;
  const busy = plane.sb.slices.wait(caller, file.inode.ino) || plane.sb.waitForSpace(caller);
  if (busy !== 0) return busy;
  const { off, len } = request;
  if (len <= 0 || off < 0 || off + len > MAX_OFFSET) return -errno.EINVAL;
  const owner = ownerOf(plane, fh, request.owner);
  const id = makePin(plane, caller, process, file.inode, off, len, fh, owner, '');
  const isMade = id > 0 && id !== PARKED;
  return isMade && isLong(caller, len) ? fillInSlices(plane, caller, process, file.inode, off, len, id) : id;
}

/** Bytes that get their pages at once, or in a slice. */
const SLICE = 1 << 18;
/** Pins that are looked at in a slice, and unpinned. */
const PINS = 32;
/** Pieces of a slice that have their pages already. */
const PIECES = 16;

/** A supervisor's pins are filled at once. */
const isLong = ({ isStopped }: Caller, len: number): boolean => len > SLICE && !isStopped;

/** Gives the pin its blocks (N7); it is there, and protects its range, from the beginning. The pin's id, or `-errno`. */
function fillInSlices(
  plane: LeasePlane,
  caller: Caller,
  process: ProcessId,
  inode: Inode,
  off: number,
  len: number,
  id: Answer,
): Answer {
  const { leases, sb } = plane;
  const { capacity } = sb.store;
  // A slice may be another caller's turn.
  const by = { ...caller };
  let at = off;
  plane.journal?.filling.add(id as PinId);
  const abandon = (): void => {
    leases.abandon(id as PinId);
    plane.journal?.filling.delete(id as PinId);
    carryOut(plane);
  };
  return sb.slices.begin(caller, {
    ino: inode.ino,
    slice: () => {
      const before = capacity.used;
      for (let n = 0; at < off + len && n < PIECES && capacity.used - before < SLICE; n++) {
        const piece = Math.min(SLICE, off + len - at);
        const filled = fill(plane, by, process, inode, at, piece);
        if (filled < 0) {
          abandon();
          return filled;
        }
        at += piece;
        inode.file!.size();
      }
      if (at < off + len) return PARKED;
      plane.journal?.filled(id as PinId);
      afterDrops(plane, by, inode);
      return id;
    },
    interrupted: abandon,
  });
}

/**
 * Pins bytes [off, off + len) and gives them their blocks: the pin's id, or `-errno`.
 * @param owner undefined: the caller does not hold it (N4).
 * @param how ends the call's words in the log.
 */
export function makePin(
  plane: LeasePlane,
  caller: Caller,
  process: ProcessId,
  inode: Inode,
  off: number,
  len: number,
  description: FileHandle,
  owner: PinAsk['owner'] | undefined,
  how: string,
): Answer {
  const { leases } = plane;
  const call = (): string => callOf(off, len) + how;
  const injected = caller.goesOn ? 0 : (plane.injector?.pinAnswer(process, inode.ino, call()) ?? 0);
  if (injected < 0) return injected;
  const uncounted = isCapable(plane, process, caller, CAP_IPC_LOCK);
  const question: PinAsk = {
    process,
    description,
    uid: caller.uid,
    uncounted,
    file: inode.ino,
    start: blockOf(off),
    end: blocksFor(off + len),
    owner: owner ?? 0,
    ownerHeld: owner !== undefined,
    sizeBlocks: blocksFor(inode.file!.size()),
    memlock: uncounted ? Number.POSITIVE_INFINITY : plane.processes.memlock(process),
  };
  let id = 0 as PinId;
  let filled = 0;
  const makes = () => {
    const made = leases.pin(plane.monotonic(), question);
    if (made.verdict.kind !== 'ok') return made.verdict;
    id = made.pin;
    const later = isLong(caller, len);
    inode.file!.chargeTo(caller.uid);
    if (!later) filled = fill(plane, caller, process, inode, off, len);
    else if (!inode.file!.fits(off, Math.min(len, inode.file!.size() - off))) filled = -errno.ENOSPC;
    // The pin got no blocks, so it never existed (N7).
    if (filled < 0) leases.abandon(id);
    return made.verdict;
  };
  const answer = ask(plane, caller, process, inode.ino, makes, call);
  if (answer !== 0) return answer;
  if (filled < 0) return filled;
  // It delays the answer that is made next.
  if (!isLong(caller, len)) afterDrops(plane, caller, inode);
  return id;
}

const callOf = (off: number, len: number): string => `pin [${off}, ${off + len})`;

/** Gives the range its blocks (N7). The last block may reach beyond the size: it always has a whole page. */
function fill(
  plane: LeasePlane,
  caller: Caller,
  process: ProcessId,
  inode: Inode,
  off: number,
  len: number,
): Answer {
  const { ino } = inode;
  const data = inode.file!;
  const start = blockOf(off);
  const end = blocksFor(off + len);
  if (!data.hasHole(start, end)) return 0;
  const { goesOn } = caller;
  const injected = goesOn ? 0 : (plane.injector?.spaceAnswer(process, ino, callOf(off, len)) ?? 0);
  if (injected < 0) return injected;
  const begin = start * BLOCK;
  data.chargeTo(caller.uid);
  const filled = data.allocate(begin, Math.min(end * BLOCK, data.size()) - begin, true, false);
  // The file has more blocks now, which the kernel does not notice.
  if (filled >= 0) invalidateAttrs(plane.sb, inode);
  else if (!goesOn) plane.recorder.noSpace(process, ino, filled, callOf(off, len));
  return filled;
}

/** 0: the process itself; a description; or undefined where the token names none. */
function ownerOf(plane: LeasePlane, fh: FileHandle, owner: bigint | undefined): FileHandle | 0 | undefined {
  if (owner === undefined) return 0;
  if (owner === 0n) return fh;
  const named = plane.byToken.get(owner);
  // A stream's token names nothing that could own a pin.
  return named !== undefined && plane.sb.handles.has(named) ? named : undefined;
}

export function unpin(
  plane: LeasePlane,
  caller: Caller,
  ino: InodeNumber,
  fh: FileHandle,
  id: number | undefined,
): Answer {
  const process = identify(plane, caller);
  if (id === undefined) return unpinAll(plane, caller, process, ino, fh);
  const answer = unpinOne(plane, caller, process, ino, fh, id as PinId);
  return answer === 0 ? 1 : answer;
}

function unpinOne(
  plane: LeasePlane,
  caller: Caller,
  process: ProcessId,
  ino: InodeNumber,
  fh: FileHandle,
  id: PinId,
): Answer {
  const question = { process, description: fh, pin: id };
  return ask(
    plane,
    caller,
    process,
    ino,
    () => plane.leases.unpin(question),
    () => `unpin ${id}`,
  );
}

function unpinAll(
  plane: LeasePlane,
  caller: Caller,
  process: ProcessId,
  ino: InodeNumber,
  fh: FileHandle,
): Answer {
  const { slices } = plane.sb;
  const going = slices.goOn(caller);
  if (going !== undefined) return going;
  if (process === UNIDENTIFIED) return -errno.EPERM;
  const by = { ...caller };
  const pins = plane.leases.pinsByAge(ino);
  let removed = 0;
  const slice = (): Answer => {
    for (let n = 0; n < PINS; n++) {
      const { done, value: info } = pins.next();
      if (done) return removed;
      if (!isOwned(info, process, fh)) continue;
      const answer = unpinOne(plane, by, process, ino, fh, info.pin);
      // It may have ended since.
      if (answer < 0 && answer !== -errno.ENOENT) return answer;
      if (answer === 0) removed++;
    }
    return PARKED;
  };
  return slices.begin(caller, { ino, slice, interrupted: undefined });
}

const isOwned = (info: PinInfo, process: ProcessId, fh: FileHandle): boolean =>
  info.owner === 0 ? info.process === process : info.owner === fh;

/** Continues where the same description's last call stopped, without a walk over the pins already listed. */
export function pins(
  plane: LeasePlane,
  caller: Caller,
  ino: InodeNumber,
  fh: FileHandle,
  after: number,
  max: number,
): PinPage {
  const cursor = plane.pinCursors.get(fh);
  const rest = cursor?.after === after ? cursor.rest : plane.leases.pinsByAge(ino);
  const process = identify(plane, caller);
  const listings: PinListing[] = [];
  while (listings.length < max) {
    const { done, value: info } = rest.next();
    if (done) break;
    if (info.pin <= after) continue;
    listings.push({
      ...info,
      pid: plane.processes.info(info.process).pid,
      mine: info.process === process,
    });
  }
  const last = listings.length < max ? undefined : listings.at(-1);
  if (last === undefined) plane.pinCursors.delete(fh);
  else if (plane.sb.handles.has(fh)) plane.pinCursors.set(fh, { after: last.pin, rest });
  const total = plane.leases.leases(ino).reduce((sum, lease) => sum + lease.pins, 0);
  return { total, listings };
}
