// leasefs/extent-map: the extent map and the index of pinned ranges, usable without the filesystem. See README.md.
export { errno, errnoName } from '../base/errno.js';
export { type ArenaUse, ExtentArena } from './arena.js';
export { MAX_BLK, MAX_PGOFF } from './entry.js';
export { ExtentMap } from './extent-map.js';
export { type PinnedRange, RangeIndex } from './range-index.js';
export { EXTENT_FIELDS, EXTENT_LAST, EXTENT_UNWRITTEN } from './walk.js';
