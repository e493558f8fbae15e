// Mutated ioctls and messages of the control socket: LEASEFS_FUZZ_STEPS calls of each process by each route, with the seeds
// from LEASEFS_SEED on.
import { suiteNeeding } from '../support/suites.js';
import { fuzzCalls, type Route, routes } from './calls.js';

const STEPS = Number(process.env.LEASEFS_FUZZ_STEPS ?? 2000);
const first = Number(process.env.LEASEFS_SEED ?? 1);
/** Of one mount. */
const ROUND = 10_000;

for (const [name, { needs }] of Object.entries(routes)) {
  suiteNeeding(`fuzzed calls, ${name}`, ['mount', ...needs], test => {
    test(`${STEPS} calls of each process: each is answered, nothing is left`, async () => {
      for (let n = 0; n * ROUND < STEPS; n++)
        await fuzzCalls(name as Route, first + n, Math.min(ROUND, STEPS - n * ROUND));
    });
  });
}
