// Work that would hold the event loop for longer than about 1 ms is done in slices, and other requests are served in between:
// one slice a turn of the loop, of the users who have such work in turn. What cannot be cut into slices is done by a thread,
// one piece of work at a time. The operation is parked and runs again for each slice. Between slices the file is consistent,
// and the kernel's lock of the inode keeps other changes of it out; leases and pins, which come without that lock, wait for
// the end (`wait`): a layout change stays one step for them.
import { attempt, guarded, type Log } from '../../base/guarded.js';
import { userOf } from '../../base/subordinates.js';
import { type InodeNumber, NO_WAITER, type WaiterId } from '../../base/units.js';
import { type Answer, type Caller, type LongWork, PARKED } from '../operations.js';
import { Turns } from './turns.js';

/** A slice for a thread, which is to be started; it answers as a slice does. */
export type Later = () => Promise<Answer>;

/** What is left of an operation. */
interface Work {
  readonly ino: InodeNumber;
  /** Does a slice: PARKED when more is left, else the answer of the operation. */
  readonly slice: () => Answer | Later;
  /** A signal ends the wait; undefined: none does. */
  readonly interrupted: (() => void) | undefined;
}

interface Running extends Work {
  readonly uid: number;
  /** No operation waits for it. */
  readonly isAlone: boolean;
  /** What a thread has answered, until the operation runs again. */
  answered: Answer | undefined;
}

export class Slices implements LongWork {
  private readonly newWaiter: () => WaiterId;
  private readonly retry: (waiter: WaiterId) => void;
  private readonly log: Log;
  private readonly running = new Map<WaiterId, Running>();
  /** By user, those whose next slice is due. The user at the front is the next. */
  private readonly due = new Map<number, WaiterId[]>();
  private readonly turns = new Turns();
  /** What waits for the end of the work on an inode. */
  private readonly behind = new Map<InodeNumber, Set<WaiterId>>();
  private scheduled = false;

  /** @param retry runs the operation again. */
  constructor(newWaiter: () => WaiterId, retry: (waiter: WaiterId) => void, log: Log) {
    this.newWaiter = newWaiter;
    this.retry = retry;
    this.log = log;
  }

  /** Does the first slice, and the others later. */
  begin(caller: Caller, work: Work): Answer {
    const first = work.slice();
    if (typeof first === 'number' && first !== PARKED) return first;
    const waiter = this.newWaiter();
    this.running.set(waiter, { ...work, uid: userOf(caller.uid), isAlone: false, answered: undefined });
    return this.park(caller, waiter, work, first);
  }

  /** Work on no inode. */
  inSteps(caller: Caller, step: () => boolean): Answer {
    const slice = (): Answer => (step() ? 0 : PARKED);
    return this.begin(caller, { ino: 0 as InodeNumber, slice, interrupted: undefined });
  }

  /** `begin` later, in the user's turn, for no operation. */
  background(uid: number, work: Work): void {
    const waiter = this.newWaiter();
    const user = userOf(uid);
    this.running.set(waiter, { ...work, uid: user, isAlone: true, answered: undefined });
    this.goOnLater(waiter, user, PARKED);
  }

  /** The next slice, when the operation of the caller has begun; undefined: it has not. */
  goOn(caller: Caller): Answer | undefined {
    const { waiter } = caller;
    if (waiter === NO_WAITER || this.running.size === 0) return undefined;
    const work = this.running.get(waiter);
    if (work === undefined) return undefined;
    const answer = this.step(waiter, work);
    return typeof answer === 'number' && answer !== PARKED ? answer : this.park(caller, waiter, work, answer);
  }

  /** Parks the caller until the work on the inode has ended; 0 when there is none. */
  wait(caller: Caller, ino: InodeNumber): Answer {
    if (this.running.size === 0 || !this.isBusy(ino)) return 0;
    if (caller.waiter === NO_WAITER) caller.waiter = this.newWaiter();
    const waiting = this.behind.get(ino) ?? new Set();
    this.behind.set(ino, waiting.add(caller.waiter));
    return PARKED;
  }

  /** The operation was given up. */
  forget(waiter: WaiterId): void {
    const work = this.running.get(waiter);
    for (const waiting of this.behind.values()) waiting.delete(waiter);
    if (work === undefined) return;
    this.end(waiter);
    work.interrupted?.();
  }

  private isBusy(ino: InodeNumber): boolean {
    for (const work of this.running.values()) if (work.ino === ino) return true;
    return false;
  }

  /** A slice, or what a thread has answered; the work ends with its answer. */
  private step(waiter: WaiterId, work: Running): Answer | Later {
    let answer: Answer | Later | undefined = work.answered;
    work.answered = undefined;
    try {
      answer ??= work.slice();
    } finally {
      if (answer === undefined || (typeof answer === 'number' && answer !== PARKED)) this.end(waiter);
    }
    return answer;
  }

  private park(caller: Caller, waiter: WaiterId, { interrupted }: Work, next: Answer | Later): Answer {
    caller.waiter = waiter;
    caller.interruptible = interrupted !== undefined;
    this.goOnLater(waiter, this.running.get(waiter)!.uid, next);
    return PARKED;
  }

  /** @param next PARKED: the next slice, in turn; else for a thread. */
  private goOnLater(waiter: WaiterId, uid: number, next: Answer | Later): void {
    if (typeof next === 'number') {
      const due = this.due.get(uid) ?? [];
      due.push(waiter);
      this.due.set(uid, due);
      this.schedule();
      return;
    }
    void this.turns.take(uid, next).then(answer => {
      const work = this.running.get(waiter);
      if (work === undefined) return;
      if (answer !== PARKED) work.answered = answer;
      this.goOnLater(waiter, uid, PARKED);
    });
  }

  private end(waiter: WaiterId): void {
    const { ino } = this.running.get(waiter)!;
    this.running.delete(waiter);
    const waiting = this.behind.get(ino);
    if (waiting === undefined || this.isBusy(ino)) return;
    this.behind.delete(ino);
    // After the answer of the operation that has ended.
    for (const next of waiting) setImmediate(guarded(this.log, 'request', () => this.retry(next)));
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(guarded(this.log, 'request', () => this.next()));
  }

  /** One slice of the user at the front, who goes to the back. */
  private next(): void {
    this.scheduled = false;
    for (const [uid, waiters] of this.due) {
      this.due.delete(uid);
      const waiter = waiters.shift();
      if (waiters.length > 0) this.due.set(uid, waiters);
      const work = waiter === undefined ? undefined : this.running.get(waiter);
      if (waiter === undefined || work === undefined) continue;
      if (this.due.size > 0) this.schedule();
      if (work.isAlone) this.stepAlone(waiter, work);
      else this.retry(waiter);
      return;
    }
  }

  private stepAlone(waiter: WaiterId, work: Running): void {
    attempt(this.log, 'request', () => {
      const answer = this.step(waiter, work);
      if (this.running.has(waiter)) this.goOnLater(waiter, work.uid, answer);
    });
  }
}
