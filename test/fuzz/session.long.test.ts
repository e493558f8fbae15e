// 200,000 requests a run; LEASEFS_FUZZ_STEPS=10000000 for a night.
import { suite } from 'uvu';
import { fuzzSession } from '../fuse/fuzz.js';
import { newSeed } from '../support/random.js';

const test = suite('fuzzed session, long');
const STEPS = Number(process.env.LEASEFS_FUZZ_STEPS ?? 200_000);
/** Of one filesystem: inodes and handles that are left over make others useless. */
const ROUND = 50_000;

test(`${STEPS} requests`, async () => {
  const seed = newSeed();
  for (let n = 0; n * ROUND < STEPS; n++) await fuzzSession(seed + n, Math.min(ROUND, STEPS - n * ROUND));
});

test.run();
