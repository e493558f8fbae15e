// Shares a scarce resource of the daemon among users: one user gets at most a quarter of it, and a quarter is kept free
// for root and the user of the mount, who have no such limit. Subordinate users are one with their owner.
import { isOwner, ownUid } from './owner.js';
import { userOf } from './subordinates.js';

export class Quota {
  private readonly max: number;
  private readonly own: number;
  private readonly taken = new Map<number, number>();
  private total = 0;

  /** @param own the user of the mount. */
  constructor(max: number, own = ownUid) {
    this.max = max;
    this.own = own;
  }

  /** What one user may have. */
  get share(): number {
    return Math.ceil(this.max / 4);
  }

  /** `amount` more for the user, above 0; false, and nothing is taken, when there is not so much. */
  take(uid: number, amount = 1): boolean {
    if (!this.has(uid, amount)) return false;
    this.charge(uid, amount);
    return true;
  }

  /** More for the user, less where `amount` is below 0, whether there was so much or not. */
  charge(uid: number, amount: number): void {
    const user = userOf(uid);
    const theirs = (this.taken.get(user) ?? 0) + amount;
    if (theirs === 0) this.taken.delete(user);
    else this.taken.set(user, theirs);
    this.total += amount;
  }

  /** Whether `take` would. */
  has(uid: number, amount = 1): boolean {
    const theirs = (this.taken.get(userOf(uid)) ?? 0) + amount;
    const all = this.total + amount;
    const free = Math.floor(this.max / 4);
    return this.isExempt(uid) ? all <= this.max : theirs <= this.share && all <= this.max - free;
  }

  /** Whether the user may have all that is left. */
  isExempt(uid: number): boolean {
    return isOwner(uid, this.own);
  }

  /** Releases what was taken. */
  give(uid: number, amount = 1): void {
    this.charge(uid, -amount);
  }
}
