// A layout change is judged against 100,000 pins at about the price of ten: it asks the index of pinned ranges at most
// twice, and never walks the pins. What one question to the index costs is proven by test/extent.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXCLUSIVE } from '../../src/abi/kinds.js';
import { type FileHandle, NO_WAITER, type PinId, type ProcessId } from '../../src/base/units.js';
import { RangeIndex } from '../../src/extent/range-index.js';
import { LeaseMachine } from '../../src/lease/index.js';
import { FILE, leaseAsk, pinAsk } from './asks.js';

const OWNER = 1 as ProcessId;
const DESCRIPTION = 1 as FileHandle;

function pinned(n: number): LeaseMachine {
  const machine = new LeaseMachine({ breakTime: 45, semantics: 'default' });
  machine.setLease(0, leaseAsk(1, EXCLUSIVE));
  for (let i = 0; i < n; i++) machine.pin(0, pinAsk(1, 2 * i, 2 * i + 1));
  machine.drain();
  return machine;
}

function change(machine: LeaseMachine, process: number, pinStart: number, pinEnd: number): string {
  const verdict = machine.change(0, {
    process: process as ProcessId,
    description: 0,
    file: FILE,
    waiter: NO_WAITER,
    nonblock: false,
    range: { empty: false, pinStart, pinEnd },
  });
  return verdict.kind === 'refused' ? verdict.errno : verdict.kind;
}

/** How often `run` asks an index for a first overlap; any walk over pins fails. */
function questions(run: () => void): number {
  const { prototype } = RangeIndex;
  const { firstOverlap, forEachOverlap } = prototype;
  const { values, entries } = Map.prototype;
  let asked = 0;
  prototype.firstOverlap = function (start, end) {
    asked++;
    return firstOverlap.call(this, start, end);
  };
  const walks = () => {
    throw new Error('the pins are walked');
  };
  prototype.forEachOverlap = walks;
  Map.prototype.values = Map.prototype.entries = walks as never;
  try {
    run();
  } finally {
    Object.assign(prototype, { firstOverlap, forEachOverlap });
    Object.assign(Map.prototype, { values, entries });
  }
  return asked;
}

const test = suite('many pins');

for (const n of [10, 1_000, 100_000]) {
  test(`X1: against ${n} pins a change asks the index twice at most`, () => {
    const machine = pinned(n);
    const last = 2 * (n - 1);
    const asked = questions(() => {
      assert.is(change(machine, 2, 0, 1), 'ETXTBSY');
      assert.is(change(machine, 1, last, last + 1), 'EDEADLK');
      assert.is(change(machine, 1, 2 * n, 2 * n + 9), 'ok');
      assert.is(change(machine, 1, last - 1, last), 'ok');
    });
    assert.ok(asked <= 8, `${asked} questions for 4 changes`);
  });
}

test('100,000 pins go with their process, and leave nothing', () => {
  const machine = pinned(100_000);
  machine.died(OWNER);
  assert.is(machine.drain().length, 100_000);
  assert.is(machine.pins().length, 0);
  machine.release(DESCRIPTION);
  machine.check();
  assert.not(machine.concerns(FILE));
  assert.is(machine.unpin({ process: OWNER, description: DESCRIPTION, pin: 1 as PinId }).kind, 'refused');
});

test.run();
