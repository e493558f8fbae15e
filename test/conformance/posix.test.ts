// POSIX as on tmpfs: every check first on tmpfs itself, then on leasefs.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { linuxAtLeast, Mounted, stores } from '../support/mounted.js';
import { suiteNeeding } from '../support/suites.js';
import { aclChecks } from './acls.js';
import { attributes } from './attributes.js';
import { coherence } from './coherence.js';
import { limits } from './limits.js';
import { locks } from './locks.js';
import { memory } from './memory.js';
import { posix } from './posix.js';

/** tmpfs has had user xattrs and places in a directory that stay since Linux 6.6, and readings that end since 6.11. */
const isTmpfsBehind = (name: string): boolean =>
  (!linuxAtLeast(6, 6) && /^(xattrs|telldir|what the kernel|a change is seen)/.test(name)) ||
  (!linuxAtLeast(6, 11) && /renamed/.test(name));

/** FUSE has carried statx, and the birth time with it, since Linux 6.6. */
const isFuseBehind = (name: string): boolean => !linuxAtLeast(6, 6) && name.startsWith('birth time');

suiteNeeding('posix', ['mount'], test => {
  const mounts: Record<string, Mounted> = {};
  let tmpfs: string;
  test.before(async () => {
    tmpfs = mkdtempSync('/dev/shm/leasefs-test-');
    chmodSync(tmpfs, 0o1777);
    for (const store of stores) mounts[store] = await Mounted.start('--size', '2g', '--store', store);
  });
  test.after(async () => {
    rmSync(tmpfs, { recursive: true, force: true });
    for (const mount of Object.values(mounts)) await mount.stop();
  });

  let made = 0;
  for (const [name, check] of Object.entries({
    ...posix,
    ...attributes,
    ...coherence,
    ...limits,
    ...locks,
    ...memory,
    ...aclChecks,
  })) {
    for (const where of [...(isTmpfsBehind(name) ? [] : ['tmpfs']), ...(isFuseBehind(name) ? [] : stores)]) {
      test(`${where}: ${name}`, () => {
        const dir = join(mounts[where]?.path ?? tmpfs, `d${made++}`);
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
