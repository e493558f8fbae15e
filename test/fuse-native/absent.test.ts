// An install in which the optional package did not come to be goes on without it, and says so where it is asked for.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { copyProject } from '../support/public-copy.js';
import { suiteNeeding } from '../support/suites.js';
import { timeFactor } from '../support/time-factor.js';

suiteNeeding('without the fuse-native package', ['mount'], test => {
  let dir: string;
  let mnt: string;

  test.before(() => {
    dir = mkdtempSync(join(tmpdir(), 'leasefs-install-'));
    mnt = join(dir, 'mnt');
    mkdirSync(mnt);
    // What the package has, what npm puts beside it, and a fuse-native that was not built: an empty place would not do,
    // since Node looks for the package in the folders above, too.
    mkdirSync(join(dir, 'node_modules/fuse-native'), { recursive: true });
    writeFileSync(join(dir, 'node_modules/fuse-native/index.js'), "require('./build/Release/fuse.node')\n");
    copyProject(dir);
  });
  test.after(() => {
    spawnSync('umount', ['-l', mnt], { stdio: 'ignore' });
    rmSync(dir, { recursive: true });
  });

  const leasefs = (...args: string[]) =>
    spawnSync(process.execPath, [join(dir, 'dist/src/cli/main.js'), ...args], {
      encoding: 'utf8',
      timeout: 60_000 * timeFactor,
    });

  test('everything else works', () => {
    assert.is(leasefs('mount', mnt).status, 0);
    const { status, stdout, stderr } = leasefs(
      'io',
      '-f',
      '-c',
      'truncate 4k',
      '-c',
      'lease exclusive,breakable',
      join(mnt, 'f'),
    );
    assert.is(status, 0, stderr);
    assert.match(stdout, /lease exclusive,breakable: ok/);
    assert.is(leasefs('umount', mnt).status, 0);
  });

  test('asking for the transport is refused in one line that says what to do', () => {
    const { status, stderr } = leasefs('mount', '--transport=fuse-native', mnt);
    assert.is(status, 1);
    assert.match(stderr, /^leasefs mount: ENOPKG: .*fuse-native.*'npm install fuse-native'\n$/);
  });

  test('doctor says that it is missing, and that nothing is wrong', () => {
    const { status, stdout } = leasefs('doctor');
    assert.is(status, 0, stdout);
    assert.match(
      stdout,
      /^-- {2}fuse-native +no --transport=fuse-native: ENOPKG.*'npm install fuse-native'$/m,
    );
  });
});
