// How much slower this machine is now than those that the tests' bounds are made for, measured when the process starts:
// LEASEFS_TIME_FACTOR says it instead. Bounds of what must come anyway, and break times that a test must keep within, are
// multiplied by it.
import { spawnSync } from 'node:child_process';

/** ms in which Node.js starts and ends on an idle machine. */
const START_MS = 60;
const MOST = 60;

/** 1 or more: how long a process takes that has to wait for its turn like those of the tests. */
export function measureTimeFactor(): number {
  const started = performance.now();
  for (let n = 0; n < 3; n++) spawnSync(process.execPath, ['-e', '0'], { stdio: 'ignore' });
  const factor = (performance.now() - started) / 3 / START_MS;
  return Math.min(MOST, Math.max(1, Math.ceil(2 * factor) / 2));
}

export const givenTimeFactor = process.env.LEASEFS_TIME_FACTOR;
export const timeFactor = givenTimeFactor === undefined ? measureTimeFactor() : Number(givenTimeFactor);
// Programs that this process starts need not measure again.
process.env.LEASEFS_TIME_FACTOR = `${timeFactor}`;

/** That `what` did not come in `ms`, and how to give more time. */
export const late = (what: string, ms: number): Error =>
  new Error(`${what}: not within ${ms} ms; LEASEFS_TIME_FACTOR above ${timeFactor} gives more time`);
