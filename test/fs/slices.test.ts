// Long work in slices: how much one slice does, who is next, and what waits for the end.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { type InodeNumber, type Name, ROOT_INO, type WaiterId } from '../../src/base/units.js';
import { Caller, PARKED } from '../../src/fs/operations.js';
import { forget } from '../../src/fs/vfs/create.js';
import { Slices } from '../../src/fs/vfs/slices.js';
import { fallocate, setSize } from '../../src/fs/vfs/space.js';
import { Turns } from '../../src/fs/vfs/turns.js';
import { unlink } from '../../src/fs/vfs/unlink-rename.js';
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

test('fallocate of 25 MiB gives 256 KiB its blocks in a turn of the event loop', async () => {
  const { inode, steps, call, answer } = bench(128 * MIB);
  call(0, 0, 25 * MIB);
  assert.is(answer(), PARKED);
  assert.ok((await ended(answer)) >= 99);
  assert.is(answer(), 0);
  assert.equal(steps, new Array(100).fill(0.25));
  assert.is(inode.file!.size(), 25 * MIB);
});

test('what is there already costs no slice of its own, and zeros are 256 KiB a slice', async () => {
  const { steps, call, answer } = bench(128 * MIB);
  call(0, 0, 8 * MIB);
  await ended(answer);
  steps.length = 0;
  call(0, 0, 8 * MIB);
  await ended(answer);
  assert.equal(steps, [0, 0]);
  steps.length = 0;
  call(16, 0, MIB);
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

test('an interrupted fallocate leaves no blocks beyond the end', async () => {
  const { fs, inode, call, answer } = bench(8 * MIB);
  call(0, 0, 6 * MIB);
  assert.is(answer(), PARKED);
  assert.ok(fs.caller.interruptible);
  fs.sb.slices.forget(fs.caller.waiter);
  for (let n = 0; n < 10; n++) await turn();
  assert.is(inode.file!.size(), 0);
  assert.is(fs.sb.store.capacity.used, 0);
});

/** Runs the operation whenever it is woken, until it has answered; what it has answered, and what `seen` said after each step. */
async function inSteps<Seen>(fs: SmallFilesystem, operation: () => number, seen: () => Seen) {
  const steps: Seen[] = [];
  let answer = PARKED;
  const run = (): void => {
    answer = operation();
    steps.push(seen());
  };
  Object.assign(fs.sb.host!, { retry: run });
  run();
  while (answer === PARKED) await turn();
  return { answer, steps };
}

const KEEP_SIZE = 1;
const PUNCH_HOLE = 2;

for (const whole of [true, false]) {
  const what = whole ? 'of one run' : 'of 6,400 runs';
  /** A file of 50 MiB, each second block of it or all. */
  const large = () => {
    const fs = new SmallFilesystem({}, new PooledStore(128 * MIB));
    const made = fs.create('f');
    const file = made.inode.file!;
    file.allocate(0, 50 * MIB, false, true);
    for (let at = 0; !whole && at < 50 * MIB; at += 8192) assert.is(file.punch(at, 4096, true), 0);
    return { fs, ...made, file, used: () => fs.sb.store.capacity.used };
  };
  /** Blocks between two steps. */
  const most = (steps: readonly number[]): number =>
    Math.max(...steps.slice(1).map((used, n) => (steps[n]! - used) / 4096));

  test(`a truncate of a file ${what} frees 512 blocks in a turn; the size is set in the first`, async () => {
    const { fs, inode, file, used } = large();
    const { sb, caller } = fs;
    const before = used();
    const { answer, steps } = await inSteps(
      fs,
      () => setSize(sb, caller, inode, 4096, undefined, false),
      () => {
        assert.is(file.size(), 4096);
        return used();
      },
    );
    assert.is(answer, 0);
    assert.ok(most([before, ...steps]) <= 512);
    assert.ok(steps.length >= before / MIB / 2);
    assert.ok(used() <= 4096);
  });

  test(`a punch of a file ${what} frees 512 blocks in a turn`, async () => {
    const { fs, inode, fh, file, used } = large();
    const { sb, caller } = fs;
    file.write(0, 2, new Uint8Array([7, 7]).buffer, 0);
    const before = used();
    const punch = () => fallocate(sb, caller, inode.ino, fh, KEEP_SIZE | PUNCH_HOLE, 1, 50 * MIB - 1);
    const { answer, steps } = await inSteps(fs, punch, used);
    assert.is(answer, 0);
    assert.ok(most([before, ...steps]) <= 512);
    assert.ok(steps.length >= before / MIB / 2);
    assert.is(used(), 4096);
    assert.is(file.size(), 50 * MIB);
    const read = new Uint8Array(2);
    file.read(0, 2, read.buffer, 0);
    assert.equal([...read], [7, 0]);
  });

  test(`the blocks of a deleted file ${what} are free at once, and are returned in turns of 512`, async () => {
    const { fs, inode, fh, used } = large();
    const { sb } = fs;
    const { store } = sb;
    let turns = 0;
    let isLeft = true;
    const tidy = store.tidy.bind(store);
    store.tidy = () => {
      turns++;
      isLeft = tidy();
      return isLeft;
    };
    const blocks = used() / 4096;
    unlink(sb, ROOT_INO, 'f' as Name);
    sb.closeFile(fh);
    forget(sb, inode.ino, 1);
    assert.is(used(), 0);
    assert.is(turns, 1, 'the rest comes later');
    while (isLeft) await turn();
    assert.ok(turns >= blocks / 512 - 1, `${turns}`);
    assert.is(used(), 0);
    const other = fs.create('other').inode.file!;
    assert.is(other.allocate(0, 128 * MIB, false, true), 0);
  });

  test(`another file may have the blocks of a deleted file ${what} before they are returned`, () => {
    const { fs, inode, fh, used } = large();
    const { sb } = fs;
    unlink(sb, ROOT_INO, 'f' as Name);
    sb.closeFile(fh);
    forget(sb, inode.ino, 1);
    const other = fs.create('other').inode.file!;
    assert.ok(other.fits(0, 128 * MIB));
    assert.is(other.allocate(0, 128 * MIB, false, true), 0);
    assert.is(used(), 128 * MIB);
    assert.not.ok(other.fits(128 * MIB, 4096));
    const read = new Uint8Array(4096).fill(1);
    other.read(100 * MIB, 4096, read.buffer, 0);
    assert.ok(read.every(byte => byte === 0));
  });
}

test('what a thread does is the work of one user after the other, one piece at a time', async () => {
  const turns = new Turns();
  const order: string[] = [];
  let running = 0;
  const piece = (name: string) => async (): Promise<number> => {
    assert.is(++running, 1);
    order.push(name);
    await turn();
    running--;
    if (name === 'b') throw new Error('no');
    return 3;
  };
  const all = ['a', 'b', 'c'].map(name => turns.take(1000, piece(name)));
  const other = turns.take(2000, piece('other'));
  assert.equal(await Promise.all([...all, other]), [3, -errno.EIO, 3, 3]);
  assert.equal(order, ['a', 'b', 'other', 'c']);
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
