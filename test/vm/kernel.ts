// Debian's stock kernels for virtual machines: downloaded as packages and unpacked below the cache, never installed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What the host needs to boot one, and what is run inside on the host's root. */
const PACKAGES = [
  'qemu-system-x86',
  'busybox-static',
  'cpio',
  'kmod',
  'xz-utils',
  'iproute2',
  'xfsprogs',
  'e2fsprogs',
  'rdma-core',
  'ibverbs-providers',
  'ibverbs-utils',
  'libibverbs-dev',
  'perftest',
  'fio',
  'fuse3',
  'gcc',
  'libc6-dev',
];

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'leasefs/vm');

export interface Kernel {
  /** As uname -r. */
  readonly release: string;
  readonly image: string;
  /** A directory that holds lib/modules. */
  readonly root: string;
}

export const say = (text: string): void => console.error(`vm: ${text}`);

/** A command's stdout; an error says what failed. */
export function must(command: string, ...args: readonly string[]): string {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
  });
  if (status !== 0)
    throw new Error(`${command} ${args[0] ?? ''}: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
  return stdout;
}

/** Installs what is missing. */
export function installPackages(): void {
  const missing = PACKAGES.filter(
    name => !/^Status: .* installed$/m.test(spawnSync('dpkg', ['-s', name], { encoding: 'utf8' }).stdout),
  );
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) throw new Error(`missing: as root, apt-get install ${missing.join(' ')}`);
  say(`installing ${missing.join(' ')}`);
  must('apt-get', 'update', '-q');
  must('apt-get', 'install', '-qq', '-y', '--no-install-recommends', ...missing);
}

/** The newest kernel of a series, '6.12'; of those in the cache, else of those that apt offers. */
export function kernelOf(series: string): Kernel {
  mkdirSync(cache, { recursive: true });
  const name = cached(series) ?? download(series);
  const root = join(cache, name);
  const [release] = readdirSync(join(root, 'lib/modules'));
  return { release: release!, image: join(root, 'boot', `vmlinuz-${release}`), root };
}

/** Whether a package is a kernel of a series for this processor: no real-time, no cloud kernel. */
function isStock(name: string, series: string): boolean {
  const stock = new RegExp(`^linux-image-${series.replace('.', '\\.')}\\.[0-9][^ ]*-amd64$`);
  return stock.test(name) && !/-(rt|cloud)-/.test(name);
}

const cached = (series: string): string | undefined =>
  newest(readdirSync(cache).filter(name => isStock(name, series)));

function download(series: string): string {
  if (!existsSync('/var/lib/apt/lists') || readdirSync('/var/lib/apt/lists').length < 3)
    must('apt-get', 'update', '-q');
  const offered = must('apt-cache', 'pkgnames', `linux-image-${series}.`)
    .split('\n')
    .filter(name => isStock(name, series));
  const name = newest(offered);
  if (name === undefined)
    throw new Error(
      `apt offers no kernel ${series}: run apt-get update; 6.12 is in bookworm-security and bookworm-backports`,
    );
  say(`downloading ${name}`);
  const work = join(cache, `unpacking-${process.pid}`);
  mkdirSync(join(work, 'root'), { recursive: true });
  must('sh', '-c', `cd '${work}' && apt-get download -q -o APT::Sandbox::User=root '${name}'`);
  const archive = readdirSync(work).find(file => file.endsWith('.deb'))!;
  must('dpkg', '-x', join(work, archive), join(work, 'root'));
  const [release] = readdirSync(join(work, 'root/lib/modules'));
  must('depmod', '-b', join(work, 'root'), release!);
  renameSync(join(work, 'root'), join(cache, name));
  rmSync(work, { recursive: true });
  return name;
}

/** The greatest by the numbers in it. */
function newest(names: readonly string[]): string | undefined {
  return [...names].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
}
