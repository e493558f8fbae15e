// Waiting for an inode's lock: requests that come during a wait share the next one, and one user has one thread.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { InodeNumber } from '../../src/base/units.js';
import { InodeLocks } from '../../src/fuse/inode-locks.js';

const test = suite('inode locks');
const ino = (n: number) => n as InodeNumber;

interface Bench {
  readonly locks: InodeLocks;
  /** Inodes whose lock is waited for, in the order of their threads. */
  readonly written: number[];
  readonly done: string[];
  finish(): void;
}

function bench(): Bench {
  const written: number[] = [];
  const done: string[] = [];
  const finishers: (() => void)[] = [];
  const locks = new InodeLocks((of, finished) => {
    written.push(of);
    finishers.push(finished);
  });
  return { locks, written, done, finish: () => finishers.shift()!() };
}

test('requests that come during a wait share the next one', () => {
  const { locks, written, done, finish } = bench();
  locks.pass(ino(7), 0, () => done.push('first'));
  locks.pass(ino(7), 0, () => done.push('second'));
  locks.pass(ino(7), 1000, () => done.push('third'));
  assert.equal(written, [7]);
  finish();
  assert.equal([done, written], [['first'], [7, 7]]);
  finish();
  assert.equal(
    [done, written],
    [
      ['first', 'second', 'third'],
      [7, 7],
    ],
  );
});

test('one user whose lock does not come holds up no other user', () => {
  const { locks, written, done, finish } = bench();
  locks.pass(ino(1), 1000, () => done.push('stuck'));
  locks.pass(ino(2), 1000, () => done.push('behind'));
  locks.pass(ino(3), 0, () => done.push('root'));
  assert.equal(written, [1, 3]);
  finish();
  assert.equal(done, ['stuck']);
  assert.equal(written, [1, 3, 2]);
});

test.run();
