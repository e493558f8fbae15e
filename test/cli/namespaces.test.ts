// Root of a user namespace that has no mount namespace of its own cannot mount: doctor and mount say so, and what to do.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { cli } from '../support/mounted.js';
import { suiteNeeding } from '../support/suites.js';
import { timeFactor } from '../support/time-factor.js';

const WHY = 'this user namespace has no mount namespace of its own: begin it with `unshare -Urm`, not -Ur';

suiteNeeding('user namespaces', ['mount', 'user-namespaces'], test => {
  const leasefs = (flags: string, ...args: string[]) =>
    spawnSync('unshare', [flags, process.execPath, cli, ...args], {
      encoding: 'utf8',
      timeout: 60_000 * timeFactor,
    });

  test('without a mount namespace doctor and mount name the remedy; with one they find no fault', () => {
    const { status, stdout } = leasefs('-Ur', 'doctor');
    assert.is(status, 1, stdout);
    assert.ok(stdout.split('\n').includes(`!!  mount             ${WHY}`), stdout);
    assert.match(leasefs('-Urm', 'doctor').stdout, /^ok {2}mount +mount\(2\), by CAP_SYS_ADMIN$/m);
    const dir = mkdtempSync(join(tmpdir(), 'leasefs-namespaces-'));
    try {
      const refused = leasefs('-Ur', 'mount', dir);
      assert.is(refused.status, 1);
      assert.is(
        refused.stderr,
        `leasefs mount: EPERM: Operation not permitted, cannot mount on ${dir} (${WHY})\n`,
      );
    } finally {
      rmdirSync(dir);
    }
  });
});
