// Operations that a lease may hold up, and those that it does: each runs again when the filesystem says so.
import { errno } from '../base/errno.js';
import { NO_WAITER, type WaiterId } from '../base/units.js';
import { type Answer, type Caller, type Operations, PARKED } from '../fs/operations.js';

/** An operation under way. */
export interface Call {
  readonly caller: Caller;
  readonly operation: () => Answer;
  /** Told the answer, once; not when the call is dropped. */
  readonly done: (answer: Answer) => void;
}

export class Waiting {
  private readonly operations: Operations;
  private readonly log: (line: string) => void;
  private readonly calls = new Map<WaiterId, Call>();

  constructor(operations: Operations, log: (line: string) => void) {
    this.operations = operations;
    this.log = log;
  }

  get size(): number {
    return this.calls.size;
  }

  run(call: Call): void {
    this.attempt(call, NO_WAITER);
  }

  retry(waiter: WaiterId): void {
    const call = this.take(waiter);
    if (call === undefined) return;
    // It may fail before it asks for the lease again: then the wait is to be given up.
    if (this.attempt(call, waiter) < 0) this.operations.interrupt(waiter);
  }

  /** @param error positive. */
  answer(waiter: WaiterId, error: number): void {
    this.take(waiter)?.done(-error);
  }

  /** A signal came (B5): EINTR, if it still waits. */
  interrupt(call: Call): void {
    if (this.drop(call)) call.done(-errno.EINTR);
  }

  /** Nobody wants the answer any more; whether it was waiting. */
  drop(call: Call): boolean {
    for (const [waiter, other] of this.calls) {
      if (other !== call) continue;
      this.calls.delete(waiter);
      this.operations.interrupt(waiter);
      return true;
    }
    return false;
  }

  private attempt(call: Call, waiter: WaiterId): Answer {
    const { caller } = call;
    // One object may be many calls': a waiter is a call's own.
    caller.waiter = waiter;
    const answer = this.answerOf(call);
    const waits = caller.waiter;
    caller.waiter = NO_WAITER;
    if (answer === PARKED) this.calls.set(waits, call);
    else call.done(answer);
    return answer;
  }

  /** EIO with a line in the log when it throws, and the mount lives. */
  private answerOf({ operation }: Call): Answer {
    try {
      return operation();
    } catch (error) {
      this.log(`a call failed, EIO: ${error instanceof Error ? error.stack : error}`);
      return -errno.EIO;
    }
  }

  private take(waiter: WaiterId): Call | undefined {
    const call = this.calls.get(waiter);
    this.calls.delete(waiter);
    return call;
  }
}
