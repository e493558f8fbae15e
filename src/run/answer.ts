// What the supervisor says to a stopped call.

/** The kernel answers the call itself. */
export const CONTINUE = 'continue';
/** 0 or more: the call's value; `-errno`. */
export type CallAnswer = number | typeof CONTINUE;

export interface Stops {
  /** Whether the caller took the answer; false when it has since got a signal or was killed. */
  send(id: bigint, answer: CallAnswer): boolean;
  /** Whether the thread still stands at this call: what was read of it is its own. */
  isStopped(id: bigint): boolean;
}
