// Work that takes long, on a mount: it is done in slices, others are served in between, and leases and pins meet it whole.
import { fstatSync, ftruncateSync, statSync, unlinkSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { eventually } from '../support/actors.js';
import { harmless, hostile } from '../support/hostile.js';
import { bothStores, HASTY } from '../support/mounted.js';
import { mountedSuite } from '../support/suites.js';
import { code } from '../support/thrown-code.js';

const MIB = 1 << 20;
const LONG = 256 * MIB;

/** posix_fallocate of the file. */
const allocate = (path: string, len: number): string => `
const { spawnSync } = await import('node:child_process');
const ran = spawnSync('fallocate', ['-l', '${len}', ${JSON.stringify(path)}], { encoding: 'utf8' });
console.log(ran.status, ran.stderr);`;

for (const store of bothStores) {
  const options = {
    store,
    args: ['--size', '1g', '-o', 'allow_other,mode=1777', ...HASTY],
    needs: ['root'] as const,
  };
  mountedSuite(`long work, ${store} store`, options, ({ test, mount, files }) => {
    test('a fallocate of 256 MiB: another process is served before it ends', async () => {
      let number = 0;
      // That process needs a processor at the right time: it has several chances.
      await eventually('an answer that shows a part of it', async () => {
        const path = mount.file(`long${++number}`);
        let isOver = false;
        const done = harmless(mount.path, allocate(path, LONG)).finally(() => {
          isOver = true;
        });
        let parts = 0;
        while (!isOver) {
          const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
          if (size > 0 && size < LONG) parts++;
          await new Promise(resolve => setImmediate(resolve));
        }
        assert.match(await done, /^0 /);
        assert.is(statSync(path).blocks * 512, LONG);
        unlinkSync(path);
        return parts > 0;
      });
    });

    test('N7: a pin of 256 MiB has all its blocks; X1 protects it from the beginning', () => {
      const path = files.fresh();
      const file = files.open(path);
      ftruncateSync(file.fd, LONG);
      file.setLeaseSync('exclusive');
      const id = file.pin(0, LONG);
      assert.is(fstatSync(file.fd).blocks * 512, LONG);
      assert.equal(
        file.pins().map(pin => [pin.id, pin.len]),
        [[id, LONG]],
      );
      // EDEADLK, which Node has no name for.
      assert.match(
        code(() => ftruncateSync(file.fd, 0)),
        '-35',
      );
      file.unpin(id);
      file.setLeaseSync('none');
      ftruncateSync(file.fd, 0);
    });

    test('N7: a pin for which there is no room is none', () => {
      const file = files.open(files.fresh());
      ftruncateSync(file.fd, 2048 * MIB);
      file.setLeaseSync('exclusive');
      assert.is(
        code(() => file.pin(0, 2048 * MIB)),
        'ENOSPC',
      );
      assert.equal(file.pins(), []);
      assert.ok(fstatSync(file.fd).blocks * 512 <= LONG);
      file.setLeaseSync('none');
    });

    test('a process that is killed in its fallocate, or while it pins, leaves a mount that goes on', async () => {
      for (let n = 0; n < 3; n++) {
        await hostile(
          mount.path,
          `const { spawn } = await import('node:child_process');
          const path = mnt + '/killed';
          const child = spawn('fallocate', ['-l', '${LONG}', path]);
          let size = 0;
          while (size === 0) { await new Promise(r => setImmediate(r)); size = fs.existsSync(path) ? fs.statSync(path).size : 0; }
          child.kill('SIGKILL');
          const file = open(path);
          fs.ftruncateSync(file.fd, ${LONG});
          file.setLeaseSync('exclusive');
          setTimeout(() => process.kill(process.pid, 'SIGKILL'), 1);
          await new Promise(r => setTimeout(r, 0));
          try { file.pin(0, ${LONG}); } catch {}
          process.kill(process.pid, 'SIGKILL');`,
        );
        await eventually('its lease and pin have ended', () => mount.report('leases').leases.length === 0);
        assert.equal(mount.report('pins').pins, []);
      }
      const file = files.open(mount.file('killed'));
      ftruncateSync(file.fd, 0);
      assert.not.match(mount.log(), /failed|fault/);
    });
  });
}
