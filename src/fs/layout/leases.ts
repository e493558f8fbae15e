// Leases and pins, as applications ask for them: the facts about the caller are looked up here, the lease machine
// decides, the store gives a pin its blocks (N7).

import { randomBytes } from 'node:crypto';
import { kindName, NONE } from '../../abi/kinds.js';
import { errno } from '../../base/errno.js';
import {
  BLOCK,
  blockOf,
  blocksFor,
  type FileHandle,
  type InodeNumber,
  type LeaseId,
  MAX_OFFSET,
  type PinId,
  type ProcessId,
  UNIDENTIFIED,
} from '../../base/units.js';
import type { PinAsk, PinInfo } from '../../lease/types.js';
import { POLLIN, POLLOUT, POLLPRI } from '../../native/binding.js';
import {
  type Answer,
  type Caller,
  type GetLeaseAnswer,
  PARKED,
  type PinListing,
  type PinPage,
  type PinRequest,
  type SetLeaseRequest,
} from '../operations.js';
import { type Inode, S_IFREG } from '../vfs/inode.js';
import { O_ACCMODE, O_RDONLY, type OpenFile, type Superblock } from '../vfs/superblock.js';
import { carryOut, conclude } from './ask.js';
import { endGone, judged } from './registered-pins.js';

const CAP_IPC_LOCK = 14;
const CAP_LEASE = 28;

export function setLease(sb: Superblock, caller: Caller, fh: FileHandle, request: SetLeaseRequest): Answer {
  const file = sb.handles.get(fh);
  if (file === undefined) return -errno.EBADF;
  const { inode } = file;
  const process = sb.processes.identify(caller.tid);
  const { kind } = request;
  if (kind === undefined) return process === UNIDENTIFIED ? -errno.EPERM : -errno.EINVAL;
  const taking = kind !== NONE;
  if (taking && sb.injector?.grantAnswer(caller) === PARKED) return PARKED;
  const owner = sb.leases.ownerOf(fh);
  // L6: whoever has waited for the owner's end takes the lease over, though we may not have heard of that end yet.
  if (owner !== process) sb.processes.hear(owner);
  const ask = {
    process,
    description: fh,
    file: inode.ino,
    kind,
    waiter: caller.waiter,
    nonblock: request.nonblock,
    regular: inode.type === S_IFREG,
    mayLease: taking && (caller.uid === inode.uid || sb.processes.isCapable(process, caller.tid, CAP_LEASE)),
    writable: (file.flags & O_ACCMODE) !== O_RDONLY,
    notice: { signal: request.signal, cookie: request.cookie, uid: caller.uid },
  };
  const verdict = judged(sb, inode.ino, () => sb.leases.setLease(sb.monotonic(), ask));
  return conclude(sb, caller, process, inode.ino, verdict, () => `lease ${kindName(kind)}`);
}

export function getLease(sb: Superblock, fh: FileHandle): GetLeaseAnswer {
  const file = sb.handles.get(fh);
  if (file === undefined) return { kind: NONE, breakMs: 0, token: 0n };
  const breaking = sb.leases.leases(file.inode.ino).find(lease => lease.description === fh)?.breaking;
  const breakMs = breaking === undefined ? 0 : Math.max(1, Math.ceil(breaking.until - sb.monotonic()));
  return { kind: sb.leases.getLease(fh), breakMs, token: tokenOf(sb, file) };
}

/** Whoever knows the token was told it by a holder of the description: that is what 'the asker holds it' rests on (N4). */
function tokenOf(sb: Superblock, file: OpenFile): bigint {
  if (file.token === undefined) {
    file.token = randomBytes(8).readBigUInt64LE() | 1n;
    sb.tokens.set(file.token, file.fh);
  }
  return file.token;
}

export function pin(sb: Superblock, caller: Caller, fh: FileHandle, request: PinRequest): Answer {
  const file = sb.handles.get(fh);
  const process = sb.processes.identify(caller.tid);
  if (process === UNIDENTIFIED) return -errno.EPERM;
  if (file?.inode.file === undefined) return -errno.EINVAL;
  const { off, len } = request;
  if (len <= 0 || off < 0 || off + len > MAX_OFFSET) return -errno.EINVAL;
  const { inode } = file;
  const call = (): string => `pin [${off}, ${off + len})`;
  const injected = sb.injector?.pinAnswer(process, inode.ino, call()) ?? 0;
  if (injected < 0) return injected;
  const owner = ownerOf(sb, fh, request.owner);
  const ask = pinAsk(sb, caller, process, inode, off, len, { description: fh, owner });
  const { verdict, pin: id } = sb.leases.pin(sb.monotonic(), ask);
  if (verdict.kind === 'ok') {
    const filled = fill(sb, process, inode, off, len);
    if (filled < 0) return giveBack(sb, id, filled);
  }
  const answer = conclude(sb, caller, process, inode.ino, verdict, call);
  return answer === 0 ? id : answer;
}

/** The question to the lease machine, of bytes [off, off + len). @param owner undefined: the asker does not hold it (N4). */
export function pinAsk(
  sb: Superblock,
  { tid, uid }: Caller,
  process: ProcessId,
  { ino, file }: Inode,
  off: number,
  len: number,
  { description, owner }: { readonly description: FileHandle; readonly owner: PinAsk['owner'] | undefined },
): PinAsk {
  const uncounted = sb.processes.isCapable(process, tid, CAP_IPC_LOCK);
  return {
    process,
    description,
    uid,
    uncounted,
    file: ino,
    start: blockOf(off),
    end: blocksFor(off + len),
    owner: owner ?? 0,
    ownerHeld: owner !== undefined,
    sizeBlocks: blocksFor(file!.size()),
    memlock: uncounted ? Number.POSITIVE_INFINITY : sb.processes.memlock(process),
  };
}

/** Gives the range its blocks (N7). The last block may reach beyond the size: it has its page whatever the size. */
export function fill(sb: Superblock, process: ProcessId, inode: Inode, off: number, len: number): Answer {
  const data = inode.file!;
  const start = blockOf(off);
  const end = blocksFor(off + len);
  if (!data.hasHole(start, end)) return 0;
  const call = (): string => `pin [${off}, ${off + len})`;
  const injected = sb.injector?.spaceAnswer(process, inode.ino, call()) ?? 0;
  if (injected < 0) return injected;
  const filled = data.allocate(
    start * BLOCK,
    Math.min(end * BLOCK, data.size()) - start * BLOCK,
    true,
    false,
  );
  if (filled < 0) sb.recorder.noSpace(sb, process, inode.ino, filled, call());
  return filled;
}

/** The pin has got no blocks: it never was (N7). */
export function giveBack(sb: Superblock, id: PinId, answer: Answer): Answer {
  sb.leases.abandon(sb.monotonic(), id);
  carryOut(sb);
  return answer;
}

/** 0: the process itself; a description; or undefined where the token names none. */
function ownerOf(sb: Superblock, fh: FileHandle, owner: bigint | undefined): FileHandle | 0 | undefined {
  if (owner === undefined) return 0;
  return owner === 0n ? fh : sb.tokens.get(owner);
}

export function unpin(
  sb: Superblock,
  caller: Caller,
  ino: InodeNumber,
  fh: FileHandle,
  id: number | undefined,
): Answer {
  const process = sb.processes.identify(caller.tid);
  if (id === undefined) return unpinAll(sb, caller, process, ino, fh);
  const answer = unpinOne(sb, caller, process, ino, fh, id as PinId);
  return answer === 0 ? 1 : answer;
}

function unpinOne(
  sb: Superblock,
  caller: Caller,
  process: ProcessId,
  ino: InodeNumber,
  fh: FileHandle,
  id: PinId,
): Answer {
  const verdict = sb.leases.unpin(sb.monotonic(), { process, description: fh, pin: id });
  return conclude(sb, caller, process, ino, verdict, () => `unpin ${id}`);
}

function unpinAll(
  sb: Superblock,
  caller: Caller,
  process: ProcessId,
  ino: InodeNumber,
  fh: FileHandle,
): Answer {
  if (process === UNIDENTIFIED) return -errno.EPERM;
  let removed = 0;
  for (const info of sb.leases.pins(ino)) {
    if (!isOwned(info, process, fh)) continue;
    const answer = unpinOne(sb, caller, process, ino, fh, info.pin);
    if (answer < 0) return answer;
    removed++;
  }
  return removed;
}

const isOwned = (info: PinInfo, process: ProcessId, fh: FileHandle): boolean =>
  info.owner === 0 ? info.process === process : info.owner === fh;

/** The leases of the file, or of all files, whose description is gone. */
export function zombiesOf(sb: Superblock, file: InodeNumber | undefined): ReadonlySet<LeaseId> {
  const leases = sb.leases.leases(file).filter(({ description }) => description === 0);
  return new Set(leases.map(({ lease }) => lease));
}

/** Goes on where the same description's last call stopped, without looking at what it has told. */
export function pins(
  sb: Superblock,
  caller: Caller,
  ino: InodeNumber,
  fh: FileHandle,
  after: number,
  max: number,
): PinPage {
  const file = sb.handles.get(fh);
  const { rest } = file?.pinCursor?.after === after ? file.pinCursor : { rest: sb.leases.pinsByAge(ino) };
  const process = sb.processes.identify(caller.tid);
  endGone(sb, ino);
  const zombies = zombiesOf(sb, ino);
  const listings: PinListing[] = [];
  while (listings.length < max) {
    const { done, value: info } = rest.next();
    if (done) break;
    if (info.pin <= after) continue;
    listings.push({
      ...info,
      pid: sb.processes.info(info.process).pid,
      mine: info.process === process,
      zombie: zombies.has(info.lease),
    });
  }
  const last = listings.length < max ? undefined : listings.at(-1);
  if (file !== undefined) file.pinCursor = last && { after: last.pin, rest };
  const total = sb.leases.leases(ino).reduce((sum, lease) => sum + lease.pins, 0);
  return { total, listings };
}

export function poll(sb: Superblock, fh: FileHandle, notify: boolean): Answer {
  const file = sb.handles.get(fh);
  if (file === undefined) return -errno.EBADF;
  if (notify) file.pollArmed = true;
  return POLLIN | POLLOUT | (sb.leases.breaking(fh) ? POLLPRI : 0);
}
