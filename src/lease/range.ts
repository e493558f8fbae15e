// What an operation touches, computed from the file at this instant: the range of a layout change (Words) for X0 and
// X1. Pure; the store says which blocks are present.
//
// Truncate and fallocate are layout changes on both stores. A write is one on the pooled store only, where filling a
// hole takes a store block; on the direct store the map is always the identity, so a write changes no layout (X8).
// A hole that gets blocks is not checked against pins: a pinned range has all its blocks (N7).
import { blockOf, blocksFor, MAX_OFFSET } from '../base/units.js';
import type { ChangeRange } from './types.js';

/** Of the blocks [start, end), start < end: whether any is present, and whether any is absent. */
export interface Blocks {
  hasData(start: number, end: number): boolean;
  hasHole(start: number, end: number): boolean;
}

/** Beyond the last block that a file can have. */
const BEYOND = blocksFor(MAX_OFFSET) + 1;

const NOTHING: ChangeRange = { empty: true, pinStart: 0, pinEnd: 0 };
const NO_PINS: ChangeRange = { empty: false, pinStart: 0, pinEnd: 0 };

/** truncate, ftruncate, O_TRUNC: each block wholly beyond the smaller size, and the block that the new size cuts. Bytes. */
export function sizeRange(oldSize: number, newSize: number): ChangeRange {
  if (newSize === oldSize) return NOTHING;
  const pinStart = newSize < oldSize ? blockOf(newSize) : blocksFor(oldSize);
  return { empty: false, pinStart, pinEnd: BEYOND };
}

/** fallocate of [off, off + len), len > 0. Bytes. `keepSize` has no meaning for punch, which never extends. */
export function fallocateRange(
  act: 'allocate' | 'punch' | 'zero',
  size: number,
  off: number,
  len: number,
  keepSize: boolean,
  blocks: Blocks,
): ChangeRange {
  const start = blockOf(off);
  const end = blocksFor(off + len);
  if (act === 'punch') {
    const wholeStart = blocksFor(off);
    const wholeEnd = blockOf(off + len);
    const frees = wholeStart < wholeEnd && blocks.hasData(wholeStart, wholeEnd);
    return { empty: !frees, pinStart: start, pinEnd: end };
  }
  const grows = !keepSize && off + len > size;
  if (act === 'allocate') return filled(size, start, end, grows, blocks);
  // The zeroed range is checked against pins; the blocks beyond the old size lie next to it or in it.
  if (grows) return { empty: false, pinStart: Math.min(start, blocksFor(size)), pinEnd: BEYOND };
  return { empty: !blocks.hasHole(start, end), pinStart: start, pinEnd: end };
}

/** write or copy_file_range into [off, off + len) of a pooled file, len > 0. Bytes. */
export function writeRange(size: number, off: number, len: number, blocks: Blocks): ChangeRange {
  return filled(size, blockOf(off), blocksFor(off + len), off + len > size, blocks);
}

/** The holes of [start, end) get blocks, and the file may grow. */
function filled(size: number, start: number, end: number, grows: boolean, blocks: Blocks): ChangeRange {
  if (grows) return { empty: false, pinStart: blocksFor(size), pinEnd: BEYOND };
  return blocks.hasHole(start, end) ? NO_PINS : NOTHING;
}
