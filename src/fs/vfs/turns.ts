// Work of threads for several users: one piece at a time, so that all of it takes no more than one processor, and each user in
// turn, however much work one has.
import { errno } from '../../base/errno.js';

type Start = () => Promise<number>;

export class Turns {
  private readonly due = new Map<number, (() => Promise<void>)[]>();
  private isBusy = false;

  /** Starts it in the user's turn. What it answers; -EIO where it fails. */
  take(uid: number, start: Start): Promise<number> {
    return new Promise(resolve => {
      const run = async (): Promise<void> => {
        try {
          resolve(await start());
        } catch {
          resolve(-errno.EIO);
        }
      };
      const theirs = this.due.get(uid);
      if (theirs === undefined) this.due.set(uid, [run]);
      else theirs.push(run);
      if (!this.isBusy) void this.serve();
    });
  }

  private async serve(): Promise<void> {
    this.isBusy = true;
    for (const [uid, runs] of this.due) {
      this.due.delete(uid);
      const run = runs.shift()!;
      // At the end of the map, which this loop reaches.
      if (runs.length > 0) this.due.set(uid, runs);
      await run();
    }
    this.isBusy = false;
  }
}
