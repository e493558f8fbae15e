// Every function of the addon with wrong arguments: three seeds from LEASEFS_SEED on, LEASEFS_FUZZ_STEPS calls of each.
// `npm run test:asan` runs it under sanitizers.
import { suite } from 'uvu';
import { fuzzTable } from './table.js';

const test = suite('table of the addon');
const STEPS = Number(process.env.LEASEFS_FUZZ_STEPS ?? 10_000);
const first = Number(process.env.LEASEFS_SEED ?? 1);

for (let n = 0; n < 3; n++)
  test(`seed ${first + n}: each call answers or throws`, () => fuzzTable(first + n, STEPS));

test.run();
