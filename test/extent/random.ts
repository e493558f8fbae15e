// Repeatable random numbers for the tests of this folder. The seed of a run is LEASEFS_SEED, else the clock's.

export interface Random {
  /** An integer from 0 to `n` - 1, n <= 2^53. */
  below(n: number): number;
}

/** mulberry32: 32 bits of state, enough to choose test cases. */
export function randomFrom(seed: number): Random {
  let state = seed | 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
  return {
    below: n =>
      n <= 0x1_0000_0000
        ? Math.floor((next() / 0x1_0000_0000) * n)
        : Math.floor((((next() >>> 11) * 0x1_0000_0000 + next()) / 2 ** 53) * n),
  };
}

export function seedOfRun(): number {
  return Number(process.env.LEASEFS_SEED ?? Date.now() % 2 ** 31);
}
