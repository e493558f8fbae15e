// The machine against a naive model: random histories, shrunk by fast-check; a long one by seed; and all short
// histories over a small alphabet from the states that matter.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  EXCLUSIVE,
  EXCLUSIVE_BREAKABLE,
  type Kind,
  NONE,
  SHARED,
  SHARED_BREAKABLE,
} from '../../src/abi/kinds.js';
import { DESCRIPTIONS, kinds, ops, PROCESSES, Run, randomSteps, type Step, weights } from './model-steps.js';

const test = suite('the lease machine against a naive model');

const steps = randomSteps(weights);

test('random histories agree step by step', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 60, size: 'max' }), history => {
      const run = new Run();
      for (const step of history) run.step(step);
    }),
    { numRuns: 1500 },
  );
});

/** Marsaglia's xorshift32. */
function random(seed: number): (n: number) => number {
  let x = seed | 1;
  return n => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % n;
  };
}

test('a long history agrees step by step', () => {
  const seed = Number(process.env.LEASE_SEED ?? (Math.random() * 2 ** 31) | 0);
  const length = Number(process.env.LEASE_STEPS ?? 40_000);
  const below = random(seed);
  const bag = ops.flatMap(op => Array<Step['op']>(weights[op]).fill(op));
  const run = new Run();
  for (let i = 0; i < length; i++) {
    const op = bag[below(bag.length)]!;
    const step = { op, p: below(PROCESSES), d: 1 + below(DESCRIPTIONS), a: below(5), b: below(12) };
    try {
      run.step(step);
    } catch (error) {
      throw new Error(`LEASE_SEED=${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
});

const lease = (p: number, d: number, kind: Kind, b = 0): Step => ({
  op: 'setLease',
  p,
  d,
  a: kinds.indexOf(kind),
  b,
});
const change = (p: number, d: number, b = 0): Step => ({ op: 'change', p, d, a: 0, b });
const pin = (p: number, d: number, owner: number): Step => ({ op: 'pin', p, d, a: 0, b: owner });
const other = (op: Step['op'], p: number, d: number, a: number): Step => ({ op, p, d, a, b: 0 });

/** `b` 2: by path. */
const PATH = 2;

/** Two processes, two descriptions of one file and one of another; 1 and 2 share description 1. */
const alphabet: readonly Step[] = [
  lease(1, 1, NONE),
  lease(1, 1, SHARED_BREAKABLE),
  lease(1, 1, EXCLUSIVE),
  lease(2, 1, SHARED),
  lease(2, 2, SHARED_BREAKABLE),
  lease(2, 2, EXCLUSIVE_BREAKABLE, 1),
  lease(2, 2, EXCLUSIVE),
  change(1, 1),
  change(2, 2),
  change(2, 2, 1),
  change(2, 1, PATH),
  change(1, 4, PATH),
  lease(2, 4, EXCLUSIVE),
  pin(1, 1, 0),
  pin(2, 2, 1),
  other('unpin', 1, 1, 0),
  other('release', 0, 1, 0),
  other('died', 1, 0, 0),
  other('tick', 0, 0, 3),
];

const beginnings: readonly (readonly Step[])[] = [
  [],
  [lease(1, 1, SHARED_BREAKABLE), change(2, 2)],
  [lease(1, 1, EXCLUSIVE_BREAKABLE), lease(2, 2, SHARED_BREAKABLE)],
  [lease(1, 1, SHARED), pin(1, 1, 0), pin(1, 1, 1)],
  [lease(1, 1, SHARED_BREAKABLE), lease(2, 2, SHARED_BREAKABLE), change(3, 3)],
  [lease(1, 1, SHARED_BREAKABLE), lease(2, 4, SHARED_BREAKABLE), change(1, 4, PATH)],
];
const LENGTH = 3;

test('all short histories from six beginnings agree', () => {
  let histories = 0;
  const history: Step[] = [];
  const visit = (beginning: readonly Step[]): void => {
    if (history.length === LENGTH) {
      const run = new Run();
      for (const step of beginning) run.step(step);
      for (const step of history) run.step(step);
      histories++;
      return;
    }
    for (const step of alphabet) {
      history.push(step);
      visit(beginning);
      history.pop();
    }
  };
  for (const beginning of beginnings) visit(beginning);
  assert.is(histories, beginnings.length * alphabet.length ** LENGTH);
});

test.run();
