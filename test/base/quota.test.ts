// A quarter for one user, root apart.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Quota } from '../../src/base/quota.js';

const test = suite('quota');

// Users from 21000 on: none of them runs the tests, and is the user of the mount.

const takeAll = (quota: Quota, uid: number): number => {
  let taken = 0;
  while (quota.take(uid)) taken++;
  return taken;
};

test('one user has a quarter, all users three quarters, root the rest', () => {
  const quota = new Quota(16);
  assert.is(takeAll(quota, 21000), 4);
  assert.is(takeAll(quota, 21001), 4);
  assert.is(takeAll(quota, 21002), 4);
  assert.is(takeAll(quota, 21003), 0);
  assert.is(takeAll(quota, 0), 4);
  quota.give(21001);
  assert.not.ok(quota.take(21003), "root's part is not theirs");
  assert.ok(quota.take(0));
  for (let n = 0; n < 5; n++) quota.give(0);
  assert.ok(quota.take(21003));
});

test('amounts are taken whole or not at all', () => {
  const quota = new Quota(1000);
  assert.is(quota.share, 250);
  assert.ok(quota.take(21000, 200));
  assert.not.ok(quota.take(21000, 51));
  assert.ok(quota.take(21000, 50));
  quota.give(21000, 200);
  assert.ok(quota.take(21000, 200));
  assert.not.ok(quota.take(0, 751));
  assert.ok(quota.take(0, 750));
  assert.not.ok(quota.take(0));
});

test('the user of the mount has what root has; another user with the same resource does not', () => {
  const quota = new Quota(16, 1000);
  assert.is(takeAll(quota, 1001), 4);
  assert.is(takeAll(quota, 1000), 12);
  assert.not.ok(quota.take(0));
  quota.give(1000, 4);
  assert.not.ok(quota.take(1001), "what is kept free for root and the mount's user");
});

test.run();
