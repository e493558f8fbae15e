import type { Answer, Caller } from '../fs/operations.js';

/** An operation under way that a lease may hold up. */
export interface Call {
  readonly caller: Caller;
  readonly operation: () => Answer;
  /** Called once with the answer; not when the call is dropped. */
  readonly done: (answer: Answer) => void;
}
