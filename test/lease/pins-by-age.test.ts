// GETPINS: the pins of a file by id, whichever lease they are under, read in pieces while pins come and go.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type FileHandle, type InodeNumber, NO_WAITER, type ProcessId } from '../../src/base/units.js';
import { LeaseMachine, SHARED_UNBREAKABLE } from '../../src/lease/index.js';

const FILE = 1 as InodeNumber;

/** Two processes, each with a shared unbreakable lease. */
function machine(): {
  leases: LeaseMachine;
  pin: (p: number) => number;
  unpin: (p: number, id: number) => void;
} {
  const leases = new LeaseMachine({ breakTime: 45, semantics: 'default' });
  for (const p of [1, 2]) {
    leases.setLease(0, {
      process: p as ProcessId,
      description: p as FileHandle,
      file: FILE,
      kind: SHARED_UNBREAKABLE,
      waiter: NO_WAITER,
      nonblock: false,
      regular: true,
      mayLease: true,
      writable: true,
      notice: undefined,
    });
  }
  const who = (p: number) => ({ process: p as ProcessId, description: p as FileHandle });
  return {
    leases,
    pin: p => {
      const range = { start: 0, end: 1, sizeBlocks: 1 };
      const owner = { owner: 0 as const, ownerHeld: true, uid: 0, memlock: 2 ** 40, uncounted: true };
      return leases.pin(0, { ...who(p), file: FILE, ...range, ...owner }).pin;
    },
    unpin: (p, id) => {
      leases.unpin(0, { ...who(p), pin: id as ReturnType<LeaseMachine['pin']>['pin'] });
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

test('a listing that is held meanwhile leaves out what went, and tells nothing twice', () => {
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
