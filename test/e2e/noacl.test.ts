// -o noacl: no POSIX ACLs, and the kernel does not ask for them.
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

suiteNeeding('-o noacl', ['mount'], test => {
  for (const store of stores) {
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
