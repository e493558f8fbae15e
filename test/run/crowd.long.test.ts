// A thousand processes that wait for leases do not hold up the lease calls of another one.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { suiteNeeding } from '../support/suites.js';
import { build } from './build-caller.js';
import { launched } from './launched.js';

const CROWD = 1000;
/** 100 leases concurrently; they took over 500 s. */
const LIMIT_MS = 200_000;

suiteNeeding('a crowd under leasefs run', ['mount'], test => {
  const scratch = mkdtempSync(join(tmpdir(), 'leasefs-crowd-'));
  test.after(() => rmSync(scratch, { recursive: true }));

  for (const store of ['direct', 'pooled'])
    test(`B5: ${CROWD} that wait cost others nothing, ${store}`, () => {
      const program = build(scratch, 'waits');
      const run = ['run', '--store', store, '--lease-break-time', '1000000', '--output', '/dev/null', '--'];
      const { stdout, status } = spawnSync(
        launched.program,
        [...launched.words, ...run, program, 'crowd', `${CROWD}`, '{}'],
        { encoding: 'utf8', timeout: LIMIT_MS, stdio: ['ignore', 'pipe', 'ignore'] },
      );
      assert.is(status, 0);
      assert.match(stdout, /^mean /);
    });
});
