// A full file system: every check of space.ts on a small tmpfs, which says what is right, then on small mounts of ours.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { eventually } from '../e2e/actors.js';
import { linuxAtLeast, Mounted, requireMount, skipMount, stores } from '../e2e/mounted.js';
import { timeFactor } from '../time-factor.js';
import { asked, SPACE, written } from './space.js';

/** tmpfs has had user xattrs since Linux 6.6. */
const isTmpfsBehind = (name: string): boolean => !linuxAtLeast(6, 6) && /attributes/.test(name);

const test = suite('a full file system');

if (skipMount) test.skip('LEASEFS_SKIP_MOUNT is set');
else {
  requireMount();
  const mounts: Record<string, Mounted> = {};
  let tmpfs: string;
  test.before(async () => {
    tmpfs = mkdtempSync(join(tmpdir(), 'leasefs-tmpfs-'));
    const options = `size=${SPACE.bytes},nr_inodes=${SPACE.inodes}`;
    const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', tmpfs]);
    assert.is(status, 0, `mount -t tmpfs: ${stderr}`);
    for (const store of stores) {
      const size = ['--size', `${SPACE.bytes}`, '--inodes', `${SPACE.inodes}`];
      mounts[store] = await Mounted.start(...size, '--store', store);
    }
  });
  test.after(async () => {
    spawnSync('umount', ['-l', tmpfs]);
    rmdirSync(tmpfs);
    for (const mount of Object.values(mounts)) await mount.stop();
  });

  for (const [name, check] of Object.entries({ ...written, ...asked })) {
    for (const where of [...(isTmpfsBehind(name) ? [] : ['tmpfs']), ...stores]) {
      if (where === 'direct' && name in written) continue;
      test(`${where}: ${name}`, async () => {
        const path = mounts[where]?.path ?? tmpfs;
        const { bfree, ffree } = statfsSync(path);
        const dir = join(path, 'd');
        mkdirSync(dir);
        try {
          check(dir);
        } finally {
          rmSync(dir, { recursive: true });
        }
        const isFree = () => {
          const now = statfsSync(path);
          return now.bfree === bfree && now.ffree === ffree;
        };
        await eventually('all of it is free again', isFree, 60_000 * timeFactor);
      });
    }
  }

  test('the daemon met no error of its own', () => {
    for (const mount of Object.values(mounts)) assert.not.match(mount.log(), 'EIO');
  });
}

test.run();
