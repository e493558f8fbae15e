// How many lines of the log a user may cause: a burst, and then some each second. What is left out is counted. Pure.
import { userOf } from '../base/subordinates.js';

/** Lines at once, and a second after that. */
const BURST = 100;
const PER_SECOND = 10;
/** Users with a limit of their own; further users share one. */
const USERS = 256;
const OTHERS = -2;

interface Share {
  /** Lines that may come, as of `at` (ms). */
  left: number;
  at: number;
  leftOut: number;
}

export class LogLimit {
  private readonly shares = new Map<number, Share>();

  /** Whether a line that the user caused is written. @param now ms that only grow */
  admits(uid: number, now: number): boolean {
    const share = this.shareOf(uid, now);
    share.left = Math.min(BURST, share.left + ((now - share.at) * PER_SECOND) / 1000);
    share.at = now;
    if (share.left < 1) {
      share.leftOut++;
      return false;
    }
    share.left--;
    return true;
  }

  /** What was left out since it was last asked, a line for each user. */
  *takeLeftOut(): Generator<string> {
    for (const [uid, share] of this.shares) {
      if (share.leftOut === 0) continue;
      const whose = uid === OTHERS ? 'other users' : uid < 0 ? 'no user in particular' : `uid ${uid}`;
      yield `left out: ${share.leftOut} lines caused by ${whose}`;
      share.leftOut = 0;
    }
  }

  private shareOf(caused: number, now: number): Share {
    const uid = userOf(caused);
    const known = this.shares.get(uid);
    if (known !== undefined) return known;
    if (this.shares.size >= USERS && uid !== OTHERS) {
      for (const [other, { left, at, leftOut }] of this.shares) {
        if (leftOut === 0 && left + ((now - at) * PER_SECOND) / 1000 >= BURST) this.shares.delete(other);
      }
      if (this.shares.size >= USERS) return this.shareOf(OTHERS, now);
    }
    const share = { left: BURST, at: now, leftOut: 0 };
    this.shares.set(uid, share);
    return share;
  }
}
