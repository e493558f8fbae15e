// The demo where it cannot be shown as it is: one line says what to do.
import { spawnSync } from 'node:child_process';
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
