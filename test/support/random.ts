// A seeded source of randomness for tests of the store. LEASEFS_SEED repeats a run.

export const newSeed = (): number => Number(process.env.LEASEFS_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** mulberry32: `pick(n)` is a whole number from 0 to n - 1. */
export function random(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}
