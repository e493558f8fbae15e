// What changes a file's size and blocks: truncate and fallocate. Each asks the gate first, then changes the store.
import { errno } from '../../base/errno.js';
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE } from '../../base/linux.js';
import { type FileHandle, type InodeNumber, MAX_OFFSET } from '../../base/units.js';
import { type Answer, type Caller, PARKED } from '../operations.js';
import { invalidateAttrs } from './attr-cache.js';
import { dropsPages } from './cached-pages.js';
import type { Inode } from './inode.js';
import { contentChanged } from './killpriv.js';
import type { FallocateAct } from './layout-gate.js';
import type { OpenFile } from './open-file.js';
import type { Superblock } from './superblock.js';

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
  // truncate(2) of a file that may be at rest.
  const awake = sb.residency.wakeForChange(inode, caller.uid);
  if (awake !== 0) return awake;
  const before = sb.refresh(inode);
  const refused = sb.gate.truncate(caller, inode, through, before, size, nonblock);
  if (refused !== 0) return refused;
  // X0 frees no block of a leased file; else what lies beyond the end goes, as on tmpfs.
  const result = size === before && sb.gate.holds(inode.ino) ? 0 : file.setSize(size);
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
  const refused = sb.gate.fallocate(caller, inode, through, act, size, off, len, keepSize);
  if (refused !== 0) return refused;
  const change = { act, off, len, keepSize, size };
  if (act === 'punch' || len <= SLICE)
    return changed(sb, caller, inode, change, perform(sb, inode, change, off, len));
  if (!inode.file.fits(off, len)) return changed(sb, caller, inode, change, -errno.ENOSPC);
  return inSlices(sb, caller, inode, change);
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

/** Bytes that get their pages in a slice: some 0.9 ms. */
const SLICE = 1 << 20;
/** Pieces of a slice that are looked at and have their pages already. */
const PIECES = 16;

function inSlices(sb: Superblock, caller: Caller, inode: Inode, change: Change): Answer {
  const { act, off, len, size } = change;
  const { capacity } = sb.store;
  const end = off + len;
  let at = off;
  /** What it has allocated beyond the end goes, as on tmpfs. */
  const undo = (): void => {
    if (inode.file!.size() > size) inode.file!.setSize(size);
    invalidateAttrs(sb, inode);
  };
  // A slice may be another caller's turn.
  const by = { ...caller };
  return sb.slices.begin(caller, {
    ino: inode.ino,
    slice: () => {
      const before = capacity.used;
      for (let n = 0; at < end && n < PIECES && capacity.used - before < SLICE; n++) {
        const piece = Math.min(SLICE, end - at);
        const result = perform(sb, inode, change, at, piece);
        if (result !== 0) {
          undo();
          return changed(sb, by, inode, change, result);
        }
        at += piece;
        // It writes zeros whether there were pages or not.
        if (act === 'zero') break;
      }
      return at < end ? PARKED : changed(sb, by, inode, change, 0);
    },
    interrupted: undo,
  });
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
  if (result !== 0) return result;
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

function perform(sb: Superblock, inode: Inode, { act, keepSize }: Change, off: number, len: number): number {
  const file = inode.file!;
  const lift = !sb.gate.guards(inode.ino);
  if (act === 'punch') return file.punch(off, len, lift);
  return act === 'zero' ? file.zero(off, len, keepSize, lift) : file.allocate(off, len, keepSize, lift);
}
