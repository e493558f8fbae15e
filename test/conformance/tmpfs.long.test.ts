// The checks of posix.test.ts on tmpfs: what they say is what tmpfs does.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { linuxAtLeast } from '../support/mounted.js';
import { suiteNeeding } from '../support/suites.js';
import { everyCheck } from './every-check.js';

/** tmpfs has had user xattrs and places in a directory that stay since Linux 6.6, and readings that end since 6.11. */
const isTmpfsBehind = (name: string): boolean =>
  (!linuxAtLeast(6, 6) && /^(xattrs|telldir|what the kernel|a change is seen)/.test(name)) ||
  (!linuxAtLeast(6, 11) && /renamed/.test(name));

suiteNeeding('posix on tmpfs', ['mount'], test => {
  let tmpfs: string;
  test.before(() => {
    tmpfs = mkdtempSync('/dev/shm/leasefs-test-');
    chmodSync(tmpfs, 0o1777);
  });
  test.after(() => rmSync(tmpfs, { recursive: true, force: true }));

  let made = 0;
  for (const [name, check] of Object.entries(everyCheck)) {
    if (isTmpfsBehind(name)) continue;
    test(name, () => {
      const dir = join(tmpfs, `d${made++}`);
      mkdirSync(dir);
      check(dir);
      rmSync(dir, { recursive: true });
    });
  }
});
