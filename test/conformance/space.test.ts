// A full file system: every check of space.ts on a small tmpfs, which says what is right, then on small mounts of ours.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { eventually, Stage } from '../support/actors.js';
import { linuxAtLeast, Mounted, stores } from '../support/mounted.js';
import { BLOCK, EXCLUSIVE, O_RDWR_CREAT } from '../support/numbers.js';
import { suiteNeeding } from '../support/suites.js';
import { timeFactor } from '../support/time-factor.js';
import { asked, SPACE, written } from './space.js';

/** tmpfs has had user xattrs since Linux 6.6. */
const isTmpfsBehind = (name: string): boolean => !linuxAtLeast(6, 6) && /attributes/.test(name);

suiteNeeding('a full file system', ['mount'], test => {
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

  for (const store of stores) {
    test(`${store}: N7: a pin over holes that find no block is ENOSPC, and neither pin nor block is left`, async () => {
      const mount = mounts[store]!;
      const stage = new Stage();
      const actor = await stage.actor('pinner');
      const free = () => statfsSync(mount.path).bfree;
      try {
        await actor.open(mount.file('f'), O_RDWR_CREAT);
        await actor.open(mount.file('ballast'), O_RDWR_CREAT, { slot: 1 });
        await actor.ftruncate(16 * BLOCK);
        await actor.fallocate(0, 0, (free() - 4) * BLOCK, { slot: 1 });
        await actor.setLease(EXCLUSIVE);
        assert.is(await actor.try.pin(0, 16 * BLOCK), 'ENOSPC');
        assert.equal([free(), statSync(mount.file('f')).blocks, mount.report('pins').pins.length], [4, 0, 0]);
        await actor.pin(0, 4 * BLOCK);
        assert.is(await actor.try.pin(0, 5 * BLOCK), 'ENOSPC');
        await actor.ftruncate(0, { slot: 1 });
        await actor.pin(0, 5 * BLOCK);
        assert.equal(
          mount.report('pins').pins.map(({ len }) => len),
          [4 * BLOCK, 5 * BLOCK],
        );
      } finally {
        await stage.close();
        for (const name of ['f', 'ballast']) rmSync(mount.file(name), { force: true });
      }
    });
  }

  test('the daemon met no error of its own', () => {
    for (const mount of Object.values(mounts)) assert.not.match(mount.log(), 'EIO');
  });
});
