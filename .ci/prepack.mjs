// Makes what `npm pack` puts into the package, from nothing: the compiled sources without source maps and the builds for
// every platform. Ends with an error, and no package, when anything is missing. It empties dist, so that no file of an
// older tree is packed; `npm run build` makes the tests again.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function fail(message) {
  console.error(`leasefs: not packed: ${message}`);
  process.exit(1);
}

function run(command, args, stdout = 2) {
  const done = spawnSync(command, args, { cwd: root, stdio: ['ignore', stdout, 2], encoding: 'utf8' });
  if (done.status !== 0) fail(`${command} ${args.join(' ')} failed`);
  return done.stdout;
}

if (!existsSync(join(root, 'node_modules')))
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
rmSync(join(root, 'dist'), { recursive: true, force: true });
run(join(root, 'node_modules/.bin/tsc'), ['-p', '.ci/tsconfig.package.json']);
rmSync(join(root, 'native/prebuilds'), { recursive: true, force: true });
run('native/prebuild/prebuild.sh', []);

// --ignore-scripts: else it would come here again.
const [listing] = JSON.parse(run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], 'pipe'));
const packed = new Set(listing.files.map(file => file.path));
const { exports, bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const wanted = [
  ...Object.values(exports).flatMap(entry => (typeof entry === 'string' ? [entry] : Object.values(entry))),
  ...Object.values(bin),
  ...['x64', 'arm64'].flatMap(arch =>
    ['leasefs.node', 'leasefs-launch', 'leasefs-keeper'].map(
      name => `native/prebuilds/linux-${arch}/${name}`,
    ),
  ),
  ...readdirSync(join(root, 'src'), { recursive: true })
    .filter(path => path.endsWith('.ts'))
    .map(path => `dist/src/${path.replace(/ts$/, 'js')}`),
].map(normalize);
const faults = wanted.filter(path => !packed.has(path)).map(path => `${path} is missing`);

// Links of the documents that are packed lead to what is packed.
for (const path of packed) {
  if (!path.endsWith('.md')) continue;
  for (const [, link] of readFileSync(join(root, path), 'utf8').matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
    if (/^[a-z]+:/.test(link)) continue;
    const target = relative('', normalize(join(dirname(path), link)));
    if (!packed.has(target))
      faults.push(`${path} links to ${target}, which "files" of package.json does not name`);
  }
}
if (faults.length > 0) fail(faults.join('\n  '));
