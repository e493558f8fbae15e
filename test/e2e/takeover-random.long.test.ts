// The same random operations on a mount whose daemon is killed again and again and on a tmpfs: each call answers the same, and
// the trees are the same. Fails with its seed.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { daemonOf, kill } from '../support/keeper.js';
import { bothStores } from '../support/mounted.js';
import { mountedSuite } from '../support/suites.js';

const twin = fileURLToPath(new URL('../../../test/support/twin.py', import.meta.url));
/** s */
const TIME = Number(process.env.LEASEFS_KILLS_SECONDS ?? 4);
const run = promisify(execFile);

for (const store of bothStores) {
  mountedSuite(
    `random deaths, ${store} store`,
    { store, args: ['--keeper'], needs: ['passthrough'] },
    ({ test, mount }) => {
      test('two programs see no difference to a tmpfs', async () => {
        const reference = mkdtempSync(join(tmpdir(), 'leasefs-twin-'));
        const seed = Math.floor(Math.random() * 2 ** 31);
        const programs = [1, 2].map(n => {
          for (const root of [mount.path, reference]) mkdirSync(join(root, `p${n}`));
          const args = [twin, join(mount.path, `p${n}`), join(reference, `p${n}`), `${seed + n}`, `${TIME}`];
          return run('python3', args);
        });
        let over = false;
        let kills = 0;
        const deaths = (async () => {
          while (!over) {
            await sleep(50 + Math.random() * 600);
            if (daemonOf(mount) === 0) continue;
            kill(mount);
            kills++;
          }
        })();
        const results = await Promise.all(programs).finally(() => {
          over = true;
        });
        await deaths;
        console.log(`${kills} kills, ${results.map(({ stdout }) => stdout.trim()).join(' and ')} operations`);
        rmSync(reference, { recursive: true });
        assert.ok(kills > 0);
      });
    },
  );
}
