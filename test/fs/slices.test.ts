// Long work in slices: how much one slice does, who is next, and what waits for the end.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import type { InodeNumber, WaiterId } from '../../src/base/units.js';
import { Caller, PARKED } from '../../src/fs/operations.js';
import { Slices } from '../../src/fs/vfs/slices.js';
import { fallocate } from '../../src/fs/vfs/space.js';
import { PooledStore } from '../../src/store/pooled-store.js';
import { SmallFilesystem } from './small-filesystem.js';

const MIB = 1 << 20;
const test = suite('slices');

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

/** A filesystem whose host runs a parked fallocate again, and counts. */
function bench(size: number) {
  const fs = new SmallFilesystem({}, new PooledStore(size));
  const { inode, fh } = fs.create('f');
  const steps: number[] = [];
  let answer = PARKED;
  let before = 0;
  const call = (mode: number, off: number, len: number): void => {
    before = fs.sb.store.capacity.used;
    const run = (): void => {
      answer = fallocate(fs.sb, fs.caller, inode.ino, fh, mode, off, len);
      steps.push((fs.sb.store.capacity.used - before) / MIB);
      before = fs.sb.store.capacity.used;
    };
    Object.assign(fs.sb.host!, { retry: run });
    run();
  };
  return { fs, inode, fh, steps, call, answer: () => answer };
}

const ended = async (answer: () => number): Promise<number> => {
  let turns = 0;
  while (answer() === PARKED) {
    await turn();
    turns++;
  }
  return turns;
};

test('fallocate of 100 MiB gives 1 MiB its blocks in a turn of the event loop', async () => {
  const { inode, steps, call, answer } = bench(128 * MIB);
  call(0, 0, 100 * MIB);
  assert.is(answer(), PARKED);
  assert.ok((await ended(answer)) >= 99);
  assert.is(answer(), 0);
  assert.equal(steps, new Array(100).fill(1));
  assert.is(inode.file!.size(), 100 * MIB);
});

test('what is there already costs no slice of its own, and zeros are 1 MiB a slice', async () => {
  const { steps, call, answer } = bench(128 * MIB);
  call(0, 0, 32 * MIB);
  await ended(answer);
  steps.length = 0;
  call(0, 0, 32 * MIB);
  await ended(answer);
  assert.equal(steps, [0, 0]);
  steps.length = 0;
  call(16, 0, 4 * MIB);
  await ended(answer);
  assert.is(answer(), 0);
  assert.equal(steps, [0, 0, 0, 0]);
});

test('ENOSPC comes before the first slice; in a later one what lies beyond the end goes', async () => {
  const { fs, inode, call, answer } = bench(8 * MIB);
  call(0, 0, 9 * MIB);
  assert.is(answer(), -errno.ENOSPC);
  assert.is(fs.sb.store.capacity.used, 0);
  call(0, 0, 6 * MIB);
  assert.is(answer(), PARKED);
  const other = fs.create('other');
  assert.is(other.inode.file!.allocate(0, 5 * MIB, false, true), 0);
  await ended(answer);
  assert.is(answer(), -errno.ENOSPC);
  assert.is(inode.file!.size(), 0);
  assert.is(fs.sb.store.capacity.used, 5 * MIB);
});

test('an interrupted fallocate leaves no blocks beyond the end', () => {
  const { fs, inode, call, answer } = bench(8 * MIB);
  call(0, 0, 6 * MIB);
  assert.is(answer(), PARKED);
  assert.ok(fs.caller.interruptible);
  fs.sb.slices.forget(fs.caller.waiter);
  assert.is(inode.file!.size(), 0);
  assert.is(fs.sb.store.capacity.used, 0);
});

/** Works of `length` slices each, whose order is kept. */
function works() {
  const order: string[] = [];
  const callers = new Map<WaiterId, () => void>();
  let next = 0;
  const slices = new Slices(
    () => ++next as WaiterId,
    waiter => callers.get(waiter)?.(),
    () => {},
  );
  const begin = (name: string, uid: number, ino: number, length: number): Caller => {
    const caller = new Caller();
    caller.uid = uid;
    let left = length;
    const slice = (): number => {
      order.push(name);
      return --left > 0 ? PARKED : 0;
    };
    assert.is(slices.begin(caller, { ino: ino as InodeNumber, slice, interrupted: undefined }), PARKED);
    callers.set(caller.waiter, () => slices.goOn(caller));
    return caller;
  };
  return { order, callers, slices, begin };
}

test('one slice a turn, and users in turn, however much work one has', async () => {
  const { order, begin } = works();
  for (const name of ['a', 'b', 'c']) begin(name, 1000, 1, 3);
  begin('other', 2000, 2, 3);
  order.length = 0;
  for (let n = 1; n <= 4; n++) {
    await turn();
    assert.is(order.length, n);
  }
  assert.equal(order, ['a', 'other', 'b', 'other']);
});

test('what waits for the work on an inode goes on at its end, and not for another inode', async () => {
  const { order, callers, slices, begin } = works();
  begin('a', 1000, 1, 3);
  const waiting = new Caller();
  assert.is(slices.wait(waiting, 2 as InodeNumber), 0);
  assert.is(slices.wait(waiting, 1 as InodeNumber), PARKED);
  callers.set(waiting.waiter, () => order.push('lease'));
  while (order.at(-1) !== 'lease') await turn();
  assert.equal(order, ['a', 'a', 'a', 'lease']);
  assert.is(slices.wait(waiting, 1 as InodeNumber), 0);
});

test.run();
