// Operations that wait, for a transport: each is kept under its waiter and runs again from its beginning when the
// filesystem names that, until it is answered. A signal ends the wait (B5) where the wait is interruptible.
import { errno } from '../base/errno.js';
import { NO_WAITER, type WaiterId } from '../base/units.js';
import { type Answer, type Caller, type Operations, PARKED } from './operations.js';

interface Entry<Call> {
  readonly call: Call;
  readonly waiter: WaiterId;
  readonly interruptible: boolean;
  /** A signal came while the wait was not interruptible. */
  interrupted: boolean;
}

export class Parked<Call extends { readonly caller: Caller }> {
  private readonly operations: Operations;
  private readonly run: (call: Call) => Answer;
  private readonly answered: (call: Call, answer: Answer) => void;
  private readonly entries = new Map<WaiterId, Entry<Call>>();

  /**
   * @param run runs the operation; never throws.
   * @param answered is called once of each call, with an answer that is not PARKED; not of one that was dropped.
   */
  constructor(
    operations: Operations,
    run: (call: Call) => Answer,
    answered: (call: Call, answer: Answer) => void,
  ) {
    this.operations = operations;
    this.run = run;
    this.answered = answered;
  }

  get size(): number {
    return this.entries.size;
  }

  /** Runs the operation for the first time. */
  start(call: Call): void {
    const answer = this.attempt(call, NO_WAITER);
    if (answer === PARKED) this.park(call);
    else this.answered(call, answer);
  }

  /** The operation has just answered PARKED. Several calls may share one caller, so its wait is copied from it here. */
  park(call: Call): void {
    this.keep(call, false);
  }

  /** The filesystem says that the operation may go on. */
  retry(waiter: WaiterId): void {
    const entry = this.take(waiter);
    if (entry === undefined) return;
    const { call, interrupted } = entry;
    const answer = this.attempt(call, waiter);
    if (answer === PARKED) {
      const again = this.keep(call, interrupted);
      if (interrupted) this.interruptEntry(again);
      return;
    }
    call.caller.waiter = NO_WAITER;
    this.answered(call, answer);
    // The operation may have failed before it asked the lease machine again: then its wait must be cancelled.
    if (answer < 0) this.operations.interrupt(waiter);
  }

  /** The filesystem answers the operation itself. @param error positive. */
  answer(waiter: WaiterId, error: number): void {
    const entry = this.take(waiter);
    if (entry !== undefined) this.answered(entry.call, -error);
  }

  /** A signal came: EINTR to the call, at once or as soon as its wait is interruptible. Looks at all: few wait. */
  interrupt(isIt: (call: Call) => boolean): void {
    const entry = this.find(isIt);
    if (entry !== undefined) this.interruptEntry(entry);
  }

  /** No process waits for the answer any more. */
  drop(call: Call): void {
    const entry = this.find(other => other === call);
    if (entry === undefined) return;
    this.entries.delete(entry.waiter);
    this.operations.interrupt(entry.waiter);
  }

  /** The mount is gone. */
  clear(): void {
    this.entries.clear();
  }

  private attempt(call: Call, waiter: WaiterId): Answer {
    const { caller } = call;
    caller.waiter = waiter;
    caller.interruptible = true;
    return this.run(call);
  }

  private keep(call: Call, interrupted: boolean): Entry<Call> {
    const { caller } = call;
    const { waiter, interruptible } = caller;
    caller.waiter = NO_WAITER;
    const entry = { call, waiter, interruptible, interrupted };
    this.entries.set(waiter, entry);
    return entry;
  }

  private interruptEntry(entry: Entry<Call>): void {
    const { call, waiter, interruptible } = entry;
    entry.interrupted = true;
    if (!interruptible) return;
    this.entries.delete(waiter);
    this.answered(call, -errno.EINTR);
    this.operations.interrupt(waiter);
  }

  private take(waiter: WaiterId): Entry<Call> | undefined {
    const entry = this.entries.get(waiter);
    this.entries.delete(waiter);
    return entry;
  }

  private find(isIt: (call: Call) => boolean): Entry<Call> | undefined {
    for (const entry of this.entries.values()) if (isIt(entry.call)) return entry;
    return undefined;
  }
}
