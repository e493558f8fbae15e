// What changes a file's size and blocks: truncate and fallocate. Each asks the gate first, then changes the store.
import { errno } from '../../base/errno.js';
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  SEEK_DATA,
} from '../../base/linux.js';
import { type FileHandle, type InodeNumber, MAX_OFFSET } from '../../base/units.js';
import { type Aside, MORE, type StoredFile } from '../../store/file-store.js';
import { type Answer, type Caller, PARKED } from '../operations.js';
import { invalidateAttrs } from './attr-cache.js';
import { dropsPages } from './cached-pages.js';
import type { Inode } from './inode.js';
import { saysNoSpace } from './kept-blocks.js';
import { contentChanged } from './killpriv.js';
import type { FallocateAct } from './layout-gate.js';
import type { OpenFile } from './open-file.js';
import type { Later } from './slices.js';
import type { Superblock } from './superblock.js';

/**
 * truncate, ftruncate, O_TRUNC. -EFBIG beyond 2^53-1 bytes.
 * @param waits no lock of the kernel's keeps writers out: the memory of a direct file may be in use.
 */
export function setSize(
  sb: Superblock,
  caller: Caller,
  inode: Inode,
  size: number,
  through: OpenFile | undefined,
  nonblock: boolean,
  waits = false,
): Answer {
  const { file } = inode;
  if (file === undefined) return inode.children === undefined ? -errno.EINVAL : -errno.EISDIR;
  if (size > MAX_OFFSET) return -errno.EFBIG;
  const going = sb.slices.goOn(caller);
  if (going !== undefined) return going;
  // An open with O_TRUNC may come without the inode's lock.
  const busy = sb.slices.wait(caller, inode.ino);
  if (busy !== 0) return busy;
  // truncate(2) of a file that may be at rest.
  const awake = sb.residency.wakeForChange(inode, caller.uid);
  if (awake !== 0) return awake;
  const before = sb.refresh(inode);
  const refused = sb.gate.truncate(caller, inode, through, before, size, nonblock);
  if (refused !== 0) return refused;
  // X0 frees no block of a leased file; else what lies beyond the end goes, as on tmpfs.
  if (size === before && sb.gate.holds(inode.ino)) return resized(sb, inode, 0);
  const first = cut(inode, size, waits);
  if (typeof first === 'number' && first !== MORE) return resized(sb, inode, first);
  return sb.slices.begin(caller, {
    ino: inode.ino,
    slice: inSteps(
      first,
      () => cut(inode, size, waits),
      result => resized(sb, inode, result),
    ),
    interrupted: undefined,
  });
}

/** A step of a cut: 0, MORE, `-errno`, or what a thread is to do. */
function cut({ file }: Inode, size: number, waits: boolean): number | Aside {
  return file!.cutAside(size, waits) ?? file!.setSize(size);
}

/**
 * Slices of a change that answers MORE or goes to a thread.
 * @param first what its first step has answered, if that is done.
 */
function inSteps(
  first: number | Aside | undefined,
  step: () => number | Aside,
  end: (result: number) => Answer,
): () => Answer | Later {
  let next = first;
  return () => {
    const result = next ?? step();
    next = undefined;
    if (typeof result === 'function') return async () => end(await result());
    return result === MORE ? PARKED : end(result);
  };
}

/** The end of a cut, with its result. */
function resized(sb: Superblock, inode: Inode, result: number): Answer {
  if (inode.nopen === 0) sb.residency.rest(inode);
  if (result !== 0) return result;
  sb.modified(inode);
  dropsPages(inode);
  return 0;
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
  const going = sb.slices.goOn(caller);
  if (going !== undefined) return going;
  const inode = sb.inode(ino);
  const through = sb.handles.get(fh);
  if (inode?.file === undefined || through === undefined) return -errno.EBADF;
  if (off < 0 || len <= 0) return -errno.EINVAL;
  if (off + len > MAX_OFFSET) return -errno.EFBIG;
  const act = fallocateAct(mode);
  if (act === undefined) return -errno.EOPNOTSUPP;
  const keepSize = (mode & FALLOC_FL_KEEP_SIZE) !== 0;
  const size = sb.refresh(inode);
  inode.cachedPages?.locked();
  const busy = sb.slices.wait(caller, ino) || (act === 'punch' ? 0 : sb.waitForSpace(caller));
  if (busy !== 0) return busy;
  const refused = sb.gate.fallocate(caller, inode, through, act, size, off, len, keepSize);
  if (refused !== 0) return refused;
  const change = { act, off, len, keepSize, size };
  if (act === 'punch') return punch(sb, caller, inode, change);
  if (len <= SLICE) return changed(sb, caller, inode, change, perform(sb, caller, inode, change, off, len));
  inode.file.chargeTo(caller.uid);
  if (!inode.file.fits(off, len)) return changed(sb, caller, inode, change, -errno.ENOSPC);
  return inSlices(sb, caller, inode, change);
}

function punch(sb: Superblock, caller: Caller, inode: Inode, change: Change): Answer {
  const { off, len } = change;
  const lift = !sb.gate.guards(inode.ino);
  if (!lift && sb.store.isDirect && len > SLICE) return inSlices(sb, caller, inode, change);
  const step = (): number | Aside =>
    (lift ? inode.file!.punchAside(off, len) : undefined) ?? inode.file!.punch(off, len, lift);
  const first = step();
  if (typeof first === 'number' && first !== MORE) return changed(sb, caller, inode, change, first);
  // A slice may be another caller's turn.
  const by = { ...caller };
  return sb.slices.begin(caller, {
    ino: inode.ino,
    slice: inSteps(first, step, result => changed(sb, by, inode, change, result)),
    interrupted: undefined,
  });
}

/** A fallocate that was admitted. */
interface Change {
  readonly act: FallocateAct;
  readonly off: number;
  readonly len: number;
  readonly keepSize: boolean;
  /** Of the file before it. */
  readonly size: number;
}

/** Bytes that get their pages in a slice: some 0.15 ms. */
const SLICE = 1 << 18;
/** Pieces of a slice that are looked at and have their pages already. */
const PIECES = 16;

function inSlices(sb: Superblock, caller: Caller, inode: Inode, change: Change): Answer {
  const { act, off, len, size } = change;
  const file = inode.file!;
  const { capacity } = sb.store;
  const end = act === 'punch' ? Math.min(off + len, size) : off + len;
  let at = off;
  /** Slices in which what it has allocated beyond the end goes, as on tmpfs. */
  const undo = (result: Answer): (() => Answer | Later) => {
    invalidateAttrs(sb, inode);
    const first = file.size() > size ? undefined : 0;
    return inSteps(
      first,
      () => cut(inode, size, false),
      () => result,
    );
  };
  let undoing: (() => Answer | Later) | undefined;
  // A slice may be another caller's turn.
  const by = { ...caller };
  return sb.slices.begin(caller, {
    ino: inode.ino,
    slice: () => {
      if (undoing !== undefined) return undoing();
      const before = capacity.used;
      for (let n = 0; at < end && n < PIECES && capacity.used - before < SLICE; n++) {
        // Holes read as zeros.
        if (act === 'punch') at = dataFrom(file, at, end);
        const piece = Math.min(SLICE, end - at);
        const result = piece === 0 ? 0 : perform(sb, by, inode, change, at, piece);
        if (result !== 0) {
          undoing = undo(changed(sb, by, inode, change, result));
          return undoing();
        }
        at += piece;
        // It writes zeros whether there were pages or not.
        if (act !== 'allocate') break;
      }
      return at < end ? PARKED : changed(sb, by, inode, change, 0);
    },
    interrupted: () => {
      const { ino } = inode;
      sb.slices.background(by.uid, { ino, slice: undoing ?? undo(0), interrupted: undefined });
    },
  });
}

/** Where the next data begin; `end` where there are none before it. */
function dataFrom(file: StoredFile, at: number, end: number): number {
  const data = file.seek(at, SEEK_DATA);
  return data < 0 ? end : Math.min(data, end);
}

/** The end of a fallocate, with its result. */
function changed(
  sb: Superblock,
  caller: Caller,
  inode: Inode,
  { act, off, len, keepSize, size }: Change,
  result: Answer,
): Answer {
  // A failure may have moved times and blocks, and is no change to the kernel.
  invalidateAttrs(sb, inode);
  if (result !== 0) return saysNoSpace(sb, caller.uid, result);
  if (act !== 'allocate') dropsPages(inode);
  if (act !== 'punch' && off + len > size) inode.cache.allocatedBeyondEof ||= keepSize;
  sb.modified(inode);
  contentChanged(sb, caller, inode);
  return 0;
}

function fallocateAct(mode: number): FallocateAct | undefined {
  switch (mode) {
    case 0:
    case FALLOC_FL_KEEP_SIZE:
      return 'allocate';
    case FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE:
      return 'punch';
    case FALLOC_FL_ZERO_RANGE:
    case FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE:
      return 'zero';
    default:
      return undefined;
  }
}

function perform(
  sb: Superblock,
  caller: Caller,
  inode: Inode,
  { act, keepSize }: Change,
  off: number,
  len: number,
): number {
  const file = inode.file!;
  file.chargeTo(caller.uid);
  const lift = !sb.gate.guards(inode.ino);
  if (act === 'punch') return file.punch(off, len, lift);
  return act === 'zero' ? file.zero(off, len, keepSize, lift) : file.allocate(off, len, keepSize, lift);
}
