// --inodes: a bound on what there may be, names or not.
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  rmdirSync,
  statfsSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import * as assert from 'uvu/assert';
import { eventually } from '../support/actors.js';
import { Mounted } from '../support/mounted.js';
import { suiteNeeding } from '../support/suites.js';

suiteNeeding('--inodes', ['mount'], test => {
  test('ENOSPC for each call that needs one more, statfs shows it, and an unlinked open file still counts', async () => {
    const mount = await Mounted.start('--inodes', '4');
    try {
      writeFileSync(mount.file('file'), 'x');
      mkdirSync(mount.file('dir'));
      const fd = openSync(mount.file('open'), 'w');
      assert.is(statfsSync(mount.path).files, 4);
      assert.is(statfsSync(mount.path).ffree, 0);
      const wanting = () => {
        assert.throws(() => writeFileSync(mount.file('more'), ''), /ENOSPC/);
        assert.throws(() => mkdirSync(mount.file('more')), /ENOSPC/);
        assert.throws(() => symlinkSync('x', mount.file('more')), /ENOSPC/);
        assert.is.not(spawnSync('mkfifo', [mount.file('more')]).status, 0);
      };
      wanting();
      assert.throws(() => linkSync(mount.file('file'), mount.file('dir/link')), /ENOSPC/);
      unlinkSync(mount.file('open'));
      wanting();
      closeSync(fd);
      // The kernel releases it after close(2) has returned.
      await eventually('a free inode', () => statfsSync(mount.path).ffree === 1);
      symlinkSync('x', mount.file('more'));
      rmdirSync(mount.file('dir'));
      await eventually('a free inode', () => statfsSync(mount.path).ffree === 1);
      linkSync(mount.file('file'), mount.file('link'));
      assert.is(statfsSync(mount.path).ffree, 0, 'a further name counts, as on tmpfs');
      unlinkSync(mount.file('link'));
      assert.is(statfsSync(mount.path).ffree, 1);
    } finally {
      await mount.stop();
    }
  });
});
