// A break of a file with as many leases as there may be: its notices are sent some at a time, by count. No mount.
import { spawn } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SHARED_BREAKABLE } from '../../src/abi/kinds.js';
import { errno } from '../../src/base/errno.js';
import { type FileHandle, type Name, ROOT_INO } from '../../src/base/units.js';
import { carryOut } from '../../src/fs/layout/ask.js';
import { Attr, Caller, Opened, SET_SIZE, SetAttr } from '../../src/fs/operations.js';
import { O_NONBLOCK, O_RDWR } from '../support/numbers.js';
import { unmounted } from '../support/unmounted.js';

const test = suite('notices');
const HOLDERS = 1024;
/** Of a turn. */
const MOST = 32;
const LEASE = { kind: SHARED_BREAKABLE, nonblock: true, signal: 0, cookie: 0n } as const;

test('B1, B2: of 1024 leases 32 are notified in a turn, each once; the break is refused, answered and forced beside that', async () => {
  const { filesystem, caller } = unmounted(100);
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  const holder = Object.assign(new Caller(), { tid: child.pid!, uid: caller.uid });
  /** Those notified since the last turn, and in all. */
  let now: FileHandle[] = [];
  const notified: FileHandle[] = [];
  const steps: number[] = [];
  const turn = async (): Promise<number> => {
    await new Promise(resolve => setImmediate(resolve));
    const count = now.length;
    steps.push(count);
    notified.push(...now);
    now = [];
    return count;
  };
  filesystem.watchBy({ address: () => '', changed: fh => now.push(fh), closed() {} });
  try {
    const [attr, opened] = [new Attr(), new Opened()];
    assert.is(filesystem.create(caller, ROOT_INO, 'f' as Name, 0o644, O_RDWR | O_NONBLOCK, attr, opened), 0);
    const [{ ino }, { fh: own }] = [attr, opened];
    assert.is(filesystem.write(caller, ino, own, 0, 1, new ArrayBuffer(1), 0, false), 1);
    const fhs: FileHandle[] = [];
    for (let n = 0; n < HOLDERS; n++) {
      assert.is(filesystem.open(holder, ino, O_RDWR, opened), 0);
      fhs.push(opened.fh);
      assert.is(filesystem.setLease(holder, ino, opened.fh, LEASE), 0);
    }
    const cut = Object.assign(new SetAttr(), { valid: SET_SIZE, fh: own });
    const truncate = () => filesystem.setattr(caller, ino, cut, new Attr());
    assert.is(truncate(), -errno.EAGAIN);
    steps.push(now.length);
    notified.push(...now.splice(0));
    // One that is closed before its turn hears nothing, and the others do not hear twice.
    filesystem.release(fhs.pop()!);
    now = [];
    assert.is(truncate(), -errno.EAGAIN);
    while ((await turn()) > 0);
    assert.equal(notified.sort(), fhs.sort());
    assert.ok(Math.max(...steps) <= MOST, `${steps}`);

    notified.length = steps.length = 0;
    filesystem.plane.leases.expire(ino);
    carryOut(filesystem.plane);
    steps.push(now.length);
    notified.push(...now.splice(0));
    assert.is(truncate(), 0);
    while ((await turn()) > 0);
    assert.equal(notified.sort(), fhs.sort());
    assert.ok(Math.max(...steps) <= MOST, `${steps}`);
  } finally {
    child.kill();
    filesystem.destroy();
  }
});

test.run();
