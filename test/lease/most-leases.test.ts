// How many leases a file has, and how many pins a user.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Kind, SHARED } from '../../src/abi/kinds.js';
import { type FileHandle, type InodeNumber, NO_WAITER, type ProcessId } from '../../src/base/units.js';
import { LeaseMachine } from '../../src/lease/index.js';

const FILE = 1 as InodeNumber;
const test = suite('most leases');

test('L10: a file has 1024 leases: one more is ENOLCK, until one of them has ended', () => {
  const machine = new LeaseMachine({ breakTime: 45, semantics: 'default' });
  const take = (description: number, kind: Kind) =>
    machine.setLease(0, {
      process: 1 as ProcessId,
      description: description as FileHandle,
      file: FILE,
      kind,
      waiter: NO_WAITER,
      nonblock: true,
      regular: true,
      mayLease: true,
      writable: true,
      notice: undefined,
    });
  for (let n = 1; n <= 1024; n++) assert.is(take(n, SHARED).kind, 'ok');
  const refused = take(1025, SHARED);
  assert.is(refused.kind === 'refused' && `${refused.errno} ${refused.rule}`, 'ENOLCK L10');
  assert.is(take(1024, SHARED).kind, 'ok', 'a conversion takes none');
  machine.release(7 as FileHandle);
  assert.is(take(1025, SHARED).kind, 'ok');
  machine.check();
  assert.equal(machine.counts(), { leases: 1024, zombies: 0, breaking: 0, pins: 0, pinnedBlocks: 0 });
});

test('N9: a user has a quarter of the pins that there may be, without CAP_IPC_LOCK or with it: ENOMEM', () => {
  const machine = new LeaseMachine({ breakTime: 45, semantics: 'default', pins: 8 });
  const [process, description] = [1 as ProcessId, 1 as FileHandle];
  const lease = {
    process,
    description,
    file: FILE,
    kind: SHARED,
    waiter: NO_WAITER,
    nonblock: true,
  } as const;
  machine.setLease(0, { ...lease, regular: true, mayLease: true, writable: true, notice: undefined });
  const pin = (uid: number, uncounted = true) =>
    machine.pin(0, {
      ...{ process, description, file: FILE, start: 0, end: 1, owner: 0, ownerHeld: true, sizeBlocks: 1 },
      ...{ uid, memlock: Number.POSITIVE_INFINITY, uncounted },
    });
  const first = pin(21_000, false);
  assert.is(first.verdict.kind, 'ok');
  assert.is(pin(21_000).verdict.kind, 'ok');
  const { verdict } = pin(21_000);
  assert.is(verdict.kind === 'refused' && `${verdict.errno} ${verdict.rule}`, 'ENOMEM N9');
  assert.is(pin(2000).verdict.kind, 'ok');
  assert.is(pin(0).verdict.kind, 'ok');
  machine.unpin({ process, description, pin: first.pin });
  assert.is(pin(21_000).verdict.kind, 'ok');
  machine.check();
});

test.run();
