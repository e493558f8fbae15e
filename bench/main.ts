// npm run bench [-- --quick]: every bench there is, one after the other.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const BENCHES = ['extent', 'lease', 'fs', 'run', 'huge', 'programs'];

let failed = false;
for (const name of BENCHES) {
  const script = join(import.meta.dirname, name, 'main.js');
  if (!existsSync(script)) {
    console.error(`bench:${name} is left out: there is no ${script}`);
    continue;
  }
  console.error(`bench:${name}`);
  const { status } = spawnSync(process.execPath, [script, ...process.argv.slice(2)], { stdio: 'inherit' });
  if (status !== 0) {
    console.error(`bench:${name} failed with ${status}`);
    failed = true;
  }
}
process.exit(failed ? 1 : 0);
