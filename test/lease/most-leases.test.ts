// How many leases a file has.
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

test.run();
