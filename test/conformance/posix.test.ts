// POSIX as on tmpfs, where tmpfs.long.test.ts runs the same checks.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { linuxAtLeast, Mounted, stores } from '../support/mounted.js';
import { suiteNeeding } from '../support/suites.js';
import { everyCheck } from './every-check.js';

/** FUSE has carried statx, and the birth time with it, since Linux 6.6. */
const isFuseBehind = (name: string): boolean => !linuxAtLeast(6, 6) && name.startsWith('birth time');

suiteNeeding('posix', ['mount'], test => {
  const mounts: Record<string, Mounted> = {};
  test.before(async () => {
    for (const store of stores) mounts[store] = await Mounted.start('--size', '2g', '--store', store);
  });
  test.after(async () => {
    for (const mount of Object.values(mounts)) await mount.stop();
  });

  let made = 0;
  for (const [name, check] of Object.entries(everyCheck)) {
    for (const store of isFuseBehind(name) ? [] : stores) {
      test(`${store}: ${name}`, () => {
        const dir = join(mounts[store]!.path, `d${made++}`);
        mkdirSync(dir);
        check(dir);
        rmSync(dir, { recursive: true });
      });
    }
  }

  test('the daemon met no error of its own', () => {
    for (const mount of Object.values(mounts)) assert.not.match(mount.log(), 'EIO');
  });
});
