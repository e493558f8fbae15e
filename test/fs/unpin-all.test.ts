// To unpin all of many pins is done in slices.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SHARED } from '../../src/abi/kinds.js';
import { type Name, ROOT_INO } from '../../src/base/units.js';
import { Attr, Opened, PARKED } from '../../src/fs/operations.js';
import { unmounted } from '../support/unmounted.js';

const test = suite('unpin all');

test('32 pins a turn, all of them at the end', async () => {
  const made = unmounted(100);
  const { filesystem, caller } = made;
  const [attr, opened] = [new Attr(), new Opened()];
  assert.is(filesystem.create(caller, ROOT_INO, 'f' as Name, 0o644, 2, attr, opened), 0);
  const [{ ino }, { fh }] = [attr, opened];
  filesystem.write(caller, ino, fh, 0, 1, new ArrayBuffer(1), 0, false);
  const lease = { kind: SHARED, nonblock: true, signal: 0, cookie: 0n } as const;
  assert.is(filesystem.setLease(caller, ino, fh, lease), 0);
  // RLIMIT_MEMLOCK may allow fewer.
  let pinned = 0;
  while (pinned < 200 && filesystem.pin(caller, ino, fh, { off: 0, len: 1, owner: undefined }) > 0) pinned++;
  const steps: number[] = [];
  let answer = PARKED;
  let left = pinned;
  made.retry = () => {
    answer = filesystem.unpin(caller, ino, fh, undefined);
    const { pins } = filesystem.plane.leases.counts();
    steps.push(left - pins);
    left = pins;
  };
  made.retry();
  while (answer === PARKED) await new Promise(resolve => setImmediate(resolve));
  assert.is(answer, pinned);
  assert.is(left, 0);
  assert.ok(Math.max(...steps) <= 32, `${steps}`);
  filesystem.destroy();
});

test.run();
