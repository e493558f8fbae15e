// The tail: single changes, each with a clock reading of its own.
import type { Tail } from './axes.js';

/** Times each change alone; the clock's own cost, some 50 ns, is in it. Stops after `ms`. */
export function tailOf(change: () => void, changes: number, ms: number): Tail {
  // Touched: the kernel's page faults for this array are not the contestant's.
  const took = new Float64Array(changes).fill(1);
  const stop = performance.now() + ms;
  let n = 0;
  while (n < changes) {
    const from = performance.now();
    change();
    const now = performance.now();
    took[n++] = now - from;
    if (now > stop) break;
  }
  const sorted = took.subarray(0, n).sort();
  const at = (share: number) => sorted[Math.min(n - 1, Math.floor(share * n))]! * 1e6;
  const curve: [number, number][] = [];
  for (let share = 0; share < 0.9; share += 0.02) curve.push([share, at(share)]);
  for (let left = 0.1; left * n >= 1; left /= 1.3) curve.push([1 - left, at(1 - left)]);
  curve.push([1 - 1 / (2 * n), at(1)]);
  return { changes: n, p50: at(0.5), p999: at(0.999), p9999: at(0.9999), max: at(1), curve };
}
