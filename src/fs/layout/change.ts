// Layout changes: truncate, fallocate and pooled writes ask the leases first (X), then the store. Kernel counterpart:
// the calls of xfs_break_layouts before the change. What an operation touches is computed from the store at this
// instant, also when it runs again after waiting (X4, X8).
import { errno } from '../../base/errno.js';
import type { FileHandle, InodeNumber } from '../../base/units.js';
import { MAX_OFFSET, NO_WAITER } from '../../base/units.js';
import { fallocateRange, sizeRange, writeRange } from '../../lease/index.js';
import type { ChangeAsk, ChangeRange, KernelPin } from '../../lease/types.js';
import type { StoredFile } from '../../store/file-store.js';
import {
  type Answer,
  type Caller,
  FALLOC_KEEP_SIZE,
  FALLOC_PUNCH_HOLE,
  FALLOC_ZERO_RANGE,
  PARKED,
} from '../operations.js';
import { recall } from '../vfs/attr-cache.js';
import type { Inode } from '../vfs/inode.js';
import { contentChanged } from '../vfs/killpriv.js';
import { isNonblocking, type OpenFile, type Superblock } from '../vfs/superblock.js';
import { conclude } from './ask.js';
import { judged } from './registered-pins.js';

/** A layout change as it was asked. */
interface Change {
  readonly caller: Caller;
  readonly inode: Inode;
  /** The description it is asked through; undefined: by path. */
  readonly through: OpenFile | undefined;
  readonly nonblock: boolean;
}

/**
 * 0: go on. `-errno` or PARKED: answer that; nothing was changed. Kernel pins (N10) are looked for once the leases are
 * not waited for, or no more. The range is asked for only where somebody may be in the way.
 */
function judge(sb: Superblock, change: Change, rangeNow: () => ChangeRange, what: () => string): Answer {
  const { caller, inode } = change;
  const kernelPins = sb.unleased.answer(caller.waiter);
  const mayLook = kernelPins === undefined && sb.unleased.mayBePinned(sb, inode);
  if (kernelPins === undefined && !mayLook && !sb.leases.concerns(inode.ino)) return 0;
  const range = rangeNow();
  const looks = mayLook && sb.unleased.concern(sb, inode, range);
  if (looks && caller.waiter === NO_WAITER) return look(sb, change);
  const judged = judgeLeases(sb, change, range, kernelPins, what);
  return looks && judged === 0 ? look(sb, change) : judged;
}

/** Parked until it is known whether the kernel has pages of the file pinned. */
function look(sb: Superblock, { caller, inode }: Change): Answer {
  caller.waiter = sb.unleased.look(sb, inode);
  return PARKED;
}

function judgeLeases(
  sb: Superblock,
  change: Change,
  range: ChangeRange,
  kernelPins: readonly KernelPin[] | undefined,
  what: () => string,
): Answer {
  const { caller, inode, through } = change;
  // To nobody the machine says yes without looking who asks.
  if (kernelPins === undefined && !sb.leases.concerns(inode.ino)) return 0;
  const process = sb.processes.identify(caller.tid);
  const ask: ChangeAsk = {
    process,
    description: through?.fh ?? 0,
    file: inode.ino,
    waiter: kernelPins === undefined ? caller.waiter : NO_WAITER,
    nonblock: change.nonblock,
    range,
    ...(kernelPins === undefined ? {} : { kernelPins: sb.supervision.unknown(inode.ino, kernelPins) }),
  };
  const verdict = judged(sb, inode.ino, () => sb.leases.change(sb.monotonic(), ask));
  return conclude(sb, caller, process, inode.ino, verdict, what);
}

/** truncate, ftruncate, O_TRUNC. -EFBIG beyond 2^53-1 bytes. */
export function setSize(
  sb: Superblock,
  caller: Caller,
  inode: Inode,
  size: number,
  through: OpenFile | undefined,
  nonblock: boolean,
): Answer {
  const { file } = inode;
  if (file === undefined) return inode.children === undefined ? -errno.EINVAL : -errno.EISDIR;
  if (size > MAX_OFFSET) return -errno.EFBIG;
  const change = { caller, inode, through, nonblock };
  const before = sb.refresh(inode);
  const refused = judge(
    sb,
    change,
    () => sizeRange(before, size),
    () => `truncate to ${size}`,
  );
  if (refused !== 0) return refused;
  // X0 frees no block of a leased file; else what lies beyond the end goes, as on tmpfs.
  const result = size === before && sb.leases.concerns(inode.ino) ? 0 : file.setSize(size);
  if (result === 0) sb.modified(inode);
  return result;
}

export function fallocate(
  sb: Superblock,
  caller: Caller,
  ino: InodeNumber,
  fh: FileHandle,
  mode: number,
  off: number,
  len: number,
): Answer {
  const inode = sb.inode(ino);
  const through = sb.handles.get(fh);
  if (inode?.file === undefined || through === undefined) return -errno.EBADF;
  if (off < 0 || len <= 0) return -errno.EINVAL;
  if (off + len > MAX_OFFSET) return -errno.EFBIG;
  const act = fallocateAct(mode);
  if (act === undefined) return -errno.EOPNOTSUPP;
  const keepSize = (mode & FALLOC_KEEP_SIZE) !== 0;
  const change = { caller, inode, through, nonblock: isNonblocking(through) };
  const { file } = inode;
  const size = sb.refresh(inode);
  const refused = judge(
    sb,
    change,
    () => fallocateRange(act, size, off, len, keepSize, file),
    () => `${act} [${off}, ${off + len})`,
  );
  if (refused !== 0) return refused;
  if (act !== 'punch' && sb.injector !== undefined) {
    const process = sb.processes.identify(caller.tid);
    const injected = sb.injector.spaceAnswer(process, ino, `${act} [${off}, ${off + len})`);
    if (injected < 0) return injected;
  }
  const result = perform(file, act, off, len, keepSize, !sb.leases.guarded(ino));
  // A failure may have moved times and blocks, and is no change to the kernel.
  recall(sb, inode);
  if (result !== 0) return result;
  if (act !== 'punch' && off + len > size) inode.blocksBeyond ||= keepSize;
  sb.modified(inode);
  contentChanged(caller, inode);
  return 0;
}

/**
 * X8, before [off, off + len) of a regular file is written; `hole`: before the file grows over it without blocks. 0: go
 * on; else as `judge`. A write into present blocks costs no look at who asks.
 */
export function mayWrite(
  sb: Superblock,
  caller: Caller,
  inode: Inode,
  fh: FileHandle,
  off: number,
  len: number,
  hole: boolean,
): Answer {
  if (sb.store.identity || !sb.leases.concerns(inode.ino)) return 0;
  const file = inode.file!;
  const size = file.size();
  const range = hole ? sizeRange(size, Math.max(size, off + len)) : writeRange(size, off, len, file);
  if (range.empty && caller.waiter === NO_WAITER) return 0;
  const through = sb.handles.get(fh);
  const change = { caller, inode, through, nonblock: isNonblocking(through) };
  return judgeLeases(sb, change, range, undefined, () => `write [${off}, ${off + len})`);
}

type Act = 'allocate' | 'punch' | 'zero';

function fallocateAct(mode: number): Act | undefined {
  switch (mode) {
    case 0:
    case FALLOC_KEEP_SIZE:
      return 'allocate';
    case FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE:
      return 'punch';
    case FALLOC_ZERO_RANGE:
    case FALLOC_ZERO_RANGE | FALLOC_KEEP_SIZE:
      return 'zero';
    default:
      return undefined;
  }
}

function perform(
  file: StoredFile,
  act: Act,
  off: number,
  len: number,
  keepSize: boolean,
  lift: boolean,
): number {
  if (act === 'punch') return file.punch(off, len, lift);
  return act === 'zero' ? file.zero(off, len, keepSize, lift) : file.allocate(off, len, keepSize, lift);
}
