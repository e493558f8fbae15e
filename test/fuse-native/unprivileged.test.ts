// The fuse-native transport of an ordinary user, through fusermount: the rules as for root. /dev/fuse is opened to
// every user in a mount namespace of the test's own.
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { type Actor, eventually, Stage } from '../support/actors.js';
import { Mounted } from '../support/mounted.js';
import { EXCLUSIVE, O_RDONLY, O_RDWR_CREAT } from '../support/numbers.js';
import { suiteNeeding } from '../support/suites.js';

const USER = 1000;
const MIB = 1 << 20;

suiteNeeding(
  'fuse-native transport of an ordinary user',
  ['mount', 'fuse2', 'open-project', 'unshare', 'nsenter', 'gcc'],
  test => {
    const stage = new Stage();
    let scratch: string;
    let mount: Mounted;
    let a: Actor;
    let b: Actor;

    test.before(async () => {
      scratch = mkdtempSync(join(tmpdir(), 'leasefs-user-'));
      chmodSync(scratch, 0o755);
      const device = join(scratch, 'fuse');
      const made = spawnSync('mknod', ['-m', '666', device, 'c', '10', '229'], { encoding: 'utf8' });
      assert.is(made.status, 0, made.stderr);
      const path = mkdtempSync(join(tmpdir(), 'leasefs-test-'));
      chownSync(path, USER, USER);
      const namespace = [
        'unshare',
        '--mount',
        'sh',
        '-c',
        `mount --bind ${device} /dev/fuse && exec "$@"`,
        'sh',
      ];
      const user = ['setpriv', '--reuid', `${USER}`, '--regid', `${USER}`, '--clear-groups'];
      mount = await Mounted.through([...namespace, ...user], path, '--transport=fuse-native');
      // By exec: of a process that changed its uid the daemon may not see how its files are open.
      const options = { through: ['nsenter', '-t', `${mount.pid}`, '-m', ...user] };
      a = await stage.actor('a', options);
      b = await stage.actor('b', options);
    });
    test.after(async () => {
      await stage.close();
      await mount.stop();
      rmSync(scratch, { recursive: true });
    });

    test('N1, X1, N5: a pin protects its range until its process is gone; L7: a file that is open for reading alone', async () => {
      await a.open(mount.file('f'), O_RDWR_CREAT);
      await a.pwrite(0, MIB, 1);
      await b.open(mount.file('f'), O_RDONLY);
      assert.is(await b.try.setLease(EXCLUSIVE), 'EBADF');
      await a.setLease(EXCLUSIVE);
      await a.pin(0, 65536);
      assert.is(await b.try.truncate(mount.file('f'), 0), 'ETXTBSY');
      await a.kill();
      await eventually('it may be truncated', async () => {
        return (await b.try.truncate(mount.file('f'), 0)) === 'ok';
      });
    });
  },
);
