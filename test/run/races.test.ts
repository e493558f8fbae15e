// `leasefs run` while the program changes what a stopped call is about: its descriptor, its life, its namespaces.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { RunReport } from '../../src/run/report.js';
import { stores } from '../support/mounted.js';
import { mountedSuite, needing } from '../support/suites.js';
import { timeFactor } from '../support/time-factor.js';
import { build } from './build-caller.js';
import { launched, reporting } from './launched.js';
import { runAsUser } from './ordinary-user.js';

const LIMIT_MS = 120_000 * timeFactor;
const ROUNDS = { dup2: 50, kill: 4, setns: 1 };

for (const store of stores) {
  mountedSuite(
    `races under leasefs run, ${store}`,
    { store, args: ['--lease-break-time', '600000'] },
    ({ test, mount }) => {
      const scratch = mkdtempSync(join(tmpdir(), 'leasefs-races-'));
      chmodSync(scratch, 0o755);
      const output = join(scratch, 'report');
      let races = '';

      test.before(() => {
        races = build(scratch, 'races');
      });
      test.after(() => rmSync(scratch, { recursive: true }));

      const run = (how: keyof typeof ROUNDS): RunReport => {
        const { stdout, stderr } = spawnSync(
          launched.program,
          [...reporting(mount.path, output), races, how, `${ROUNDS[how]}`, '{}'],
          { encoding: 'utf8', timeout: LIMIT_MS },
        );
        assert.is(stdout, 'done\n', stderr);
        assert.equal(mount.report('leases').leases, []);
        assert.equal(mount.report('pins').pins, []);
        return JSON.parse(readFileSync(output, 'utf8')) as RunReport;
      };

      test('dup2 to the number of a lease call: the lease is of one of the two files, and none is left', () => {
        const report = run('dup2');
        assert.equal(report.zombies, []);
        assert.equal(
          report.leases.filter(({ end }) => end !== 'released'),
          [],
        );
      });

      test('SIGKILL of a thread in a stopped call leaves neither lease nor pin', () => {
        assert.equal(run('kill').zombies, []);
      });

      test('a program in pid and mount namespaces that it makes or enters is judged as any', () => {
        assert.is(run('setns').unleased.length, 2);
      });

      if (store === 'pooled') {
        const define = needing(test, 'fuse3', 'unshare');
        for (const how of ['dup2', 'kill'] as const) {
          define(`the same of an ordinary user: ${how}`, () => {
            const words = ['--store', store, '--', races, how, `${ROUNDS[how]}`, '{}'];
            const { stdout, stderr } = runAsUser(scratch, ...words);
            assert.is(stdout, 'done\n', stderr);
          });
        }
      }
    },
  );
}
