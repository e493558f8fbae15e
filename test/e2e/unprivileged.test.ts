// An ordinary user mounts through fusermount3: no passthrough, one line that says so, data through the daemon, and every
// rule as elsewhere. /dev/fuse is opened to everybody in a mount namespace of the test's own.
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { timeFactor } from '../time-factor.js';
import { type Actor, Stage, waits } from './actors.js';
import { cli, Mounted, requireMount, skipMount } from './mounted.js';

const USER = 1000;
const O_RDWR_CREAT = 0o102;
const MIB = 1 << 20;
const EXCLUSIVE = 48;
const SHARED = 16;
const UNLCK = 2;
const PUNCH = 3;
const MADV_REMOVE = 9;
const asUser = ['setpriv', '--reuid', `${USER}`, '--regid', `${USER}`, '--clear-groups'];

const test = suite('an ordinary user');

if (skipMount) test.skip('LEASEFS_SKIP_MOUNT is set');
else {
  requireMount();
  if (spawnSync('fusermount3', ['-V']).status !== 0) {
    throw new Error(
      'tests as an ordinary user need fusermount3: apt-get install fuse3, or set LEASEFS_SKIP_MOUNT=1',
    );
  }
  const stage = new Stage();
  let scratch: string;
  let mount: Mounted;
  let a: Actor;
  let b: Actor;
  const inside = () => ['nsenter', '-t', `${mount.pid}`, '-m'];
  const shell = (script: string) => {
    const [command, ...args] = [...inside(), ...asUser, 'sh', '-c', script];
    return spawnSync(command!, args, { cwd: '/', encoding: 'utf8', timeout: 20_000 * timeFactor });
  };

  test.before(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'leasefs-user-'));
    chmodSync(scratch, 0o755);
    const node = join(scratch, 'fuse');
    const path = mkdtempSync(join(tmpdir(), 'leasefs-test-'));
    chownSync(path, USER, USER);
    const prepare = `mknod ${node} c 10 229 && chmod 666 ${node} && mount --bind ${node} /dev/fuse && exec "$@"`;
    mount = await Mounted.through(
      ['unshare', '--mount', 'sh', '-c', prepare, 'sh', ...asUser],
      path,
      '--lease-break-time',
      '3000',
    );
  });
  test.before.each(async context => {
    const name = `${context.__test__}`.replaceAll(/[^a-zA-Z0-9]/g, '').slice(0, 20);
    a = await stage.actor(`a${name}`, { uid: USER, through: inside() });
    b = await stage.actor(`b${name}`, { uid: USER, through: inside() });
    for (const actor of [a, b]) await actor.must('open', 0, mount.file(name), O_RDWR_CREAT);
    await a.must('pwrite', 0, 0, MIB, 1);
  });
  test.after.each(() => stage.clear());
  test.after(async () => {
    await stage.close();
    await mount.stop();
    rmSync(scratch, { recursive: true });
  });

  test('is told in one line that there is no passthrough, and reads and writes through the daemon', () => {
    assert.is(mount.log().trim().split('\n').length, 1, mount.log());
    assert.match(mount.log(), 'no passthrough');
    const { stdout, stderr } = shell(
      `cd ${mount.path} && echo hi > f && cat f && ${process.execPath} ${cli} status .`,
    );
    assert.match(stdout, 'hi\n', stderr);
    assert.match(stdout, /data path +daemon: EPERM/, stderr);
    assert.match(stdout, /store +pooled \(no passthrough\)/, stderr);
  });

  test('X1, X2: a pinned range is refused, MADV_REMOVE too, which arrives here', async () => {
    await a.must('setlease', 0, EXCLUSIVE, 0, 0, 0);
    await a.must('pin', 0, 0, 65536, 0, 0);
    assert.is(await b.verdict('fallocate', 0, PUNCH, 0, 4096), 'ETXTBSY');
    assert.is(await a.verdict('ftruncate', 0, 0), 'EDEADLK');
    assert.is(await b.verdict('ftruncate', 0, MIB / 2), 'ETXTBSY');
    await b.must('mmap', 0, 0, 0, MIB);
    assert.is(await b.verdict('madvise', 0, 0, 4096, MADV_REMOVE), 'ETXTBSY');
    assert.is(await b.must('pread', 0, 0), 1);
  });

  test('B5: a break is asked for and answered', async () => {
    await a.must('setlease', 0, SHARED, 0, 0, 0);
    const breaking = b.start('ftruncate', 0, 0);
    assert.ok(await waits(breaking));
    await a.must('setlease', 0, UNLCK, 0, 0, 0);
    assert.is((await breaking.result).verdict, 'ok');
  });

  test('L2: without passthrough a mapping holds the description, and the lease with it', async () => {
    await a.must('setlease', 0, EXCLUSIVE, 0, 0, 0);
    await a.must('mmap', 0, 0, 0, MIB);
    await a.must('close', 0);
    assert.is(await b.verdict('ftruncate', 0, 0), 'ETXTBSY');
    await a.must('munmap', 0);
    assert.is(await b.verdict('ftruncate', 0, 0), 'ok');
  });

  test('N4: its pins end with it', async () => {
    await a.must('setlease', 0, EXCLUSIVE, 0, 0, 0);
    await a.must('pin', 0, 0, 4096, 0, 0);
    await a.must('close', 0);
    assert.is(await b.verdict('ftruncate', 0, 0), 'ETXTBSY');
    await a.exit();
    await new Promise(resolve => setTimeout(resolve, 50));
    assert.is(await b.verdict('ftruncate', 0, 0), 'ok');
  });
}

test.run();
