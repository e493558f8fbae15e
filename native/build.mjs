// Builds the addon, leasefs-launch and leasefs-keeper on this machine (native/build): for those who work on leasefs, and where the npm
// package carries no build for the platform.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const missing = ['g++', 'make', 'python3'].filter(
  program => spawnSync(program, ['--version'], { stdio: 'ignore' }).status !== 0,
);
if (missing.length > 0) {
  console.error(
    `leasefs: the addon needs ${missing.join(', ')} to be built: apt-get install ${missing.join(' ')}`,
  );
  process.exit(1);
}
// -c: npm's own node-gyp; `npm exec node-gyp` would fetch another one.
const { status } = spawnSync('npm', ['exec', '-c', 'node-gyp rebuild -C native --silent'], {
  cwd: root,
  stdio: ['ignore', 2, 2],
});
if (status !== 0) console.error('leasefs: the addon could not be built: the lines above say why');
process.exitCode = status === 0 ? 0 : 1;
