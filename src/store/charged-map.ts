// The extent map of a pooled file, whose part of the arena is charged to the user who made the file. All files share the arena,
// and a block far behind the others takes four pages of it: without shares, one user with few blocks takes all.
import type { Quota } from '../base/quota.js';
import { type ExtentArena, ExtentMap } from '../extent/index.js';

export class ChargedMap extends ExtentMap {
  private readonly uid: number;
  private readonly shares: Quota;
  private charged = 0;

  /** @param shares words of the arena. */
  constructor(arena: ExtentArena, shares: Quota, uid: number) {
    super(arena);
    this.shares = shares;
    this.uid = uid;
  }

  /** Whether the user has a share left. One change may go beyond it. */
  get mayGrow(): boolean {
    return this.shares.has(this.uid);
  }

  override map(pgoff: number, blk: number, n: number): number {
    const others = this.others;
    const result = super.map(pgoff, blk, n);
    this.charge(others);
    return result;
  }

  override preallocate(pgoff: number, blk: number, n: number): number {
    const others = this.others;
    const result = super.preallocate(pgoff, blk, n);
    this.charge(others);
    return result;
  }

  override markWritten(pgoff: number, n: number): number {
    const others = this.others;
    const result = super.markWritten(pgoff, n);
    this.charge(others);
    return result;
  }

  override punch(pgoff: number, n: number): number {
    const others = this.others;
    const result = super.punch(pgoff, n);
    this.charge(others);
    return result;
  }

  override truncate(pgoff: number): number {
    const others = this.others;
    const result = super.truncate(pgoff);
    this.charge(others);
    return result;
  }

  /** Words of the arena that other maps have: a change of this one leaves them. */
  private get others(): number {
    return this.arena.taken - this.charged;
  }

  private charge(others: number): void {
    const words = this.arena.taken - others;
    if (words !== this.charged) this.shares.charge(this.uid, words - this.charged);
    this.charged = words;
  }
}
