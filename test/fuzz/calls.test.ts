// A second of mutated ioctls and messages of the control socket, with a fixed seed; calls.long.test.ts has more.
import { suiteNeeding } from '../support/suites.js';
import { fuzzCalls, type Route, routes } from './calls.js';

const SEED = 1;
const STEPS = 300;

for (const [name, { needs }] of Object.entries(routes)) {
  suiteNeeding(`fuzzed calls, ${name}, quick`, ['mount', ...needs], test => {
    test(`seed ${SEED}, ${STEPS} calls of each process`, () => fuzzCalls(name as Route, SEED, STEPS));
  });
}
