// The extent map: file block -> store block. A page table in software, as the hardware's own answer to this question:
// segments of 2 MiB, each with one entry (entry.ts). Extents are not stored: an extent is a maximal run of blocks,
// so that splitting, joining and punching are writes, and no two neighbours can be what could be one.
// Counterpart: fs/xfs/libxfs/xfs_iext_tree.c, in the form of a page table.
//
// Block numbers go in and come out as numbers: pgoff 0 to 2^41 - 1 (a file of 2^53 bytes), blk 1 to 2^31 - 1; store
// block 0 is nobody's. What a block maps to is one signed **value**: 0 a hole, blk > 0 written, -blk allocated and
// unwritten (reads as zeros). Arguments of the look-ups are not checked: they must be integers in range.
//
// Costs: look-ups are O(1), two or three loads; changes O(blocks within the two segments at the ends, segments
// between them); both make no garbage, but for a directory that grows.
import { errno } from '../base/errno.js';
import { bitmapOf } from './dense.js';
import { SegmentDirectory } from './directory.js';
import { ahead, densePage, HOLE, MAX_BLK, MAX_PGOFF, runsUnit, runsWidth, SEGMENT, SEGMENT_SHIFT, WITHIN } from './entry.js';
import { findRun, lengthOf, startOf } from './runs.js';
