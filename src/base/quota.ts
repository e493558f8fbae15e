// Shares a scarce resource of the daemon among users: one user gets at most a quarter of it, and a quarter is kept free
// for root, who has no such limit.

export class Quota {
  private readonly max: number;
  private readonly taken = new Map<number, number>();
  private total = 0;

  constructor(max: number) {
    this.max = max;
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
    const theirs = (this.taken.get(uid) ?? 0) + amount;
    if (theirs === 0) this.taken.delete(uid);
    else this.taken.set(uid, theirs);
    this.total += amount;
  }

  /** Whether `take` would. */
  has(uid: number, amount = 1): boolean {
    const theirs = (this.taken.get(uid) ?? 0) + amount;
    const all = this.total + amount;
    const free = Math.floor(this.max / 4);
    return uid === 0 ? all <= this.max : theirs <= this.share && all <= this.max - free;
  }

  /** Releases what was taken. */
  give(uid: number, amount = 1): void {
    this.charge(uid, -amount);
  }
}
