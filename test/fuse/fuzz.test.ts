// A few seconds of the fuzzer of the session; test/fuzz/session.long.test.ts has more.
import { suite } from 'uvu';
import { newSeed } from '../support/random.js';
import { fuzzSession } from './fuzz.js';

const test = suite('fuzzed session');

/** Seeds that once found something. 4: a READ of more than 1 MiB of a hole had no answer. */
const CORPUS: readonly number[] = [1, 4];
const STEPS = 10_000;

for (const seed of CORPUS) test(`seed ${seed}`, () => fuzzSession(seed, STEPS));

test('a seed of its own', () => fuzzSession(newSeed(), STEPS));

test.run();
