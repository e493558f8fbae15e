// Callbacks of the event loop that answer no request: timers, descriptors that became ready, messages of threads, signals.
// No caller would catch what they throw, and the daemon would end and lose each file. A guarded callback logs its fault in
// one line, and the mount continues.

/** @param uid the user who caused it: the log bounds the lines of one user. */
export type Log = (line: string, uid?: number) => void;

/** The callbacks of a daemon, as the log names them. */
export const callbacks = [
  'break timer',
  'cache notice',
  'connection',
  'connection end',
  'delayed grant',
  'device look',
  'event wake',
  'log timer',
  'message',
  'pin search',
  'process end',
  'request',
  'signal',
  'start',
  'words',
] as const;
export type Callback = (typeof callbacks)[number];

/** How many of the next calls of each callback throw: faults on demand, for tests (`--allow-inject`). */
export const faults = new Map<Callback, number>();

/** An error with its stack, as a line of the log. */
export const oneLine = (error: unknown): string =>
  (error instanceof Error ? (error.stack ?? error.message) : String(error)).replaceAll(/\n\s*/g, ' ');

/** Runs the callback and logs what it throws; answers whether it returned. */
export function attempt(log: Log, what: Callback, run: () => void): boolean {
  try {
    if (faults.size > 0) strike(what);
    run();
    return true;
  } catch (error) {
    log(`${what} failed: ${oneLine(error)}`);
    return false;
  }
}

/** Wraps a callback for the event loop. */
export const guarded =
  <Args extends readonly unknown[]>(log: Log, what: Callback, run: (...args: Args) => void) =>
  (...args: Args): void => {
    attempt(log, what, () => run(...args));
  };

/** Throws if an injection asked for it. */
export function strike(what: Callback): void {
  const left = faults.get(what) ?? 0;
  if (left === 0) return;
  if (left === 1) faults.delete(what);
  else faults.set(what, left - 1);
  throw new Error('injected');
}
