// Absurd requests get a clear errno and change nothing.

import { spawnSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import type { Actor } from '../support/actors.js';
import { bothStores } from '../support/mounted.js';
import { EXCLUSIVE, O_RDWR } from '../support/numbers.js';
import { mountedSuite } from '../support/suites.js';

const iowr = (nr: number, size: number): number => (3 * 2 ** 30 + (size << 16) + (0x59 << 8) + nr) >>> 0;
const SETLEASE = iowr(0x80, 56);
const PIN = iowr(0x82, 56);

for (const store of bothStores) {
  mountedSuite(`bad input, ${store} store`, { store }, ({ test, mount, stage }) => {
    let a: Actor;
    test.before(async () => {
      writeFileSync(mount.file('f'), Buffer.alloc(65536, 1));
      a = await stage.actor('a');
      await a.must('open', 0, mount.file('f'), O_RDWR);
    });

    test('an ioctl with a wrong version, a short struct, reserved bits or an unknown number', async () => {
      assert.is(await a.verdict('ioctl_raw', 0, SETLEASE, 2, EXCLUSIVE), 'EINVAL');
      assert.is(await a.verdict('ioctl_raw', 0, iowr(0x80, 16), 1, EXCLUSIVE), 'ENOTTY');
      assert.is(await a.verdict('ioctl_raw', 0, iowr(0x82, 8), 1, 0), 'ENOTTY');
      assert.is(await a.verdict('ioctl_raw', 0, SETLEASE, 1, EXCLUSIVE, 0x80), 'EINVAL');
      assert.is(await a.verdict('ioctl_raw', 0, SETLEASE, 1, 12345), 'EINVAL');
      assert.is(await a.verdict('ioctl_raw', 0, SETLEASE, 1, EXCLUSIVE, 0, 1000), 'EINVAL');
      assert.is(await a.verdict('ioctl_raw', 0, iowr(0xf0, 64), 1), 'ENOTTY');
    });

    test('a pin of nothing, below 0, beyond 2^53 and around 2^64', async () => {
      await a.must('setlease', 0, EXCLUSIVE, 0, 0, 0);
      assert.is(await a.verdict('pin', 0, 0, 0, 0, 0), 'EINVAL');
      assert.is(await a.verdict('pin', 0, 2n ** 63n, 4096, 0, 0), 'EINVAL');
      assert.is(await a.verdict('pin', 0, 4096, 2n ** 64n - 4096n, 0, 0), 'EINVAL');
      assert.is(await a.verdict('pin', 0, 2n ** 53n - 1n, 1, 0, 0), 'EINVAL');
      assert.is(await a.verdict('pin', 0, 2n ** 40n, 4096, 0, 0), 'EFAULT');
      assert.is(await a.verdict('pin', 0, 0, 4096, 8, 0), 'EINVAL');
      assert.is(await a.verdict('pin', 0, 0, 4096, 1, 77), 'EBADF');
      assert.is(await a.verdict('ioctl_raw', 0, PIN, 7), 'EINVAL');
    });

    test('a lease or a pin on a directory, a lease on a fifo', async () => {
      mkdirSync(mount.file('d'));
      spawnSync('mkfifo', [mount.file('p')]);
      await a.must('open', 1, mount.file('d'), 0);
      await a.must('open', 2, mount.file('p'), O_RDWR);
      assert.is(await a.verdict('setlease', 1, EXCLUSIVE, 0, 0, 0), 'EINVAL');
      assert.is(await a.verdict('pin', 1, 0, 4096, 0, 0), 'EINVAL');
      // A fifo's ioctl is the kernel's own.
      assert.is(await a.verdict('setlease', 2, EXCLUSIVE, 0, 0, 0), 'ENOTTY');
    });

    test('sizes beyond what a file can have are EFBIG, and the file is as it was', async () => {
      assert.is(await a.verdict('ftruncate', 0, 2n ** 53n), 'EFBIG');
      assert.is(await a.verdict('fallocate', 0, 0, 2n ** 62n, 4096), 'EFBIG');
      assert.is(statSync(mount.file('f')).size, 65536);
    });

    test('fallocate modes that are not there answer EOPNOTSUPP', async () => {
      assert.is(await a.verdict('fallocate', 0, 8, 0, 4096), 'EOPNOTSUPP');
      assert.is(await a.verdict('fallocate', 0, 0x20, 0, 4096), 'EOPNOTSUPP');
    });
  });
}
