// The pooled store: files whose blocks lie in shared segments, so that they need neither passthrough nor a descriptor
// each, and the kernel cannot give them more memory than --size promises.
import { heapPart } from '../base/heap.js';
import { Quota } from '../base/quota.js';
import { BLOCK } from '../base/units.js';
import { PAGE_WORDS } from '../extent/entry.js';
import type { ExtentArena } from '../extent/index.js';
import { arenaInHugePages } from './arena-memory.js';
import { ChargedMap } from './charged-map.js';
import type { Capacity, FileStore, Grant, LentMemory, StoredFile } from './file-store.js';
import { PooledFile } from './pooled-file.js';
import { PooledGrant } from './pooled-grant.js';
import { PooledSpace } from './pooled-space.js';

/** Store blocks for which the arena has a page: even if every 2 MiB of the files are in 64 pieces. */
const BLOCKS_A_PAGE = 64;
/** Of a hold: 220 were seen. */
const HOLD_BYTES = 256;
const MIB = 2 ** 20;
const MIN_PAGES = 2 ** 12;
const MAX_PAGES = 2 ** 21;

export class PooledStore implements FileStore {
  readonly name = 'pooled';
  readonly isDirect = false;
  readonly descriptors = undefined;
  readonly huge = null;
  private readonly space: PooledSpace;
  private readonly arena: ExtentArena;
  private readonly holds: Quota;
  /** Words of the arena. */
  private readonly shares: Quota;

  /**
   * @param size bytes for the blocks of all files, 4 KiB to 8 TiB.
   * @param most bytes to which `resize` can raise that.
   * @param holds runs of blocks that clients may hold at the same time.
   */
  constructor(size: number, most = size, holds = heapPart(32, 4 * MIB, 64 * MIB) / HOLD_BYTES) {
    this.holds = new Quota(holds);
    this.space = new PooledSpace(size, most);
    const pages = Math.ceil(this.space.most / BLOCKS_A_PAGE);
    const bounded = Math.min(MAX_PAGES, Math.max(MIN_PAGES, pages));
    this.arena = arenaInHugePages(bounded);
    this.shares = new Quota(bounded * PAGE_WORDS);
  }

  get capacity(): Capacity {
    return this.space.capacity;
  }

  get freeInLongRuns(): number {
    return this.space.freeInLongRuns;
  }

  tidy(): boolean {
    return this.space.tidy();
  }

  resize(size: number): number {
    return this.space.resize(size);
  }

  create(uid = 0): StoredFile {
    return new PooledFile(this.space, this.arena, new ChargedMap(this.arena, this.shares, uid));
  }

  isShort(uid: number): boolean {
    return !this.shares.has(uid);
  }

  lent(): LentMemory {
    this.space.settle();
    return { ...this.space.segments.lentMemory(), kept: this.space.kept * BLOCK };
  }

  newGrant(uid: number): Grant {
    return new PooledGrant(this.space, uid, this.holds);
  }
}
