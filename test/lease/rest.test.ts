// The end of many pins in parts, on the pure machine: what is left protects, and nothing else ends.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SHARED } from '../../src/abi/kinds.js';
import { type FileHandle, NO_WAITER, type ProcessId } from '../../src/base/units.js';
import { LeaseMachine } from '../../src/lease/index.js';
import { FILE, leaseAsk, pinAsk } from './asks.js';

const test = suite('rest of pins');

/** Process 1 has a shared lease by description 1 and one by 2, and pins blocks 0 to 9, one each. */
function pinned(owner: (n: number) => number) {
  const machine = new LeaseMachine({ breakTime: 45, semantics: 'default' });
  for (const p of [1, 2]) assert.is(machine.setLease(0, leaseAsk(p, SHARED)).kind, 'ok');
  const pins = Array.from({ length: 10 }, (_, n) => {
    const made = machine.pin(0, { ...pinAsk(1, n, n + 1), owner: owner(n) as FileHandle });
    assert.is(made.verdict.kind, 'ok');
    return made.pin;
  });
  machine.drain();
  const punch = (start: number, end: number): string => {
    const verdict = machine.change(0, {
      ...{ process: 3 as ProcessId, description: 0, file: FILE, waiter: NO_WAITER, nonblock: true },
      range: { empty: true, pinStart: start, pinEnd: end },
    });
    machine.check();
    return verdict.kind === 'refused' ? `${verdict.errno} ${verdict.rule}` : verdict.kind;
  };
  return { machine, pins, punch };
}

test('N4: of a dead process so many pins end as were asked for; X1: the others refuse until they end', () => {
  const { machine, punch } = pinned(() => 0);
  const rest = machine.died(1 as ProcessId, 4)!;
  assert.equal(
    machine.drain().map(({ effect }) => effect),
    Array(4).fill('unpinned'),
  );
  assert.ok(rest.mayPin(FILE));
  assert.is(punch(0, 4), 'ok');
  assert.is(punch(4, 5), 'ETXTBSY X1');
  assert.is(machine.leases()[0]!.ownerDead, true);
  assert.ok(rest.end(4));
  assert.is(punch(7, 8), 'ok');
  assert.is(punch(9, 10), 'ETXTBSY X1');
  assert.not.ok(rest.end(4));
  assert.is(punch(0, 10), 'ok');
  assert.is(machine.counts().pins, 0);
  assert.not(machine.knows(1 as ProcessId) && machine.leases().length === 0);
});

test('pins that end otherwise, and those of descriptions, are no part of it', () => {
  const { machine, pins, punch } = pinned(n => (n % 2 === 0 ? 0 : 2));
  const rest = machine.died(1 as ProcessId, 1)!;
  for (const n of [2, 4, 6, 8])
    machine.unpin({ process: 1 as ProcessId, description: 1 as FileHandle, pin: pins[n]! });
  // Another process has pins now, in the same tables.
  assert.is(machine.setLease(0, leaseAsk(4, SHARED)).kind, 'ok');
  assert.is(machine.pin(0, pinAsk(4, 0, 1)).verdict.kind, 'ok');
  assert.not.ok(rest.end(10));
  assert.is(punch(0, 1), 'ETXTBSY X1');
  assert.is(punch(1, 2), 'ETXTBSY X1');
  assert.is(machine.counts().pins, 6);
});

test('N5: the lease of a description whose pins end in parts ends with the last of them', () => {
  const { machine, punch } = pinned(() => 2);
  const rest = machine.release(2 as FileHandle, 9)!;
  machine.drain();
  assert.is(machine.leases().length, 2);
  assert.is(punch(9, 10), 'ETXTBSY X1');
  assert.not.ok(rest.end(9));
  assert.equal(
    machine.drain().map(({ effect }) => effect),
    ['unpinned', 'ended'],
  );
  assert.is(machine.leases().length, 1);
  machine.check();
});

test.run();
