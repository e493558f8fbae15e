// What the host does for its machines: commands, packages of Debian for its own processor or another one, and a cache.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { host, type Processor } from './processor.js';

/** What the host needs to boot a machine. */
const PACKAGES = ['busybox-static', 'cpio', 'kmod', 'xz-utils'];

/** What is run inside on the host's root. */
const INSIDE = [
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

/** The compilers of native/prebuild for another processor. */
const COMPILERS: Readonly<Record<Processor['debian'], readonly string[]>> = {
  amd64: ['gcc-x86-64-linux-gnu', 'g++-x86-64-linux-gnu'],
  arm64: ['gcc-aarch64-linux-gnu', 'g++-aarch64-linux-gnu'],
};

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
export function installPackages(processor: Processor): void {
  const wanted = [
    ...PACKAGES,
    processor.qemuPackage,
    ...(processor === host ? INSIDE : ['g++', ...COMPILERS[processor.debian]]),
  ];
  const missing = wanted.filter(
    name => !/^Status: .* installed$/m.test(spawnSync('dpkg', ['-s', name], { encoding: 'utf8' }).stdout),
  );
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) throw new Error(`missing: as root, apt-get install ${missing.join(' ')}`);
  say(`installing ${missing.join(' ')}`);
  must('apt-get', 'update', '-q');
  must('apt-get', 'install', '-qq', '-y', '--no-install-recommends', ...missing);
}

/** Kernels and roots, by names that say for which processor they are. */
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'leasefs/vm');

export function cached(): readonly string[] {
  mkdirSync(cache, { recursive: true });
  return readdirSync(cache);
}

export const inCache = (name: string): string => join(cache, name);

/** A folder of the cache that `make` fills, all of it or none. @param make is given the folder, and one to work in. */
export function keep(name: string, make: (to: string, work: string) => void): string {
  const path = inCache(name);
  if (existsSync(path)) return path;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(inCache('making-'));
  try {
    const to = join(work, 'made');
    mkdirSync(to);
    make(to, work);
    must('mv', '-T', to, path);
    return path;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

let lists: string | undefined;

/** apt-get or apt-cache for a processor, as words: another one's packages by lists of its own, this machine's apt stays as it is. */
export function apt(program: 'apt-get' | 'apt-cache', processor: Processor): readonly [string, ...string[]] {
  if (processor === host) {
    const lists = '/var/lib/apt/lists';
    if (!existsSync(lists) || readdirSync(lists).length < 3) must('apt-get', 'update', '-q');
    return [program, '-o', 'APT::Sandbox::User=root'];
  }
  if (lists === undefined) {
    const state = mkdtempSync(join(tmpdir(), 'leasefs-apt-'));
    process.on('exit', () => rmSync(state, { recursive: true, force: true }));
    for (const dir of ['lists/partial', 'cache/archives/partial'])
      mkdirSync(join(state, dir), { recursive: true });
    writeFileSync(join(state, 'status'), '');
    lists = join(state, 'apt.conf');
    writeFileSync(lists, configuration(processor, state));
    must('apt-get', '-c', lists, 'update', '-q');
  }
  return [program, '-c', lists];
}

const configuration = ({ debian }: Processor, state: string): string => `
APT::Architecture "${debian}";
APT::Architectures { "${debian}"; };
APT::Sandbox::User "root";
Dir::State "${state}";
Dir::State::status "${state}/status";
Dir::Cache "${state}/cache";
Acquire::Languages "none";
`;
