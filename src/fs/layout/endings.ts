// Processes and descriptions that have ended with many pins: the pins end some a turn of the event loop, of the users in turn.
// One process may have a hundred thousand, 7 us each. Until its turn comes a pin protects its range (X1). But no call is
// refused for a process that has ended (A2): it waits for the end of those pins, and runs again.
import { attempt, type Log } from '../../base/guarded.js';
import { userOf } from '../../base/subordinates.js';
import { type InodeNumber, NO_WAITER, type WaiterId } from '../../base/units.js';
import type { Rest, Verdict } from '../../lease/types.js';
import { type Answer, type Caller, PARKED } from '../operations.js';
import type { Wakes } from './wakes.js';

/** Pins of a turn of the event loop. */
export const PINS_AT_ONCE = 32;

/** How often a call waits for those that have ended by then. No user holds it up for ever by new processes that end. */
const MOST_WAITS = 8;

/** ms after which an end that has failed is tried again. */
const FAULT_REST_MS = 100;

interface Ending {
  readonly rest: Rest;
  /** At its end. */
  readonly then: () => void;
  /** Calls that wait for it, and perhaps for others. */
  readonly behind: Waiting[];
}

interface Waiting {
  readonly waiter: WaiterId;
  readonly ino: InodeNumber;
  /** Endings that it waits for. */
  left: number;
  /** How often it has waited. */
  readonly waits: number;
}

export class Endings {
  private readonly log: Log;
  private readonly wakes: Wakes;
  private readonly newWaiter: () => WaiterId;
  private readonly retry: (waiter: WaiterId) => void;
  private readonly carryOut: () => void;
  /** By the user who has made the next pin. The user at the front is the next. */
  private readonly byUser = new Map<number, Ending[]>();
  private scheduled = false;
  private over = false;
  /** The call that runs again, and how often it has waited. */
  private again: Pick<Waiting, 'waiter' | 'waits'> = { waiter: NO_WAITER, waits: 0 };

  /** @param retry runs the operation again. @param carryOut the machine's effects. */
  constructor(
    log: Log,
    wakes: Wakes,
    newWaiter: () => WaiterId,
    retry: (waiter: WaiterId) => void,
    carryOut: () => void,
  ) {
    this.log = log;
    this.wakes = wakes;
    this.newWaiter = newWaiter;
    this.retry = retry;
    this.carryOut = carryOut;
  }

  /** Goes on with what is left, in later turns. */
  add(rest: Rest, then: () => void): void {
    this.queue({ rest, then, behind: [] });
    this.schedule();
  }

  /** PARKED until the pins are gone that may have caused the refusal; 0: none has. */
  wait(caller: Caller, ino: InodeNumber, { errno }: Extract<Verdict, { kind: 'refused' }>): Answer {
    if (this.byUser.size === 0) return 0;
    const due: Ending[] = [];
    for (const endings of this.byUser.values())
      for (const ending of endings) {
        // N9: what a user has pinned is counted on all files.
        const mayBe = errno === 'ENOMEM' ? ending.rest.uid === caller.uid : ending.rest.mayPin(ino);
        if (mayBe) due.push(ending);
      }
    if (due.length === 0) return 0;
    const waiting = this.park(caller, ino, due.length);
    if (waiting === undefined) return 0;
    for (const { behind } of due) behind.push(waiting);
    return PARKED;
  }

  /** PARKED: the call runs again in the next turn. 0: it has waited enough. */
  soon(caller: Caller, ino: InodeNumber): Answer {
    const waiting = this.park(caller, ino, 0);
    if (waiting === undefined) return 0;
    setImmediate(() => this.wake(waiting));
    return PARKED;
  }

  close(): void {
    this.over = true;
    this.byUser.clear();
  }

  private park(caller: Caller, ino: InodeNumber, left: number): Waiting | undefined {
    const waits = caller.waiter === this.again.waiter ? this.again.waits : 0;
    if (waits >= MOST_WAITS) return undefined;
    if (caller.waiter === NO_WAITER) caller.waiter = this.newWaiter();
    caller.interruptible = false;
    return { waiter: caller.waiter, ino, left, waits: waits + 1 };
  }

  private wake(waiting: Waiting): void {
    if (this.over) return;
    const { ino, waiter } = waiting;
    this.wakes.add(ino, waiter, () => {
      const outer = this.again;
      this.again = waiting;
      this.retry(waiter);
      this.again = outer;
    });
  }

  private queue(ending: Ending): void {
    const uid = userOf(ending.rest.uid);
    const theirs = this.byUser.get(uid);
    if (theirs === undefined) this.byUser.set(uid, [ending]);
    else theirs.push(ending);
  }

  private schedule(): void {
    if (this.scheduled || this.over) return;
    this.scheduled = true;
    setImmediate(() => this.next());
  }

  /** Some pins of the user at the front, who goes to the back. */
  private next(): void {
    this.scheduled = false;
    for (const [uid, endings] of this.byUser) {
      this.byUser.delete(uid);
      const ending = endings.shift()!;
      if (endings.length > 0) this.byUser.set(uid, endings);
      if (!attempt(this.log, 'process end', () => this.step(ending))) {
        this.queue(ending);
        setTimeout(() => this.schedule(), FAULT_REST_MS);
        return;
      }
      break;
    }
    if (this.byUser.size > 0) this.schedule();
  }

  private step(ending: Ending): void {
    const isLeft = ending.rest.end(PINS_AT_ONCE);
    this.carryOut();
    if (isLeft) this.queue(ending);
    else this.ended(ending);
  }

  private ended({ then, behind }: Ending): void {
    then();
    for (const waiting of behind) if (--waiting.left === 0) this.wake(waiting);
  }
}
