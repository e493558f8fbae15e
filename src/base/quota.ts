// Shares a scarce resource of the daemon among users: one user gets at most a quarter of it, and a quarter is kept free
// for root, who has no such limit.

export class Quota {
  private readonly max: number;
  private readonly taken = new Map<number, number>();
  private total = 0;

  constructor(max: number) {
    this.max = max;
  }

  /** One more for the user; false when there is none. */
  take(uid: number): boolean {
    const theirs = this.taken.get(uid) ?? 0;
    const quarter = this.max / 4;
    const room = uid === 0 ? this.total < this.max : theirs < quarter && this.total < this.max - quarter;
    if (!room) return false;
    this.taken.set(uid, theirs + 1);
    this.total++;
    return true;
  }

  /** Releases one. */
  give(uid: number): void {
    const left = this.taken.get(uid)! - 1;
    if (left === 0) this.taken.delete(uid);
    else this.taken.set(uid, left);
    this.total--;
  }
}
