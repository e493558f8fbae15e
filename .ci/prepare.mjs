// Brings a fresh clone to a built tree, and is quick when there is nothing to do: npm packages, the
// native addon, TypeScript. `npm run demo` and `npm test` begin with it, so that they are the only step.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const addon = join(root, 'native/build/Release/leasefs.node');

/** Modification time in ms, 0 when the file is not there. */
const mtime = path => (existsSync(path) ? statSync(path).mtimeMs : 0);

function newest(dir) {
  let latest = 0;
  if (!existsSync(dir)) return latest;
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (/^(build|prebuilds?$)/.test(entry.name) || entry.name === 'node_modules') continue;
    const path = join(dir, entry.name);
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : mtime(path));
  }
  return latest;
}

function run(what, command, args, cwd = root) {
  console.error(`leasefs: ${what}`);
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  console.error(`leasefs: ${what} failed (${error?.message ?? `${command} exited ${status}`})`);
  process.exit(1);
}

if (mtime(join(root, 'node_modules/.package-lock.json')) < mtime(join(root, 'package-lock.json'))) {
  run('installing npm packages', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
}
if (mtime(addon) < newest(join(root, 'native'))) {
  run('building the native addon', process.execPath, [join(root, 'native/build.mjs')]);
}
const sources = Math.max(
  ...['src', 'test', 'bench'].map(dir => newest(join(root, dir))),
  mtime(join(root, 'tsconfig.json')),
);
// The compiler writes its own note of what it compiled also when there were errors: ours says that there were none.
const compiled = join(root, 'dist/.compiled');
if (mtime(compiled) < sources) {
  run('compiling TypeScript', join(root, 'node_modules/.bin/tsc'), ['-p', root]);
  writeFileSync(compiled, '');
}
