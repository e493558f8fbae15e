// The pooled store: files whose blocks lie in shared segments, so that they need neither passthrough nor a descriptor
// each, and the kernel cannot give them more memory than --size promises.
import { heapPart } from '../base/heap.js';
import { Quota } from '../base/quota.js';
import { BLOCK } from '../base/units.js';
import { PAGE_WORDS } from '../extent/entry.js';
import type { ExtentArena } from '../extent/index.js';
import type { Journal } from '../journal/journal.js';
import type { Restorer } from '../journal/restorer.js';
import type { Descriptor } from '../native/binding.js';
import { arenaInHugePages } from './arena-memory.js';
import { ChargedMap } from './charged-map.js';
import type { Capacity, FileStore, Grant, Held, LentMemory, StoredFile } from './file-store.js';
import { PooledFile } from './pooled-file.js';
import { PooledGrant } from './pooled-grant.js';
import { PooledRecords } from './pooled-records.js';
import { PooledRestorer, type RestoredFile } from './pooled-restorer.js';
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
  /** Files of the daemon before that were not asked for yet. */
  private unclaimed = new Map<number, RestoredFile>();

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
    const { space, arena } = this;
    return new PooledFile(space, arena, this.newMap(++space.lastNumber, uid, space.records));
  }

  private newMap(number: number, uid: number, records?: PooledRecords): ChargedMap {
    return new ChargedMap(this.arena, this.shares, uid, number, records);
  }

  /**
   * From now on all changes are written there. To be called before the first file, and before the journal's first commit.
   * @param onLeft called behind a commit that leaves more to be freed than one `tidy`
   */
  recordIn(journal: Journal, onLeft?: () => void): void {
    const records = new PooledRecords(journal, this.space);
    this.space.records = records;
    this.space.onLeft = onLeft;
    journal.sources.push(records);
  }

  /** @param made called with each new segment, from 0 on, before it is used: a keeper can hold its descriptor. */
  keepSegments(made: (segment: number, fd: number) => void): void {
    this.space.segments.made = made;
  }

  /** Takes a segment over that a daemon before has made. @throws Error: it is none, EMFILE, ENOMEM. */
  adoptSegment(segment: number, memfd: Descriptor): void {
    this.space.segments.adopt(segment, memfd);
  }

  /** For a store without files whose segments are adopted. `restored` answers its files from `finish` on. */
  restorer(): Restorer {
    const restorer = new PooledRestorer(this.space, this.arena, number => this.newMap(number, 0));
    this.unclaimed = restorer.files;
    return restorer;
  }

  /** A file of the daemon before, to be asked for once. @throws Error: the journal has none of that number. */
  restored(number: number, uid: number): StoredFile {
    const file = this.unclaimed.get(number);
    if (file === undefined) throw new Error(`the journal has no file ${number} of the store`);
    this.unclaimed.delete(number);
    const { map } = file;
    map.restoredFor(uid);
    map.records = this.space.records;
    return new PooledFile(this.space, this.arena, map, file);
  }

  /** All files that are wanted were asked for: frees the others. How many those were. */
  freeUnclaimed(): number {
    const numbers = [...this.unclaimed.keys()];
    for (const number of numbers) this.restored(number, 0).free();
    return numbers.length;
  }

  isShort(uid: number): boolean {
    return !this.shares.has(uid);
  }

  lent(): LentMemory {
    this.space.settle();
    return { ...this.space.segments.lentMemory(), kept: this.space.kept * BLOCK };
  }

  newGrant(uid: number, held?: Held): Grant {
    return new PooledGrant(this.space, uid, this.holds, held);
  }
}
