// X, rule by rule, on the pure machine: the cases beside those of the directed histories.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BLOCK, type InodeNumber, NO_WAITER, type ProcessId } from '../../src/base/units.js';
import { opened, says } from './fixtures.js';
import { World } from './world.js';

const FILE = 1 as InodeNumber;

const test = suite('rules X');

test('X0: what moves nothing asks no lease, begins no break, and still meets pins', () => {
  const w = opened(2);
  w.setlease(1, 1, 'exclusive,breakable');
  assert.is(says(w.fallocate(2, 2, 'alloc', 0, BLOCK)), 'ok X0');
  assert.is(says(w.truncate(2, 4 * BLOCK, 1)), 'ok X0');
  assert.is(says(w.fallocate(2, 2, 'punch', 1, BLOCK)), 'ok X0');
  assert.equal(w.effects(), []);
  w.setlease(1, 1, 'exclusive');
  w.pin(1, 1, 0, BLOCK, 'p', 1);
  assert.is(says(w.fallocate(2, 2, 'punch', 1, BLOCK)), 'ETXTBSY X1');
});

test('X0: is judged by the file of that instant: a waiter whose size another call has set is granted', () => {
  const w = opened(3);
  w.setlease(1, 1, 'shared,breakable');
  assert.is(w.truncate(2, 0, 1).verdict, 'wait');
  assert.is(w.truncate(3, 0, 1).verdict, 'wait');
  w.effects();
  w.setlease(1, 1, 'none');
  assert.equal(w.effects().slice(1), [
    { woken: 5, p: 2, verdict: 'ok', rule: 'X5' },
    { woken: 6, p: 3, verdict: 'ok', rule: 'X0' },
  ]);
});

test('X1, N12: a process that has an RDMA device by fork is refused as another process is, and the maker is named', () => {
  const w = opened(2);
  const region = { with: 'RDMA region', ring: 3, possible: true, start: 0, end: 4 };
  const kernelPins = [
    { ...region, process: 2 as ProcessId, inherited: true },
    { ...region, process: 1 as ProcessId, inherited: false },
  ];
  const holder = (process: number) => {
    const range = { empty: false, pinStart: 0, pinEnd: 1 };
    const ask = { process: process as ProcessId, description: 0, file: FILE, waiter: NO_WAITER } as const;
    const verdict = w.machine.change(0, { ...ask, nonblock: false, range, kernelPins });
    return verdict.kind === 'refused' ? [verdict.errno, verdict.holder?.process] : verdict;
  };
  assert.equal(holder(2), ['ETXTBSY', 1]);
  assert.equal(holder(1), ['EDEADLK', 1]);
});

test('X1: pins refuse before leases do, EDEADLK if any of those met is the asker’s own', () => {
  const w = opened(2);
  w.setlease(1, 1, 'shared');
  w.setlease(2, 2, 'shared');
  w.pin(1, 1, 0, BLOCK, 'p', 1);
  w.pin(2, 2, 2 * BLOCK, 3 * BLOCK, 'p', 2);
  assert.is(says(w.truncate(1, 0, 1)), 'EDEADLK X1');
  assert.is(says(w.truncate(1, BLOCK, 1)), 'ETXTBSY X1');
  assert.is(says(w.truncate(2, BLOCK, 1)), 'EDEADLK X1');
  assert.is(says(w.fallocate(2, 2, 'punch', 0, BLOCK)), 'ETXTBSY X1');
});

test('X2: an unbreakable lease of a dead owner refuses too, until a process takes it over', () => {
  const w = opened(2);
  w.pass(1, 1, 2);
  w.setlease(1, 1, 'exclusive');
  w.exit(1);
  assert.is(says(w.truncate(2, 0, 1)), 'ETXTBSY X2');
  w.setlease(2, 1, 'exclusive');
  assert.is(says(w.truncate(2, 0, 1)), 'ok X3');
});

test('X3: the owner of the shared kind gets EDEADLK and no breakable lease is broken', () => {
  const w = opened(2);
  w.setlease(2, 2, 'shared,breakable');
  w.setlease(1, 1, 'shared');
  assert.is(says(w.truncate(1, 0, 1)), 'EDEADLK X3');
  assert.equal(w.effects(), []);
});

test('X3: with rfc-v2 the exclusive owner is EDEADLK as well', () => {
  const w = opened(1, new World({ options: { rfc_v2: true } }));
  w.setlease(1, 1, 'exclusive');
  assert.is(says(w.truncate(1, 0, 1)), 'EDEADLK X3');
});

test('X4: those who wait are judged again, the oldest first, and keep their age when they must wait again', () => {
  const w = opened(4);
  w.setlease(1, 1, 'shared,breakable');
  w.setlease(2, 2, 'shared,breakable');
  w.truncate(3, BLOCK, 1);
  w.truncate(4, 0, 1);
  w.effects();
  w.setlease(1, 1, 'none');
  assert.equal(w.effects(), [{ ended: 1, rule: 'L2' }]);
  w.close(2, 2);
  assert.equal(w.effects(), [
    { ended: 2, rule: 'L2' },
    { woken: 7, p: 3, verdict: 'ok', rule: 'X5' },
    { woken: 8, p: 4, verdict: 'ok', rule: 'X5' },
  ]);
  assert.not(w.machine.concerns(FILE));
});

test('X4: a waiter is refused at once when a lease that refuses it was taken in its own break', () => {
  const w = opened(2);
  w.open(2, 9, 1);
  w.setlease(1, 1, 'shared,breakable');
  assert.is(w.truncate(2, 0, 1).verdict, 'wait');
  assert.is(says(w.setlease(2, 9, 'shared')), 'ok L3');
  assert.equal(w.effects().slice(-1), [{ woken: 5, p: 2, verdict: 'EDEADLK', rule: 'X3' }]);
});

test('X5: where nothing is held the file is no concern of the machine’s', () => {
  const w = opened(1);
  assert.not(w.machine.concerns(FILE));
  assert.is(says(w.truncate(1, 0, 1)), 'ok X5');
});

test('X6: the exclusive owner cuts and punches beside its pins', () => {
  const w = opened(1);
  w.setlease(1, 1, 'exclusive');
  w.pin(1, 1, BLOCK, 2 * BLOCK, 'p', 1);
  assert.is(says(w.fallocate(1, 1, 'punch', 0, BLOCK)), 'ok X3');
  assert.is(says(w.fallocate(1, 1, 'punch', 2 * BLOCK, 3 * BLOCK)), 'ok X3');
  assert.is(says(w.truncate(1, 2 * BLOCK, 1)), 'ok X3');
  assert.is(says(w.truncate(1, 2 * BLOCK - 1, 1)), 'EDEADLK X1');
});

test('X7: guarded says which files must not be moved or lifted: those with an unbreakable lease, zombies too', () => {
  const w = opened(1);
  w.setlease(1, 1, 'exclusive,breakable');
  assert.ok(w.machine.concerns(FILE));
  assert.not(w.machine.guarded(FILE));
  w.setlease(1, 1, 'shared');
  assert.ok(w.machine.guarded(FILE));
  w.pin(1, 1, 0, BLOCK, 'p', 1);
  w.close(1, 1);
  assert.ok(w.machine.guarded(FILE));
  w.exit(1);
  assert.not(w.machine.guarded(FILE));
});

test('X8: a write of a pooled file passes the rules, one of a direct file is not asked', () => {
  const w = new World({ files: [{ f: 1 }, { f: 2, pooled: false }] });
  for (const f of [1, 2]) {
    w.open(1, f, f);
    w.open(2, 10 + f, f);
    w.setlease(1, f, 'exclusive');
  }
  assert.is(says(w.write(2, 11, 4 * BLOCK, 5 * BLOCK)), 'ETXTBSY X2');
  assert.is(w.write(2, 12, 4 * BLOCK, 5 * BLOCK).verdict, 'ok');
});

test.run();
