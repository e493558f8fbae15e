// How long the demo waits for what must come: long enough for a busy machine, since nothing is shown to be absent by a wait.

/** 1, or what the environment says. */
const factor = Math.max(1, Number(process.env.LEASEFS_TIME_FACTOR) || 1);
export const LIMIT_MS = 60_000 * factor;

/** The error that `what` did not come, and how to allow more time. */
export const late = (what: string, limitMs = LIMIT_MS): Error =>
  new Error(`${what}: not within ${limitMs / 1000} s; LEASEFS_TIME_FACTOR above ${factor} gives more time`);
