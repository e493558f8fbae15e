// -o noacl: no POSIX ACLs, and the kernel does not ask for them. -o noxattr: no extended attributes at all.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { script } from '../conformance/check.js';
import { Mounted, stores } from '../support/mounted.js';
import { suiteNeeding } from '../support/suites.js';

/** How often the kernel asked for an extended attribute while another user than the owner opened a file. */
function asked(mount: Mounted): number {
  const path = mount.file('f');
  writeFileSync(path, 'text', { mode: 0o644 });
  const requests = (): number => mount.report('status').requests.GETXATTR ?? 0;
  const before = requests();
  const { status, stderr } = spawnSync('cat', [path], { uid: 65534, gid: 65534, encoding: 'utf8' });
  assert.is(status, 0, stderr);
  return requests() - before;
}

suiteNeeding('-o noacl and noxattr', ['mount'], test => {
  for (const store of stores) {
    test(`${store} store without extended attributes: EOPNOTSUPP, and asked for once by each call`, async () => {
      const mount = await Mounted.start('--size', '16m', '--store', store, '-o', 'noxattr');
      try {
        // A file's first write asks for security.capability, and `ls -l` for two attributes of each file.
        for (const name of ['a', 'b', 'c']) writeFileSync(mount.file(name), name);
        assert.is(spawnSync('ls', ['-l', mount.path]).status, 0);
        script('no-xattrs')(mount.path);
        const { requests } = mount.report('status');
        const asks = ['GETXATTR', 'SETXATTR', 'LISTXATTR', 'REMOVEXATTR'].map(name => requests[name]);
        assert.equal(asks, [1, 1, 1, 1]);
      } finally {
        await mount.stop();
      }
    });

    test(`${store} store: they are EOPNOTSUPP, and not asked for; other attributes are there`, async () => {
      const mount = await Mounted.start('--size', '16m', '--store', store, '-o', 'noacl');
      try {
        assert.is(asked(mount), 0);
        script('no-acl')(mount.path);
      } finally {
        await mount.stop();
      }
    });
  }
});
