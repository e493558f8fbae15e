// Which files keep a descriptor of the daemon. A direct file has one while it may be open or mapped; over the budget the
// least recently used others rest without one, until the next open. The kernel tells whether one is mapped (F20).
import { LRUCache } from 'lru-cache';
import { errno, errnoName } from '../../base/errno.js';
import { Quota } from '../../base/quota.js';
import type { InodeNumber } from '../../base/units.js';
import type { Answer } from '../operations.js';
import type { Inode } from './inode.js';
import type { Superblock } from './superblock.js';

/** Files that are tried before one more descriptor is taken. */
const TRIES = 16;

/** Keeps the cache from becoming empty: lru-cache clears its whole backing arrays when its last entry is deleted. */
const NO_INODE = 0 as InodeNumber;

export class Residency {
  /** Descriptors that files may have. */
  readonly budget: number;
  /** How many they have before some must rest. */
  private readonly comfortable: number;
  /** How often files gave their descriptor up, and got it again. */
  closed = 0;
  reopened = 0;
  /** Closed files that have a descriptor, with who opened them, the last closed first. The descriptors bound its size. */
  private readonly idle = new LRUCache<InodeNumber, number>({
    maxSize: Number.MAX_SAFE_INTEGER,
    sizeCalculation: () => 1,
  });
  /** The user who opened a file first: its descriptor is of that share while it is open. */
  private readonly openers = new Map<InodeNumber, number>();
  /** Closed files that could not rest, since they are mapped: of the share of who opened them; and by that user. */
  private readonly mapped = new Map<InodeNumber, number>();
  private readonly mappedBy = new Map<number, Set<InodeNumber>>();
  private readonly shares: Quota;
  /** Open files that the last daemon has registered with the kernel. */
  private readonly foreign = new Set<InodeNumber>();
  private readonly sb: Superblock;

  constructor(sb: Superblock, budget: number) {
    this.sb = sb;
    this.budget = budget;
    this.comfortable = budget - Math.ceil(budget / 8);
    this.shares = new Quota(budget);
    this.idle.set(NO_INODE, 0);
  }

  /**
   * The last daemon has registered the file's memory with the kernel, which keeps that daemon's description of it: to find
   * out whether another one has the file, it must go first.
   */
  takeOver(inode: Inode): void {
    const { ino } = inode;
    if (inode.nopen === 0) this.sb.host?.backingGone(ino);
    else this.foreign.add(ino);
    const awake = this.wakeFile(inode);
    if (awake < 0) this.sb.log(`inode ${ino} is not open in the new daemon: ${errnoName(awake)}`);
    else if (inode.nopen === 0) this.rest(inode);
  }

  /** The file is not open, any more or yet. */
  rest(inode: Inode): void {
    if (this.foreign.delete(inode.ino)) this.sb.host?.backingGone(inode.ino);
    const opener = this.openers.get(inode.ino);
    if (opener !== undefined) {
      this.openers.delete(inode.ino);
      this.shares.give(opener);
    }
    if (!this.costs || (inode.file?.backing ?? -1) < 0) return;
    this.idle.set(inode.ino, opener ?? this.mapped.get(inode.ino) ?? inode.uid);
  }

  /** A file is open that the last daemon has opened: its descriptor is of that share. */
  openAlready(inode: Inode, uid: number): void {
    if (inode.file === undefined || !this.costs || this.openers.has(inode.ino)) return;
    this.shares.charge(uid, 1);
    this.openers.set(inode.ino, uid);
  }

  /** The inode is gone. */
  gone(ino: InodeNumber): void {
    this.idle.delete(ino);
    this.discharge(ino);
  }

  /**
   * Before the file is opened: it has a descriptor then, of the share of the user who opens it first. -ENFILE when there is
   * none left, -ENOMEM.
   */
  wake(inode: Inode, uid: number): Answer {
    const { ino } = inode;
    if (!this.costs || inode.file === undefined) return 0;
    if (!this.openers.has(ino)) {
      this.discharge(ino);
      if (!this.takeShare(uid)) return this.refuse(uid);
      this.openers.set(ino, uid);
    }
    const answer = this.reopen(inode, uid);
    if (answer !== 0 && inode.nopen === 0) this.rest(inode);
    return answer;
  }

  /** Before a file is changed that may not be open: it has a descriptor then, for this request. As `wake`. */
  wakeForChange(inode: Inode, uid: number): Answer {
    const answer = this.costs ? this.reopen(inode, uid) : 0;
    if (inode.nopen === 0) this.rest(inode);
    return answer;
  }

  /** Whether the user has a share left for another file that is open. */
  hasShare(uid: number): boolean {
    if (!this.costs || this.shares.has(uid)) return true;
    this.lookAgain(uid);
    return this.shares.has(uid);
  }

  /** Before a descriptor more is taken: whether it may be. The last ones are root's. */
  makeRoom(uid: number): boolean {
    if (!this.costs) return true;
    for (let tries = 0; tries < TRIES && this.descriptors >= this.comfortable; tries++) {
      const ino = this.oldest();
      if (ino === undefined) break;
      const opener = this.idle.peek(ino)!;
      this.idle.delete(ino);
      if (this.letRest(ino)) continue;
      this.idle.set(ino, opener);
      this.charge(ino, opener);
    }
    return this.descriptors < this.budget - (uid === 0 ? 0 : Math.floor(this.budget / 16));
  }

  /** False: it is mapped. */
  private letRest(ino: InodeNumber): boolean {
    const inode = this.sb.inode(ino);
    if (inode === undefined) return true;
    // The kernel's reference to the descriptor, which would count as another one that has the file open.
    this.sb.host?.backingGone(ino);
    if (inode.file!.rest() !== 0) return false;
    this.closed++;
    this.discharge(ino);
    return true;
  }

  /** Nothing is charged beyond the user's share: the user can open no further file then. */
  private charge(ino: InodeNumber, uid: number): void {
    if (this.mapped.has(ino) || !this.shares.take(uid)) return;
    this.mapped.set(ino, uid);
    const theirs = this.mappedBy.get(uid) ?? new Set();
    this.mappedBy.set(uid, theirs.add(ino));
  }

  private discharge(ino: InodeNumber): void {
    const uid = this.mapped.get(ino);
    if (uid === undefined) return;
    this.mapped.delete(ino);
    this.shares.give(uid);
    const theirs = this.mappedBy.get(uid)!;
    theirs.delete(ino);
    if (theirs.size === 0) this.mappedBy.delete(uid);
  }

  private takeShare(uid: number): boolean {
    if (this.shares.take(uid)) return true;
    this.lookAgain(uid);
    return this.shares.take(uid);
  }

  /** Whether some of the user's files are mapped no more: the next ones in turn. */
  private lookAgain(uid: number): void {
    const theirs = this.mappedBy.get(uid);
    if (theirs === undefined) return;
    for (const ino of [...firstOf(theirs)]) {
      if (this.letRest(ino)) {
        this.idle.delete(ino);
      } else {
        theirs.delete(ino);
        theirs.add(ino);
      }
    }
  }

  /** Whether a file of the store costs a descriptor. */
  private get costs(): boolean {
    return this.sb.store.descriptors !== undefined;
  }

  private get descriptors(): number {
    return this.sb.store.descriptors ?? 0;
  }

  private reopen(inode: Inode, uid: number): Answer {
    const file = inode.file!;
    this.idle.delete(inode.ino);
    if (file.backing >= 0) return 0;
    const result = this.makeRoom(uid) ? this.wakeFile(inode) : -errno.EMFILE;
    if (result === 0) {
      this.reopened++;
      return 0;
    }
    this.sb.log(`open refused: ${errnoName(result)} for another file; close files or raise RLIMIT_NOFILE`);
    return result === -errno.EMFILE ? -errno.ENFILE : result;
  }

  /** The guard is lifted for an instant, which changes the store's ctime: that is no change of the file. */
  private wakeFile(inode: Inode): Answer {
    this.sb.refresh(inode);
    const answer = inode.file!.wake();
    if (answer === 0) this.sb.ignoreStoreTimes(inode);
    return answer;
  }

  private refuse(uid: number): Answer {
    this.sb.log(
      `ENFILE to user ${uid}: no user has more than ${this.shares.share} files open; close some`,
      uid,
    );
    return -errno.ENFILE;
  }

  private oldest(): InodeNumber | undefined {
    for (const ino of this.idle.rkeys()) if (ino !== NO_INODE) return ino;
    return undefined;
  }
}

function* firstOf(inos: ReadonlySet<InodeNumber>): Generator<InodeNumber> {
  let n = 0;
  for (const ino of inos) {
    if (n++ === TRIES) return;
    yield ino;
  }
}
