// What happens when things go wrong: signals to the daemon, its death, mount points that cannot be, a mount that is busy.
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { type Actor, eventually, Stage } from '../support/actors.js';
import { cli, hasPassthrough, Mounted } from '../support/mounted.js';
import { EXCLUSIVE, O_RDWR } from '../support/numbers.js';
import { suiteNeeding } from '../support/suites.js';
import { timeFactor } from '../support/time-factor.js';

const leasefs = (...args: readonly string[]) =>
  spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', timeout: 20_000 * timeFactor });
const isMounted = (path: string): boolean =>
  readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${path} `);

suiteNeeding('faults', ['mount'], test => {
  const stage = new Stage();
  let a: Actor;
  test.before.each(async context => {
    a = await stage.actor(`a-${context.__test__}`.replaceAll(/[^a-zA-Z0-9-]/g, '').slice(0, 40));
  });
  test.after.each(() => stage.clear());
  test.after(() => stage.close());

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`${signal} unmounts and ends the daemon with 0`, async () => {
      const mount = await Mounted.start();
      writeFileSync(mount.file('f'), 'abc');
      assert.is(await mount.kill(signal), 0);
      assert.not(isMounted(mount.path));
      await mount.stop();
    });
  }

  test('A4: SIGINT on a busy mount says who holds what and goes on; a second one detaches it', async () => {
    const mount = await Mounted.start();
    writeFileSync(mount.file('f'), Buffer.alloc(8192));
    await a.open(mount.file('f'), O_RDWR);
    await a.setLease(EXCLUSIVE);
    await a.pin(0, 4096);
    process.kill(mount.pid, 'SIGINT');
    await eventually('the daemon says who', () => mount.log().includes(String(a.pid)));
    assert.ok(isMounted(mount.path));
    assert.is(await a.try.ftruncate(0), 'EDEADLK');
    process.kill(mount.pid, 'SIGINT');
    await eventually('it is detached', () => !isMounted(mount.path));
    // The store lives until its last user is gone.
    assert.is(await a.try.ftruncate(0), 'EDEADLK');
    const ended = mount.ended();
    await a.kill();
    assert.is(await ended, 0);
    await mount.stop();
  });

  test('A4: umount of a busy mount is refused in one line that names the holder; --lazy detaches', async () => {
    const mount = await Mounted.start();
    writeFileSync(mount.file('f'), Buffer.alloc(8192));
    await a.open(mount.file('f'), O_RDWR);
    await a.setLease(EXCLUSIVE);
    const refused = leasefs('umount', mount.path);
    assert.is(refused.status, 1);
    assert.match(refused.stderr, String(a.pid));
    assert.ok(isMounted(mount.path));
    assert.is(leasefs('umount', '--lazy', mount.path).status, 0);
    assert.not(isMounted(mount.path));
    await a.exit();
    assert.is(await mount.ended(), 0);
    await mount.stop();
  });

  test('after SIGKILL the next mount on the same place cleans up', async () => {
    const first = await Mounted.start();
    writeFileSync(first.file('f'), 'abc');
    // The kernel has the attributes of the root from now on, and goes on telling them when the daemon has ended.
    assert.ok(statSync(first.path).isDirectory());
    await first.kill('SIGKILL');
    assert.throws(() => statSync(first.file('f')), /ENOTCONN/);
    const second = await Mounted.at(first.path);
    writeFileSync(second.file('g'), 'abc');
    assert.throws(() => statSync(second.file('f')), /ENOENT/);
    await second.stop();
  });

  test('a mount point that is missing, a file, or mounted already: one line, exit 1', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'leasefs-test-'));
    const file = join(dir, 'file');
    writeFileSync(file, '');
    const missing = leasefs('mount', join(dir, 'none'));
    assert.is(missing.status, 1);
    assert.is(missing.stderr.trim().split('\n').length, 1, missing.stderr);
    assert.match(missing.stderr, 'none');
    const notDirectory = leasefs('mount', file);
    assert.is(notDirectory.status, 1);
    assert.is(notDirectory.stderr.trim().split('\n').length, 1, notDirectory.stderr);
    rmSync(file);
    rmdirSync(dir);

    const mount = await Mounted.start();
    const again = leasefs('mount', mount.path);
    assert.is(again.status, 1);
    assert.is(again.stderr.trim().split('\n').length, 1, again.stderr);
    await mount.stop();
  });

  test('`leasefs mount` returns when the mount is ready, and `leasefs umount` ends it', () => {
    const dir = mkdtempSync(join(tmpdir(), 'leasefs-test-'));
    const mounted = leasefs('mount', dir);
    assert.is(mounted.status, 0, mounted.stderr);
    writeFileSync(join(dir, 'f'), 'hi\n');
    assert.is(readFileSync(join(dir, 'f'), 'utf8'), 'hi\n');
    assert.match(leasefs('status', dir).stdout, hasPassthrough ? 'direct' : 'pooled');
    assert.is(leasefs('umount', dir).status, 0);
    assert.not(isMounted(dir));
    rmdirSync(dir);
  });

  test('a descriptor that is open when the daemon dies answers ENOTCONN to us, and its data path lives on', async () => {
    const mount = await Mounted.start();
    writeFileSync(mount.file('f'), Buffer.alloc(8192, 5));
    const fd = openSync(mount.file('f'), 'r+');
    await a.open(mount.file('f'), O_RDWR);
    await mount.kill('SIGKILL');
    assert.is(await a.try.ftruncate(0), 'ENOTCONN');
    assert.is(await a.pread(0), 5);
    closeSync(fd);
    await stage.clear();
    await mount.stop();
  });
});
