// Calls that run again since what they waited for has ended: some a turn of the event loop, of the files in turn, the oldest of
// a file first (X4). A file may have thousands that wait, and each run costs as much as the call. A new call on
// a file goes behind those that are due.
import { attempt, type Log } from '../../base/guarded.js';
import { type InodeNumber, NO_WAITER, type WaiterId } from '../../base/units.js';

/** Of a turn of the event loop: 10 to 50 us each. */
const MOST = 32;

interface Wake {
  readonly waiter: WaiterId;
  readonly run: () => void;
}

export class Wakes {
  private readonly log: Log;
  /** By file, in the order in which they came; no array is empty. */
  private readonly due = new Map<InodeNumber, Wake[]>();
  /** Of this turn. */
  private left = MOST;
  private turn: NodeJS.Immediate | undefined;
  /** The one that runs. */
  private running: WaiterId = NO_WAITER;

  constructor(log: Log) {
    this.log = log;
  }

  /** Runs it, now or behind those of the file that are due. */
  add(ino: InodeNumber, waiter: WaiterId, run: () => void): void {
    const due = this.due.get(ino);
    if (due === undefined && this.left > 0) this.run({ waiter, run });
    else if (due === undefined) this.due.set(ino, [{ waiter, run }]);
    else due.push({ waiter, run });
    this.turn ??= setImmediate(() => this.next());
  }

  /** Whether a call on the file goes behind those that are due: it is none of them. */
  goesBehind(ino: InodeNumber, waiter: WaiterId): boolean {
    return this.due.has(ino) && (waiter === NO_WAITER || waiter !== this.running);
  }

  close(): void {
    clearImmediate(this.turn);
    this.due.clear();
  }

  private run({ waiter, run }: Wake): void {
    const outer = this.running;
    this.left--;
    this.running = waiter;
    attempt(this.log, 'request', run);
    this.running = outer;
  }

  private next(): void {
    this.left = MOST;
    this.turn = this.due.size > 0 ? setImmediate(() => this.next()) : undefined;
    for (const [ino, due] of this.due) {
      if (this.left <= 0) return;
      // The file stays in the map until then, so that a new call on it goes behind, and what this one wakes too.
      this.run(due.shift()!);
      this.due.delete(ino);
      // At the end of the map, which this loop reaches.
      if (due.length > 0) this.due.set(ino, due);
    }
  }
}
