// Programs of random threads, forks, leases and registrations (random.c), a few here: `npm run test:long` has 10,000.
// LEASEFS_RANDOM_RUNS says how many, LEASEFS_RANDOM_SEED the first.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stores } from '../support/mounted.js';
import { mountedSuite } from '../support/suites.js';
import { build } from './build-caller.js';
import { randomRuns } from './random-runs.js';

const RUNS = Number(process.env.LEASEFS_RANDOM_RUNS ?? 4);
const SEED = Number(process.env.LEASEFS_RANDOM_SEED ?? 1);

for (const store of stores) {
  mountedSuite(
    `random programs under leasefs run, ${store}`,
    { store, args: ['--lease-break-time', '20'], needs: ['io-uring'] },
    ({ test, mount }) => {
      const scratch = mkdtempSync(join(tmpdir(), 'leasefs-random-'));
      test.after(() => rmSync(scratch, { recursive: true }));

      test('pins and leases are those that the kernel and the programs know', async () => {
        const seeds = Array.from({ length: RUNS }, (_, n) => SEED + n);
        await randomRuns(mount, build(scratch, 'random'), join(scratch, 'report'), seeds);
      });
    },
  );
}
