// A wait with a limit ends with what it waits for, or with the limit.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { comesWithin } from '../../src/base/within.js';

const test = suite('within');

test('what comes, what does not, what is there', async () => {
  assert.is(await comesWithin(new Promise(resolve => setImmediate(resolve)), 600_000), true);
  assert.is(await comesWithin(new Promise(() => {}), 1), false);
  assert.is(await comesWithin(Promise.resolve(), 600_000), true);
});

test.run();
