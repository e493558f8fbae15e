// The control socket and the mount it belongs to: another mount's, unmounted, detached, killed.
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { type LeaseBreak, LeaseFile } from '../../src/client/index.js';
import { eventually } from '../support/actors.js';
import { cli, Mounted } from '../support/mounted.js';
import { suiteNeeding } from '../support/suites.js';
import { code } from '../support/thrown-code.js';
import { timeFactor } from '../support/time-factor.js';

const BLOCK = 4096;
const LIMIT_MS = 60_000 * timeFactor;

const soon = (what: string, seen: () => boolean) => eventually(what, seen, LIMIT_MS);

const leasefs = (...args: string[]) =>
  spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', timeout: LIMIT_MS });

/** The file `f`, of a block, with an exclusive lease. */
function leased(mount: Mounted): LeaseFile {
  writeFileSync(mount.file('f'), Buffer.alloc(BLOCK, 1));
  const file = LeaseFile.open(mount.file('f'));
  file.setLeaseSync('exclusive');
  return file;
}

suiteNeeding('control sockets and their mounts', ['mount'], test => {
  test('a break on one mount is not notified on another', async () => {
    const first = await Mounted.start('--transport=fuse-native');
    const second = await Mounted.start('--transport=fuse-native');
    try {
      for (const { path } of [first, second]) writeFileSync(join(path, 'f'), Buffer.alloc(BLOCK));
      using theirs = LeaseFile.open(second.file('f'));
      theirs.setLeaseSync('exclusive');
      using ours = LeaseFile.open(first.file('f'));
      ours.setLeaseSync('exclusive');
      const id = ours.pin(0, BLOCK);
      assert.is(
        code(() => theirs.unpin(id)),
        'ENOENT',
      );
      assert.is(second.report('leases').leases.length, 1);
      assert.is(second.report('pins').pins.length, 0);
      ours.unpinAll();
    } finally {
      await second.stop();
      await first.stop();
    }
  });

  test('the verbs of the command work: leases, pins, umount refused while a lease is held', async () => {
    const mount = await Mounted.start('--transport=fuse-native');
    try {
      const path = mount.file('f');
      writeFileSync(path, Buffer.alloc(BLOCK));
      {
        using file = LeaseFile.open(path);
        file.setLeaseSync('exclusive');
        file.pin(0, BLOCK);
        assert.match(leasefs('leases', mount.path).stdout, new RegExp(`exclusive.*${process.pid}`));
        assert.match(leasefs('pins', path).stdout, new RegExp(` ${process.pid} `));
        const refused = leasefs('umount', mount.path);
        assert.is(refused.status, 1);
        assert.match(refused.stderr, /busy: exclusive lease held/);
        file.unpinAll();
      }
      await soon('the lease is gone', () => mount.report('leases').leases.length === 0);
      assert.is(leasefs('umount', mount.path).status, 0);
      assert.is(await mount.ended(), 0);
    } finally {
      await mount.stop();
    }
  });

  test('A4: detached, it serves those who have its files, leases and all, until the last of them is gone', async () => {
    const mount = await Mounted.start('--transport=fuse-native');
    try {
      const ended = mount.ended();
      const file = leased(mount);
      const fd = openSync(mount.file('f'), 'r+');
      assert.is(leasefs('umount', '--lazy', mount.path).status, 0);
      assert.is(
        code(() => ftruncateSync(fd, 0)),
        'ETXTBSY',
      );
      assert.is(file.getLease().kind, 'exclusive');
      file.setLeaseSync('none');
      ftruncateSync(fd, 0);
      closeSync(fd);
      file.close();
      assert.is(await ended, 0);
    } finally {
      await mount.stop();
    }
  });

  test('A4: detached with no file open, it lives until a lease and a pin taken by the socket end', async () => {
    const mount = await Mounted.start('--transport=fuse-native');
    try {
      const ended = mount.ended();
      const file = leased(mount);
      file.pin(0, BLOCK);
      // The connection stays, and stands for the description.
      closeSync(file.fd);
      assert.is(leasefs('umount', '--lazy', mount.path).status, 0);
      await soon('the kernel’s connection is over', () => devices(mount.pid) === 0);
      assert.is(file.pins().length, 1);
      file.unpinAll();
      file.setLeaseSync('none');
      assert.is(await ended, 0);
    } finally {
      await mount.stop();
    }
  });

  test('a daemon that is killed: the connection ends, calls answer ENOTCONN, the mount can be made again', async () => {
    const mount = await Mounted.start('--transport=fuse-native');
    writeFileSync(mount.file('f'), Buffer.alloc(BLOCK));
    const file = LeaseFile.open(mount.file('f'));
    file.setLeaseSync('exclusive,breakable');
    const breaks: LeaseBreak[] = [];
    file.onBreak(notice => breaks.push(notice));
    await mount.kill('SIGKILL');
    await soon('the notice', () => breaks.length > 0);
    assert.equal(breaks, [{ must: 'none', breakMs: 0 }]);
    assert.is(
      code(() => file.getLease()),
      'ENOTCONN',
    );
    await assertRejects(file.setLease('none'), 'ENOTCONN');
    file.close();
    const again = await Mounted.at(mount.path, '--transport=fuse-native');
    assert.is(again.report('leases').leases.length, 0);
    await again.stop();
  });
});

/** Descriptors of /dev/fuse that the process has. */
const devices = (pid: number): number =>
  readdirSync(`/proc/${pid}/fd`).filter(fd => readlinkSync(`/proc/${pid}/fd/${fd}`) === '/dev/fuse').length;

async function assertRejects(promise: Promise<unknown>, wanted: string): Promise<void> {
  let said = 'ok';
  await promise.catch((error: NodeJS.ErrnoException) => {
    said = error.code ?? String(error);
  });
  assert.is(said, wanted);
}
