// Every function of the addon with wrong arguments, for a few seconds; test/fuzz/table.long.test.ts has more, `npm run test:asan`
// runs it under sanitizers.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { native } from '../../src/native/binding.js';
import { needing } from '../support/suites.js';
import { fuzzTable } from './fuzz-table.js';
import { functions, methods } from './table.js';

const test = suite('table of the addon');
const STEPS = 20_000;

test('the table has every export: a new one needs the kinds of its arguments', () => {
  const exported = Object.entries(native).filter(([, value]) => typeof value === 'function');
  assert.equal(exported.map(([name]) => name).sort(), Object.keys(functions).sort());
});

const membersOf = (made: object): string[] =>
  Object.getOwnPropertyNames(Object.getPrototypeOf(made)).filter(name => name !== 'constructor');

needing(test, 'io-uring')('the table has every method and getter', () => {
  const [one, other] = native.socketpair();
  const poller = native.poll(one.fd, 1, () => {});
  const channel = native.adoptFuse(other.release(), 8192, 1);
  const ring = native.uring(1);
  for (const made of [one, poller, channel, ring]) {
    const name = made.constructor.name as keyof typeof methods;
    assert.equal(membersOf(made).sort(), Object.keys(methods[name]).sort(), name);
  }
  for (const made of [ring, channel, poller, one]) made.close();
});

// Seeds that once found something come here.
for (const seed of [1, 2]) test(`seed ${seed}: each call answers or throws`, () => fuzzTable(seed, STEPS));

test.run();
