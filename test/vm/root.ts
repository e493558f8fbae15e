// The root of a machine: the host's own, or, for another processor, a small Debian with Node.js below the cache. Its
// packages are only unpacked; the little that their scripts would do and tests need is done here.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apt, keep, must, say } from './host.js';
import { host, type Processor } from './processor.js';

/** Beside what is essential to Debian. */
const PACKAGES = [
  'acl',
  'attr',
  'busybox-static',
  'e2fsprogs',
  'fuse3',
  'g++',
  'gcc-arm-linux-gnueabihf',
  'iproute2',
  'kmod',
  'libc6-dev-armhf-cross',
  'procps',
  'python3',
  'uidmap',
  'xz-utils',
];

const [nodeMajor] = process.versions.node.split('.');

/** A directory that is the machine's root. Made by an ordinary user, its files are that user's. */
export function rootOf(processor: Processor): string {
  if (processor === host) return '/';
  const recipe = createHash('sha256')
    .update(readFileSync(fileURLToPath(import.meta.url)))
    .update(nodeMajor!);
  return keep(`root-${processor.debian}-${recipe.digest('hex').slice(0, 12)}`, (root, work) => {
    say(`making a Debian for ${processor.debian}`);
    unpackDebian(root, work, processor);
    finish(root);
    addNode(root, work, processor);
  });
}

function unpackDebian(root: string, work: string, processor: Processor): void {
  // One /usr, as Debian's packages expect to find it.
  for (const dir of ['bin', 'sbin', 'lib']) {
    mkdirSync(join(root, 'usr', dir), { recursive: true });
    symlinkSync(`usr/${dir}`, join(root, dir));
  }
  mkdirSync(join(work, 'debs/partial'), { recursive: true });
  const options = ['--download-only', '--no-install-recommends', '-o', `Dir::Cache::archives=${work}/debs`];
  must(...apt('apt-get', processor), 'install', '-qq', '-y', ...options, '?essential', ...PACKAGES);
  for (const file of readdirSync(join(work, 'debs')).filter(name => name.endsWith('.deb')))
    must(
      'sh',
      '-ec',
      'dpkg-deb --fsys-tarfile "$0" | tar -x -C "$1" --keep-directory-symlink',
      join(work, 'debs', file),
      root,
    );
}

/** What the scripts of the packages do. */
function finish(root: string): void {
  mkdirSync(join(root, 'mnt'));
  for (const name of ['passwd', 'group'])
    copyFileSync(join(root, `usr/share/base-passwd/${name}.master`), join(root, 'etc', name));
  writeFileSync(join(root, 'etc/hosts'), '127.0.0.1 localhost\n');
  symlinkSync('../proc/self/mounts', join(root, 'etc/mtab'));
  symlinkSync('mawk', join(root, 'usr/bin/awk'));
  chmodSync(join(root, 'usr/bin/fusermount3'), 0o4755);
}

/** As npm's registry has it for each platform. */
function addNode(root: string, work: string, { node }: Processor): void {
  must('npm', 'pack', '--silent', '--pack-destination', work, `node-linux-${node}@${nodeMajor}`);
  const archive = readdirSync(work).find(name => name.endsWith('.tgz'))!;
  must('tar', '-xf', join(work, archive), '-C', work, 'package/bin/node');
  must('install', '-m', '755', join(work, 'package/bin/node'), join(root, 'usr/bin/node'));
}
