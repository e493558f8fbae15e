// `npm run package [-- x64|arm64]`: leasefs for machines without Node.js, build/leasefs-VERSION-linux-x64.tar.xz and
// leasefs_VERSION_amd64.deb; without a word for this machine's processor. Both hold the same tree: the compiled sources,
// the addon, the launcher and the keeper for any glibc from 2.28 on, a Node.js (this one, or for another processor that of
// npm's registry), manual pages, completions, headers, the helper of mount(8), a unit of systemd.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { version, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const arch = process.argv[2] ?? process.arch;
const architectures = { x64: 'amd64', arm64: 'arm64' };
const architecture = architectures[arch];
const out = join(root, 'build');

function fail(message) {
  console.error(`leasefs: not packed: ${message}`);
  process.exit(1);
}

function run(command, args, options = {}) {
  const done = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 2],
    encoding: 'utf8',
    ...options,
  });
  if (done.status !== 0)
    fail(`${command} ${args.join(' ')} failed${done.error ? `: ${done.error.message}` : ''}`);
  return done.stdout;
}

if (architecture === undefined) fail(`no processor ${arch}: ${Object.keys(architectures).join(', ')}`);
const work = mkdtempSync(join(tmpdir(), 'leasefs-packages-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
const tree = join(work, 'tree');

const node = arch === process.arch ? process.execPath : nodeOfRegistry();
/** Those of the official Node.js. One that is linked to libnode or libuv works here alone. */
const libraries = /^(libdl|libstdc\+\+|libm|libgcc_s|libpthread|libc|librt|libatomic|ld-linux.*)\.so/;
for (const [, name] of run('readelf', ['-d', node]).matchAll(/\(NEEDED\).*\[(.*)\]/g))
  if (!libraries.test(name)) fail(`${node} needs ${name}: use the Node.js of nodejs.org`);

function nodeOfRegistry() {
  const [major] = process.versions.node.split('.');
  const name = `node-linux-${arch}@${major}`;
  const archive = run('npm', ['pack', '--silent', '--pack-destination', work, name]).trim();
  run('tar', ['-xf', join(work, archive), '-C', work, 'package/bin/node', 'package/LICENSE']);
  return join(work, 'package/bin/node');
}

/** A file of the tree. */
function put(path, text, mode = 0o644) {
  const file = join(tree, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
}

function copy(from, to, options = {}) {
  mkdirSync(dirname(join(tree, to)), { recursive: true });
  cpSync(from, join(tree, to), { recursive: true, ...options });
}

function link(path, target) {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  symlinkSync(target, join(tree, path));
}

const compiled = join(work, 'dist');
run(join(root, 'node_modules/.bin/tsc'), ['-p', '.ci/tsconfig.package.json', '--outDir', compiled]);
run('native/prebuild/prebuild.sh', [arch], { stdio: ['ignore', 2, 2] });

const lib = 'lib/leasefs';
copy(join(compiled, 'src'), `${lib}/dist/src`);
for (const path of [
  'bin/leasefs',
  'package.json',
  'LICENSE',
  'CHANGELOG.md',
  'src/lease/README.md',
  'src/cli/json.schema.json',
  'native/include',
  'native/examples',
  `native/prebuilds/linux-${arch}`,
])
  copy(join(root, path), `${lib}/${path}`);
copy(join(root, 'node_modules/lru-cache'), `${lib}/node_modules/lru-cache`, {
  filter: path => !/\.map$|\.d\.[mc]?ts$|\/commonjs$/.test(path),
});
copy(node, `${lib}/bin/node`);
link('bin/leasefs', `../${lib}/bin/leasefs`);
for (const name of readdirSync(join(root, 'native/include')).filter(name => name.endsWith('.h')))
  copy(join(root, 'native/include', name), `include/${name}`);

put(
  'share/pkgconfig/leasefs.pc',
  `prefix=\${pcfiledir}/../..
includedir=\${prefix}/include

Name: leasefs
Description: ${description}
Version: ${version}
Cflags: -I\${includedir}
`,
);
// The verbs are asked for their words here, by this machine's addon.
process.env.LEASEFS_ADDON ??= join(root, 'native/build/Release/leasefs.node');
const cli = name => import(join(tree, lib, `dist/src/cli/${name}.js`));
const [{ allVerbs }, { completionOf }, { manualPages }, { readRules }] = await Promise.all(
  ['verbs', 'completion', 'manual', 'rules'].map(cli),
);
const verbs = await allVerbs();
for (const { file, text } of manualPages({ version, verbs, rules: readRules() }))
  put(`share/man/man${file.at(-1)}/${file}`, text);
put('share/bash-completion/completions/leasefs', completionOf('bash', verbs));
put('share/zsh/site-functions/_leasefs', completionOf('zsh', verbs));
put('share/fish/vendor_completions.d/leasefs.fish', completionOf('fish', verbs));
copy(join(root, '.ci/mount.leasefs'), 'sbin/mount.leasefs');
link('sbin/mount.fuse.leasefs', 'mount.leasefs');
copy(join(root, '.ci/leasefs@.service'), 'lib/systemd/system/leasefs@.service');
const license = [join(root, 'LICENSE'), join(dirname(node), '../LICENSE')].filter(path => existsSync(path));
put('share/doc/leasefs/copyright', license.map(path => readFileSync(path, 'utf8')).join('\n\n'));

mkdirSync(out, { recursive: true });
const owner = ['--owner=root:0', '--group=root:0', '--sort=name'];
const named = `leasefs-${version}-linux-${arch}`;
const tarball = join(out, `${named}.tar.xz`);
// Node.js is most of it: level 1 is 15 % larger than 6, in a fifth of the time.
put(`${lib}/PACKAGE`, 'tarball\n');
run('tar', [...owner, '-C', tree, `--transform=flags=rSH;s,^\\.,${named},`, '-cJf', tarball, '.'], {
  env: { ...process.env, XZ_OPT: '-T0 -1' },
});

put(`${lib}/PACKAGE`, 'deb\n');
const bytes = Number(run('du', ['-sk', tree]).split('\t')[0]);
const control = join(work, 'deb/DEBIAN/control');
mkdirSync(dirname(control), { recursive: true });
writeFileSync(
  control,
  `Package: leasefs
Version: ${version}
Architecture: ${architecture}
Section: utils
Priority: optional
Maintainer: leasefs <leasefs@localhost>
Installed-Size: ${bytes}
Depends: libc6 (>= 2.28), libstdc++6, libgcc-s1
Recommends: fuse3
Description: ${description}
 It has its own Node.js. Manual pages: leasefs(1), leasefs(7), mount.leasefs(8).
`,
);
// Debian's zsh looks there.
cpSync(tree, join(work, 'deb/usr'), { recursive: true, verbatimSymlinks: true });
cpSync(join(tree, 'share/zsh/site-functions'), join(work, 'deb/usr/share/zsh/vendor-completions'), {
  recursive: true,
});
rmSync(join(work, 'deb/usr/share/zsh/site-functions'), { recursive: true });
run('chmod', ['-R', 'u=rwX,go=rX', join(work, 'deb')]);
const deb = join(out, `leasefs_${version}_${architecture}.deb`);
run('dpkg-deb', ['--root-owner-group', '-Zxz', '-z1', '--build', join(work, 'deb'), deb]);
for (const path of [tarball, deb]) console.log(`${path}: ${statSync(path).size} bytes`);
