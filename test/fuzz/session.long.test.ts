// 10^7 requests a run, or LEASEFS_FUZZ_STEPS.
import { suite } from 'uvu';
import { fuzzSession } from '../fuse/fuzz.js';
import { newSeed } from '../support/random.js';

const test = suite('fuzzed session, long');
const STEPS = Number(process.env.LEASEFS_FUZZ_STEPS ?? 10_000_000);
/** Of one filesystem: inodes and handles that are left over make others useless. */
const ROUND = 50_000;

test(`${STEPS} requests`, async () => {
  const seed = newSeed();
  for (let n = 0; n * ROUND < STEPS; n++) await fuzzSession(seed + n, Math.min(ROUND, STEPS - n * ROUND));
});

test.run();
