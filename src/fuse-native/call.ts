import type { Answer, Caller } from '../fs/operations.js';

/** Of a call without what was sent with it. */
export const CALL_BYTES = 2048;

/** An operation under way that a lease may hold up. */
export interface Call {
  readonly caller: Caller;
  /** Bytes that it takes while it waits. */
  readonly cost: number;
  readonly operation: () => Answer;
  /** Called once with the answer; not when the call is dropped. */
  readonly done: (answer: Answer) => void;
}
