const never = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps, with the whole thread, before another try at something busy. */
export function pause(ms: number): void {
  Atomics.wait(never, 0, 0, ms);
}
