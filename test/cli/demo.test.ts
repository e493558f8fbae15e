// The demo: what it shows, that it leaves nothing behind, and where it cannot be shown as it is, one line says what to do.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { cli } from '../support/mounted.js';
import { suiteNeeding } from '../support/suites.js';
import { timeFactor } from '../support/time-factor.js';

suiteNeeding('demo without /dev/fuse', ['root', 'unshare'], test => {
  /** `leasefs demo` in a mount namespace that `sh` has changed. */
  const demo = (change: string) => {
    const script = `${change} && exec "$@"`;
    const words = ['--mount', 'sh', '-c', script, 'sh', process.execPath, cli, 'demo'];
    return spawnSync('unshare', words, { encoding: 'utf8', timeout: 60_000 * timeFactor });
  };

  test('a missing /dev/fuse: the message names the remedy and --vm', () => {
    const { status, stdout, stderr } = demo('mount -t tmpfs tmpfs /dev');
    assert.is(status, 1);
    assert.is(stdout, '');
    assert.match(stderr, /^leasefs demo: ENOENT: cannot open \/dev\/fuse: .*modprobe fuse.*--vm\n$/);
  });

  test('a /dev/fuse that may not be opened: the message names another remedy', () => {
    // A device on a file system that allows none.
    const closed = 'mount -t tmpfs -o nodev tmpfs /dev && mknod /dev/fuse c 10 229';
    const { status, stderr } = demo(closed);
    assert.is(status, 1);
    assert.match(stderr, /^leasefs demo: EACCES: cannot open \/dev\/fuse: .*chmod 666 \/dev\/fuse.*--vm\n$/);
  });
});

suiteNeeding('demo', ['mount'], test => {
  test('the demo comes out as it must, leaves nothing behind, and is plain without a terminal', () => {
    const dir = mkdtempSync('/tmp/l');
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'demo'], {
      encoding: 'utf8',
      timeout: 120_000,
      env: { ...process.env, TMPDIR: dir, FORCE_COLOR: '0' },
    });
    assert.is(status, 0, `${stdout}\n${stderr}`);
    for (let step = 1; step <= 7; step++) assert.match(stdout, new RegExp(`^${step}  `, 'm'));
    for (const code of ['ETXTBSY', 'EDEADLK', 'EPERM', 'EAGAIN']) assert.match(stdout, code);
    assert.not(stdout.includes('\u001b'));
    // The table of step 6 is as wide as the path makes it.
    const lines = stdout.split('\n').filter(line => !line.includes('leasefs-io'));
    for (const line of lines) assert.ok(line.length <= 100, line);
    assert.equal(
      readdirSync('/dev/shm').filter(name => name.startsWith('leasefs-demo-')),
      [],
    );
    rmdirSync(dir);
  });

  test('a demo that is interrupted unmounts and leaves nothing behind', async () => {
    const dir = mkdtempSync('/tmp/l');
    for (const delay of [300, 900]) {
      const child = spawn(process.execPath, [cli, 'demo'], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, TMPDIR: dir },
      });
      const ended = new Promise(resolve => child.once('close', resolve));
      await new Promise(resolve => setTimeout(resolve, delay));
      child.kill('SIGINT');
      await ended;
      assert.equal(readdirSync(dir), [], `after ${delay} ms`);
    }
    spawnSync('sh', ['-c', `"${process.execPath}" "${cli}" demo | head -3`], {
      timeout: 120_000,
      env: { ...process.env, TMPDIR: dir },
    });
    assert.equal(readdirSync(dir), [], 'after a closed pipe');
    assert.not(readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${dir}/`));
    rmdirSync(dir);
  });
});
