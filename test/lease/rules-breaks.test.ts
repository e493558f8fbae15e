// B, and A as far as it is pure, rule by rule, on the pure machine: the cases beside those of the directed histories.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  BLOCK,
  type FileHandle,
  type InodeNumber,
  type ProcessId,
  type WaiterId,
} from '../../src/base/units.js';
import { opened, says } from './fixtures.js';
import { World } from './world.js';

const FILE = 1 as InodeNumber;

const test = suite('rules B and A');

test('B1: signal and cookie are those of the owner’s own last call, a sharer’s conversion does not set them', () => {
  const w = opened(1);
  w.pass(1, 1, 2);
  w.open(3, 3, 1);
  w.setlease(1, 1, 'exclusive,breakable', { signal: 10, cookie: 7n });
  w.setlease(2, 1, 'exclusive,breakable', { signal: 12, cookie: 8n });
  w.setlease(3, 3, 'shared,breakable');
  assert.equal(w.effects(), [{ tell: 1, d: 1, must: 'shared,breakable', rule: 'B1', signal: 10 }]);
});

test('B1: the call that takes a lease over is the owner’s own', () => {
  const w = opened(1);
  w.pass(1, 1, 2);
  w.open(3, 3, 1);
  w.setlease(1, 1, 'shared,breakable', { signal: 10, cookie: 7n });
  w.exit(1);
  w.setlease(2, 1, 'shared,breakable', { signal: 12, cookie: 8n });
  w.truncate(3, 0, 1);
  assert.equal(w.effects().slice(-1), [{ tell: 2, d: 1, must: 'none', rule: 'B1', signal: 12 }]);
});

test('B1: each holder is notified once a break, however many breakers join, and again when it must give up more', () => {
  const w = opened(4);
  w.setlease(1, 1, 'exclusive,breakable');
  w.setlease(2, 2, 'shared,breakable');
  assert.equal(w.effects(), [{ tell: 1, d: 1, must: 'shared,breakable', rule: 'B1' }]);
  w.truncate(3, 0, 1);
  assert.equal(w.effects(), [{ tell: 1, d: 1, must: 'none', rule: 'B1' }]);
  w.truncate(4, 0, 1);
  assert.equal(w.effects(), []);
});

test('B2: the deadline is set at the first notice; what the lease must become may change, the deadline does not', () => {
  const w = opened(3);
  w.setlease(1, 1, 'exclusive,breakable');
  w.setlease(2, 2, 'shared,breakable');
  assert.is(w.machine.deadline(), 45);
  w.tick(20);
  w.truncate(3, 0, 1);
  assert.is(w.machine.deadline(), 45);
  w.effects();
  w.tick(24);
  assert.equal(w.effects(), []);
  w.tick(1);
  // The older waiter takes its lease, which the younger one breaks: a new break with an end of its own.
  assert.equal(w.effects(), [
    { removed: 1, rule: 'B2' },
    { woken: 5, p: 2, verdict: 'ok', rule: 'L3' },
    { tell: 2, d: 2, must: 'none', rule: 'B1' },
  ]);
  assert.is(w.machine.deadline(), 90);
});

test('B2: every lease has its own end', () => {
  const w = opened(4, new World());
  w.open(2, 12, 2);
  w.setlease(1, 1, 'shared,breakable');
  w.setlease(2, 12, 'shared,breakable');
  w.truncate(3, 0, 1);
  w.tick(10);
  w.truncate(4, 0, 2);
  w.effects();
  w.tick(35);
  assert.equal(w.effects()[0], { removed: 1, rule: 'B2' });
  assert.is(w.machine.deadline(), 55);
});

test('B3: the break of an unidentified process is always that of another process', () => {
  const w = opened(3, new World({ procs: [{ p: 2, hidden: true }] }));
  w.setlease(1, 1, 'shared,breakable');
  assert.is(says(w.truncate(2, 0, 1)), 'EAGAIN W');
  assert.is(says(w.setlease(3, 3, 'shared,breakable')), 'EAGAIN B3');
});

test('B3: a break that another process joined is no process’s own any more', () => {
  const w = opened(3);
  w.open(2, 9, 1);
  w.setlease(1, 1, 'shared,breakable');
  w.truncate(2, 0, 1);
  assert.is(says(w.setlease(2, 9, 'shared,breakable')), 'ok L3');
  w.setlease(2, 9, 'none');
  w.truncate(3, 0, 1);
  assert.is(says(w.setlease(2, 9, 'shared,breakable')), 'EAGAIN B3');
});

test('B3: a lease call that waits is not refused because of those who joined its break later', () => {
  const w = opened(4);
  w.setlease(1, 1, 'shared,breakable');
  w.setlease(2, 2, 'shared,breakable');
  assert.is(w.setlease(3, 3, 'exclusive,breakable').verdict, 'wait');
  assert.is(w.truncate(4, 0, 1).verdict, 'wait');
  w.effects();
  w.setlease(1, 1, 'none');
  assert.equal(w.effects(), [{ ended: 1, rule: 'L2' }]);
  w.setlease(2, 2, 'none');
  assert.equal(w.effects().slice(1), [
    { woken: 7, p: 3, verdict: 'ok', rule: 'L3' },
    { tell: 3, d: 3, must: 'none', rule: 'B1' },
  ]);
});

test('B4: under O_NONBLOCK the break begins and the breaker does not wait', () => {
  const w = new World();
  w.open(1, 1, 1);
  w.open(2, 2, 1, { nonblock: true });
  w.setlease(1, 1, 'shared,breakable');
  assert.is(says(w.setlease(2, 2, 'exclusive')), 'EAGAIN B4');
  assert.equal(w.effects(), [{ tell: 1, d: 1, must: 'none', rule: 'B1' }]);
  assert.ok(w.machine.knows(2 as ProcessId), 'the breaker is known while its break is pending');
  w.setlease(1, 1, 'none');
  assert.equal(w.effects(), [{ ended: 1, rule: 'L2' }]);
  assert.not(w.machine.knows(2 as ProcessId));
  assert.is(says(w.setlease(2, 2, 'exclusive')), 'ok L3');
});

test('B5: an interrupted waiter is forgotten, the others go on waiting', () => {
  const w = opened(3);
  w.setlease(1, 1, 'shared,breakable');
  w.truncate(2, 0, 1);
  w.truncate(3, BLOCK, 1);
  w.signal(2);
  w.effects();
  w.machine.cancel(99 as WaiterId);
  w.setlease(1, 1, 'none');
  assert.equal(w.effects().slice(1), [{ woken: 6, p: 3, verdict: 'ok', rule: 'X5' }]);
});

test('B5: the death of the owner frees its breakers at once, sharers are notified', () => {
  const w = opened(2);
  w.pass(1, 1, 3);
  w.setlease(1, 1, 'shared,breakable');
  w.truncate(2, 0, 1);
  w.effects();
  w.exit(1);
  assert.equal(w.effects(), [
    { removed: 1, rule: 'B5' },
    { woken: 5, p: 2, verdict: 'ok', rule: 'X5' },
  ]);
  assert.ok(w.machine.breaking(1 as FileHandle));
  assert.is(w.getlease(3, 1), 'none');
  assert.not(w.machine.breaking(1 as FileHandle));
});

test('B5: a lease of a dead owner is no obstacle to a new lease either', () => {
  const w = opened(2);
  w.pass(1, 1, 3);
  w.setlease(1, 1, 'exclusive,breakable');
  w.exit(1);
  w.effects();
  assert.is(says(w.setlease(2, 2, 'shared,breakable')), 'ok L3');
  assert.equal(w.effects(), [{ removed: 1, rule: 'B5' }]);
});

test('B5: a process that dies while it waits is answered EINTR and never granted anything', () => {
  const w = opened(2);
  w.setlease(1, 1, 'shared,breakable');
  w.setlease(2, 2, 'exclusive');
  w.effects();
  w.machine.died(2 as ProcessId);
  assert.equal(w.machine.drain(), [{ effect: 'wake', waiter: 1, file: FILE, errno: 'EINTR', rule: 'B5' }]);
  w.machine.check();
});

test('L2: a description that ends while a call through it waits answers that call EBADF', () => {
  const w = opened(2);
  w.setlease(1, 1, 'shared,breakable');
  w.setlease(2, 2, 'exclusive');
  w.effects();
  w.close(2, 2);
  assert.equal(w.effects(), [{ woken: 4, p: 2, verdict: 'EBADF', rule: 'L2' }]);
});

test('B6: the machine holds up no process: while a change waits, the holder and others are answered', () => {
  const w = opened(3);
  w.setlease(1, 1, 'shared,breakable');
  w.truncate(2, 0, 1);
  assert.is(says(w.fallocate(3, 3, 'alloc', 0, BLOCK)), 'ok X0');
  assert.is(says(w.truncate(1, BLOCK, 1)), 'ok X4');
  assert.is(says(w.setlease(1, 1, 'none')), 'ok L2');
});

test('B7: the lease of another on the breaker’s own description: EDEADLK, under O_NONBLOCK too, and no holder is notified', () => {
  const w = new World();
  w.open(1, 1, 1, { nonblock: true });
  w.open(3, 3, 1);
  w.pass(1, 1, 2);
  w.setlease(1, 1, 'shared,breakable');
  w.setlease(3, 3, 'shared,breakable');
  assert.is(says(w.ftruncate(2, 0, 1)), 'EDEADLK B7');
  assert.equal(w.effects(), []);
});

test('B7: the dead owner’s lease on the breaker’s own description is removed instead', () => {
  const w = opened(1);
  w.pass(1, 1, 2);
  w.setlease(1, 1, 'shared,breakable');
  w.exit(1);
  assert.is(says(w.ftruncate(2, 0, 1)), 'ok X4');
});

test('B7: a circle of three processes over three files is closed by none', () => {
  const w = new World({ files: [{ f: 1 }, { f: 2 }, { f: 3 }] });
  for (const p of [1, 2, 3]) {
    w.open(p, p, p);
    w.setlease(p, p, 'shared,breakable');
  }
  assert.is(w.truncate(1, 0, 2).verdict, 'wait');
  assert.is(w.truncate(2, 0, 3).verdict, 'wait');
  assert.is(says(w.truncate(3, 0, 1)), 'EDEADLK B7');
  assert.is(w.machine.leases(FILE)[0]!.breaking, undefined);
  w.open(3, 9, 1, { nonblock: true });
  assert.is(says(w.ftruncate(3, 0, 9)), 'EAGAIN B4');
});

test('B7: a lease call closes a circle as well', () => {
  const w = new World();
  w.open(1, 1, 1);
  w.open(2, 2, 2);
  w.setlease(1, 1, 'shared,breakable');
  w.setlease(2, 2, 'shared,breakable');
  w.open(1, 12, 2);
  w.open(2, 11, 1);
  assert.is(w.setlease(1, 12, 'exclusive').verdict, 'wait');
  assert.is(says(w.setlease(2, 11, 'exclusive')), 'EDEADLK B7');
});

test('A2: once the processes that the listing names are gone, the pins, the zombie and the refusals are', () => {
  const w = opened(2);
  w.open(1, 9, 2);
  w.pass(1, 9, 3);
  w.setlease(1, 1, 'exclusive');
  w.pin(1, 1, 0, BLOCK, 9, 1);
  w.pin(1, 1, 0, BLOCK, 'p', 2);
  w.exit(1);
  assert.is(says(w.truncate(2, 0, 1)), 'ETXTBSY X1');
  w.exit(3);
  assert.is(says(w.truncate(2, 0, 1)), 'ok X5');
  for (const p of [1, 2, 3]) assert.not(w.machine.knows(p as ProcessId));
});

test('A3: a process under another id owns nothing, even with the pid of an owner', () => {
  const w = opened(1);
  w.pass(1, 1, 2);
  w.setlease(1, 1, 'exclusive');
  w.exit(1);
  assert.ok(w.machine.leases()[0]!.ownerDead);
  assert.is(says(w.pin(2, 1, 0, BLOCK, 'p', 1)), 'EPERM N2');
  assert.is(says(w.truncate(2, 0, 1)), 'ETXTBSY X2');
});

test('A4: what is held is listed, by file or all, as long as it is', () => {
  const w = opened(1);
  w.open(1, 2, 2);
  w.setlease(1, 1, 'shared');
  w.setlease(1, 2, 'shared,breakable');
  w.pin(1, 1, 0, BLOCK, 'p', 1);
  assert.is(w.machine.leases().length, 2);
  assert.is(w.machine.leases(FILE).length, 1);
  assert.is(w.machine.pins(2 as InodeNumber).length, 0);
  w.exit(1);
  assert.equal([...w.machine.leases(), ...w.machine.pins()], []);
});

test.run();
