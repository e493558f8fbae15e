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
  mountedSuite(`bad input, ${store} store`, { store, actorsStay: true }, ({ test, mount, stage }) => {
    let a: Actor;
    test.before(async () => {
      writeFileSync(mount.file('f'), Buffer.alloc(65536, 1));
      a = await stage.actor('a');
      await a.open(mount.file('f'), O_RDWR);
    });

    test('an ioctl with a wrong version, a short struct, reserved bits or an unknown number', async () => {
      assert.is(await a.try.ioctl(SETLEASE, 2, EXCLUSIVE), 'EINVAL');
      assert.is(await a.try.ioctl(iowr(0x80, 16), 1, EXCLUSIVE), 'ENOTTY');
      assert.is(await a.try.ioctl(iowr(0x82, 8), 1, 0), 'ENOTTY');
      assert.is(await a.try.ioctl(SETLEASE, 1, EXCLUSIVE, 0x80), 'EINVAL');
      assert.is(await a.try.ioctl(SETLEASE, 1, 12345), 'EINVAL');
      assert.is(await a.try.ioctl(SETLEASE, 1, EXCLUSIVE, 0, 1000), 'EINVAL');
      assert.is(await a.try.ioctl(iowr(0xf0, 64), 1), 'ENOTTY');
    });

    test('a pin of nothing, below 0, beyond 2^53 and around 2^64', async () => {
      await a.setLease(EXCLUSIVE);
      assert.is(await a.try.pin(0, 0), 'EINVAL');
      assert.is(await a.try.pin(2n ** 63n, 4096), 'EINVAL');
      assert.is(await a.try.pin(4096, 2n ** 64n - 4096n), 'EINVAL');
      assert.is(await a.try.pin(2n ** 53n - 1n, 1), 'EINVAL');
      assert.is(await a.try.pin(2n ** 40n, 4096), 'EFAULT');
      assert.is(await a.try.pin(0, 4096, { flags: 8 }), 'EINVAL');
      assert.is(await a.try.pin(0, 4096, { owner: 77 }), 'EBADF');
      assert.is(await a.try.ioctl(PIN, 7), 'EINVAL');
    });

    test('a lease or a pin on a directory, a lease on a fifo', async () => {
      mkdirSync(mount.file('d'));
      spawnSync('mkfifo', [mount.file('p')]);
      await a.open(mount.file('d'), 0, { slot: 1 });
      await a.open(mount.file('p'), O_RDWR, { slot: 2 });
      assert.is(await a.try.setLease(EXCLUSIVE, { slot: 1 }), 'EINVAL');
      assert.is(await a.try.pin(0, 4096, { slot: 1 }), 'EINVAL');
      // A fifo's ioctl is the kernel's own.
      assert.is(await a.try.setLease(EXCLUSIVE, { slot: 2 }), 'ENOTTY');
    });

    test('sizes beyond what a file can have are EFBIG, and the file is as it was', async () => {
      assert.is(await a.try.ftruncate(2n ** 53n), 'EFBIG');
      assert.is(await a.try.fallocate(0, 2n ** 62n, 4096), 'EFBIG');
      assert.is(statSync(mount.file('f')).size, 65536);
    });

    test('fallocate modes that are not there answer EOPNOTSUPP', async () => {
      assert.is(await a.try.fallocate(8, 0, 4096), 'EOPNOTSUPP');
      assert.is(await a.try.fallocate(0x20, 0, 4096), 'EOPNOTSUPP');
    });
  });
}
