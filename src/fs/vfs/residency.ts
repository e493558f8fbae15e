// Which files keep a descriptor. A direct file costs one, so over the budget the least recently
// used closed ones move into the pool, and their next open brings them back. A leased or pinned file never moves; the store
// checks whether a file is mapped, or has pages pinned by the kernel, before it moves it (F20).
import { LRUCache } from 'lru-cache';
import { errno, errnoName } from '../../base/errno.js';
import { Quota } from '../../base/quota.js';
import type { InodeNumber } from '../../base/units.js';
import type { Moves, StoredFile } from '../../store/file-store.js';
import type { Answer } from '../operations.js';
import type { Inode } from './inode.js';
import type { Superblock } from './superblock.js';

/** Files that are tried before one more descriptor is taken. */
const TRIES = 16;

/** Keeps the cache from becoming empty: lru-cache clears its whole backing arrays when its last entry is deleted. */
const NO_INODE = 0 as InodeNumber;

export class Residency {
  /** Descriptors that files may have. A move needs some itself, so some of the daemon's are kept back. */
  readonly budget: number;
  /** How many they have before some must move. */
  private readonly comfortable: number;
  /** Moves so far, into the pool and back. */
  movedOut = 0;
  movedIn = 0;
  /** Closed files that have a descriptor, the last closed first. The descriptors bound its size. */
  private readonly idle = new LRUCache<InodeNumber, InodeNumber>({
    maxSize: Number.MAX_SAFE_INTEGER,
    sizeCalculation: () => 1,
  });
  /** Idle ones that cannot move for longer than a mapping lasts: tried again only when no others are left. */
  private readonly stuck = new Map<InodeNumber, Inode>();

  /** The user who opened a file first: its descriptor is of that share while it is open. */
  private readonly openers = new Map<InodeNumber, number>();
  private readonly shares: Quota;
  private readonly sb: Superblock;

  constructor(sb: Superblock, budget: number) {
    this.sb = sb;
    this.budget = budget;
    this.comfortable = budget - Math.ceil(budget / 8);
    this.shares = new Quota(budget);
    this.idle.set(NO_INODE, NO_INODE);
  }

  /** The file is not open, any more or yet. */
  rest(inode: Inode): void {
    const opener = this.openers.get(inode.ino);
    if (opener !== undefined) {
      this.openers.delete(inode.ino);
      this.shares.give(opener);
    }
    if (this.sb.store.moves !== undefined && (inode.file?.backing ?? -1) >= 0)
      this.idle.set(inode.ino, inode.ino);
  }

  /** The inode is gone, or in use. */
  forget(ino: InodeNumber): void {
    this.idle.delete(ino);
    this.stuck.delete(ino);
  }

  /**
   * Before the file is opened: it has a descriptor then, of the share of the user who opens it first. -ENFILE when there is
   * none left, -ENOMEM.
   */
  wake(inode: Inode, uid: number): Answer {
    const { sb } = this;
    const { moves } = sb.store;
    const { file, ino } = inode;
    if (moves === undefined || file === undefined) return 0;
    if (!this.openers.has(ino)) {
      if (!this.shares.take(uid)) return this.refuse(uid);
      this.openers.set(ino, uid);
    }
    const answer = this.return(inode, file, moves, uid);
    if (answer !== 0 && inode.nopen === 0) this.rest(inode);
    return answer;
  }

  /** Whether the user has a share left for another file that is open. */
  hasShare(uid: number): boolean {
    return this.sb.store.moves === undefined || this.shares.has(uid);
  }

  private refuse(uid: number): Answer {
    this.sb.log(
      `ENFILE to user ${uid}: no user has more than ${this.shares.share} files open; close some`,
      uid,
    );
    return -errno.ENFILE;
  }

  private return(inode: Inode, file: StoredFile, moves: Moves, uid: number): Answer {
    const { sb } = this;
    const { ino } = inode;
    this.forget(ino);
    if (file.backing >= 0) return 0;
    sb.refresh(inode);
    const back = this.makeRoom(uid) ? moves.in(file, `leasefs:${ino}`) : -errno.EMFILE;
    if (typeof back === 'number') {
      sb.log(`open refused: ${errnoName(back)} for another memfd; close files or raise RLIMIT_NOFILE`);
      return back === -errno.EMFILE ? -errno.ENFILE : back;
    }
    sb.replace(inode, back);
    this.movedIn++;
    return 0;
  }

  /** Before a descriptor more is taken: whether it may be. The last ones are root's. */
  makeRoom(uid: number): boolean {
    const { moves } = this.sb.store;
    if (moves === undefined) return true;
    for (let tries = 0; tries < TRIES && moves.descriptors >= this.comfortable; tries++) {
      const inode = this.oldest() ?? this.unstick();
      if (inode === undefined || !this.move(moves, inode)) break;
    }
    return moves.descriptors < this.budget - (uid === 0 ? 0 : Math.floor(this.budget / 16));
  }

  /** Whether it is worth trying another. */
  private move(moves: Moves, inode: Inode): boolean {
    const { sb } = this;
    const { ino } = inode;
    if (sb.gate.holds(ino)) {
      this.idle.set(ino, ino);
      return true;
    }
    sb.refresh(inode);
    const moved = moves.out(inode.file!);
    if (moved === -errno.EAGAIN) {
      this.idle.set(ino, ino);
      return true;
    }
    if (typeof moved === 'number') {
      this.stuck.set(ino, inode);
      return false;
    }
    sb.replace(inode, moved);
    sb.host?.backingGone(ino);
    this.movedOut++;
    return true;
  }

  private oldest(): Inode | undefined {
    for (const ino of this.idle.rkeys()) {
      if (ino === NO_INODE) continue;
      this.idle.delete(ino);
      return this.sb.inode(ino);
    }
    return undefined;
  }

  private unstick(): Inode | undefined {
    for (const [ino, inode] of this.stuck) {
      this.stuck.delete(ino);
      return inode;
    }
    return undefined;
  }
}
