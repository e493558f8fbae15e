// GETPINS: the pins of a file by id, whichever lease they are under, read in pieces while pins come and go.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SHARED } from '../../src/abi/kinds.js';
import type { FileHandle, InodeNumber, PinId, ProcessId } from '../../src/base/units.js';
import { LeaseMachine } from '../../src/lease/index.js';
import { FILE, leaseAsk, pinAsk } from './asks.js';

/** Two processes, each with a shared unbreakable lease. */
function machine(): {
  leases: LeaseMachine;
  pin: (p: number) => number;
  unpin: (p: number, id: number) => void;
} {
  const leases = new LeaseMachine({ breakTime: 45, semantics: 'default' });
  for (const p of [1, 2]) leases.setLease(0, leaseAsk(p, SHARED));
  return {
    leases,
    pin: p => leases.pin(0, pinAsk(p, 0, 1)).pin,
    unpin: (p, id) => {
      leases.unpin({ process: p as ProcessId, description: p as FileHandle, pin: id as PinId });
    },
  };
}

const rest = (pins: Iterator<{ readonly pin: number }>, n = Number.POSITIVE_INFINITY): number[] => {
  const found: number[] = [];
  for (let next = pins.next(); !next.done; next = pins.next()) {
    found.push(next.value.pin);
    if (found.length === n) break;
  }
  return found;
};

const test = suite('pins by age');

test('pins under two leases are merged by their ids', () => {
  const { leases, pin } = machine();
  const ids = [1, 2, 2, 1, 1, 2, 1].map(pin);
  assert.equal(ids, [1, 2, 3, 4, 5, 6, 7]);
  assert.equal(rest(leases.pinsByAge(FILE)), ids);
  assert.equal(rest(leases.pinsByAge(99 as InodeNumber)), []);
});

test('a listing held across changes leaves out what went, and lists nothing twice', () => {
  const { leases, pin, unpin } = machine();
  for (const p of [1, 2, 1, 2, 1, 2]) pin(p);
  const pins = leases.pinsByAge(FILE);
  assert.equal(rest(pins, 2), [1, 2]);
  unpin(1, 3);
  unpin(2, 4);
  unpin(1, 1);
  pin(1);
  assert.equal(rest(pins), [5, 6, 7]);
});

test.run();
