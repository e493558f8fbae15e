// Every function of the addon with wrong arguments: LEASEFS_FUZZ_STEPS calls, with the seeds from LEASEFS_SEED on.
import { suite } from 'uvu';
import { fuzzTable } from '../native/fuzz-table.js';
import { newSeed } from '../support/random.js';

const test = suite('table of the addon, long');
const STEPS = Number(process.env.LEASEFS_FUZZ_STEPS ?? 400_000);
/** Of one process. */
const ROUND = 100_000;

test(`${STEPS} calls`, () => {
  const first = newSeed();
  for (let n = 0; n * ROUND < STEPS; n++) fuzzTable(first + n, Math.min(ROUND, STEPS - n * ROUND));
});

test.run();
