// `npm run test:long [PART OF A SENTENCE [tmpfs|direct|pooled]]`: the checks that take minutes, on tmpfs and on each store,
// each with its seconds; before them a million direct files, 10,000 random programs under `leasefs run`, and without a PART the test
// files named `*.long.test.ts`, as one check each. PJDFSTEST=DIR, XFSTESTS=DIR and FSX=FILE, built beside, add those suites. With
// --kills the mounts have a keeper, and their daemons are killed again and again while a check runs; tmpfs and what comes
// before the checks are left out. Ends with `N passed, N failed, N skipped`.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Mounted, stores } from '../support/mounted.js';
import { checks } from './checks.js';
import { lacking } from './shell.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { kills: { type: 'boolean', default: false } },
});
const [part = '', only] = positionals;
const { kills } = values;
// Of a keeper: as many deaths in a second as come.
process.env.LEASEFS_DEATHS = '63';
const tmpfs = mkdtempSync('/dev/shm/leasefs-test-');
chmodSync(tmpfs, 0o1777);
/** Of random programs under `leasefs run`, on both stores: some minutes. */
const RANDOM_RUNS = 10_000;
let passed = 0;
let failed = 0;
let skipped = 0;

/** Test files, run as one check each. */
const files: Readonly<Record<string, readonly [part: string, env: NodeJS.ProcessEnv]>> = {
  'a million direct files with 1,024 descriptors': ['e2e/residency', { LEASEFS_RESIDENT_FILES: '1000000' }],
  '': ['.long.test', {}],
};
const runner = fileURLToPath(new URL('../run.js', import.meta.url));

for (const [name, [file, more]] of Object.entries(files)) {
  if (kills || (name === '' ? part !== '' : !name.includes(part))) continue;
  const env = { ...process.env, ...more };
  if (spawnSync(process.execPath, [runner, file], { stdio: 'inherit', env }).status === 0) passed++;
  else failed++;
}

if (!kills && 'random programs under leasefs run'.includes(part)) {
  // Past the runner, which has a time limit.
  const random = fileURLToPath(new URL('../run/random.test.js', import.meta.url));
  const env = { ...process.env, LEASEFS_RANDOM_RUNS: `${RANDOM_RUNS / stores.length}` };
  if (spawnSync(process.execPath, [random], { stdio: 'inherit', env }).status === 0) passed++;
  else failed++;
}

const killer = fileURLToPath(new URL('./killer.js', import.meta.url));
let killed = 0;

/** Ends the killer; how many daemons it has killed. */
async function endKiller(child: ChildProcess): Promise<number> {
  const said: Buffer[] = [];
  child.stdout!.on('data', piece => said.push(piece));
  child.kill('SIGTERM');
  await once(child, 'close');
  return Number(Buffer.concat(said).toString());
}

for (const where of kills ? stores : (['tmpfs', ...stores] as const)) {
  if (only !== undefined && only !== where) continue;
  // A mount for each check, so that one leaves nothing to the next.
  for (const [name, one] of Object.entries(checks).filter(([name]) => name.includes(part))) {
    const missing = typeof one === 'function' ? [] : lacking(one.needs);
    if (typeof one !== 'function' && missing.length > 0) {
      skipped++;
      console.log(
        `skip   ${where}: ${name}: no ${missing.join(', ')}: apt-get install ${one.packages.join(' ')}`,
      );
      continue;
    }
    const check = typeof one === 'function' ? one : one.check;
    const mount =
      where === 'tmpfs'
        ? undefined
        : await Mounted.start(
            '--size',
            `${Math.min(8 * 2 ** 30, totalmem())}`,
            '--store',
            where,
            ...(kills ? ['--keeper'] : []),
          );
    const dir = join(mount?.path ?? tmpfs, 'd');
    const started = performance.now();
    const killing = kills
      ? spawn(process.execPath, [killer, `${mount!.pid}`, mount!.path], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
      : undefined;
    try {
      mkdirSync(dir);
      const figure = check(dir);
      if (mount?.log().includes('EIO')) throw new Error(mount.log());
      passed++;
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.log(`ok     ${where}: ${name} (${seconds} s)${figure ? `\n       ${figure}` : ''}`);
    } catch (error) {
      failed++;
      console.log(`not ok ${where}: ${name}\n${error instanceof Error ? error.message : String(error)}`);
    } finally {
      if (killing !== undefined) {
        const count = await endKiller(killing);
        console.log(`       ${count} daemons were killed`);
        killed += count;
      }
      if (mount === undefined) rmSync(dir, { recursive: true, force: true });
      else await mount.stop();
    }
  }
}
rmSync(tmpfs, { recursive: true });
if (kills) console.log(`${killed} daemons were killed`);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 ? 1 : 0;
