// -o noacl: no POSIX ACLs, and the kernel does not ask for them.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { python } from '../conformance/check.js';
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
        python(
          mount.path,
          `
acl=struct.pack('=I',2)+b''.join(struct.pack('=HHI',*e) for e in [(1,6,2**32-1),(2,4,1234),(4,4,2**32-1),(16,4,2**32-1),(32,0,2**32-1)])
for a in 'system.posix_acl_access','system.posix_acl_default':
  fails(errno.EOPNOTSUPP,os.setxattr,d,a,acl); fails(errno.EOPNOTSUPP,os.getxattr,d,a)
os.setxattr(d,'user.a',b'v'); assert os.listxattr(d)==['user.a']
`,
        );
      } finally {
        await mount.stop();
      }
    });
  }
});
