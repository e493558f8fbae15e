// The contenders, and how each is built, mounted and taken down. Servers run on the bench's CPU, as the client does.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from '../shared/machine.js';
import { CPU } from '../shared/pinned-process.js';

export const BUILD = join(ROOT, 'bench/build');
export const SOURCES = join(ROOT, 'bench/native/fs');
const MOUNT_MS = 20_000;
const END_MS = 5000;

/** The reference, the two rivals, the two floors, ours. */
export const CONTENDERS = [
  'tmpfs',
  'libfuse3',
  'libfuse3 -s',
  'bare C',
  'bare C passthrough',
  'leasefs direct',
  'leasefs pooled',
  'leasefs fuse-native',
] as const;
/** What another build, or a keeper, is compared with. */
export const OURS = ['leasefs direct', 'leasefs pooled'] as const;
/** Another checkout's build beside ours (`--against=DIR`): what a change made slower. */
export const AGAINST = ['against direct', 'against pooled'] as const;
/** Ours with a keeper and a journal (`--kept`): what they cost. */
export const KEPT = ['kept direct', 'kept pooled'] as const;
export type Contender = (typeof CONTENDERS)[number] | (typeof AGAINST)[number] | (typeof KEPT)[number];

/** What is not asked of whom: the 10,000 files of readdir take that package minutes to make and remove. */
const LEFT_OUT: Readonly<Partial<Record<Contender, readonly string[]>>> = {
  'leasefs fuse-native': ['readdir'],
};

/** @throws Error when a program does not compile: a C compiler, pkg-config and libfuse3-dev are needed. */
export function buildPrograms(): void {
  mkdirSync(BUILD, { recursive: true });
  const pkgConfig = (...args: string[]) =>
    execFileSync('pkg-config', [...args, 'fuse3'], { encoding: 'utf8' })
      .split(/\s+/)
      .filter(Boolean);
  const build = (name: string, ...flags: string[]) =>
    execFileSync(
      process.env.CC ?? 'cc',
      [
        '-O2',
        '-Wall',
        '-Wextra',
        '-Werror',
        '-o',
        join(BUILD, `fs-${name}`),
        join(SOURCES, `${name}.c`),
        ...flags,
      ],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
  build('client', '-pthread');
  build('bare');
  build('memfs', ...pkgConfig('--cflags', '--libs'));
}

export const libfuseVersion = (): string =>
  execFileSync('pkg-config', ['--modversion', 'fuse3'], { encoding: 'utf8' }).trim();

function commandOf(contender: Contender, path: string, against: string): readonly string[] {
  const leasefs = (option: string, root = ROOT, ...more: readonly string[]) => [
    process.execPath,
    join(root, 'dist/src/cli/main.js'),
    'mount',
    '--foreground',
    ...more,
    option,
    path,
  ];
  switch (contender) {
    case 'tmpfs':
      return [];
    case 'libfuse3':
      return [join(BUILD, 'fs-memfs'), '-f', path];
    case 'libfuse3 -s':
      return [join(BUILD, 'fs-memfs'), '-s', '-f', path];
    case 'bare C':
      return [join(BUILD, 'fs-bare'), path];
    case 'bare C passthrough':
      return [join(BUILD, 'fs-bare'), '-p', path];
    case 'leasefs direct':
      return leasefs('--store=direct');
    case 'leasefs pooled':
      return leasefs('--store=pooled');
    case 'leasefs fuse-native':
      return leasefs('--transport=fuse-native');
    case 'kept direct':
      return leasefs('--store=direct', ROOT, '--keeper');
    case 'kept pooled':
      return leasefs('--store=pooled', ROOT, '--keeper');
    case 'against direct':
      return leasefs('--store=direct', against);
    case 'against pooled':
      return leasefs('--store=pooled', against);
  }
}

/** What one run of the client found; ns a call. */
export interface Sample {
  readonly median: number;
  readonly p99: number;
}

export class Mount {
  readonly contender: Contender;
  /** From the start of the program to the first answer of the root, ms. */
  readonly mountMs: number;
  private readonly path: string;
  private readonly server: ChildProcess | undefined;

  private constructor(contender: Contender, path: string, server: ChildProcess | undefined, mountMs: number) {
    this.contender = contender;
    this.path = path;
    this.server = server;
    this.mountMs = mountMs;
  }

  /** @param against the checkout, built, that `against …` runs */
  static async start(contender: Contender, against = ROOT): Promise<Mount> {
    const path = mkdtempSync(join(tmpdir(), 'leasefs-bench-'));
    const before = statSync(path).dev;
    const from = performance.now();
    if (contender === 'tmpfs') {
      execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', path]);
      return new Mount(contender, path, undefined, performance.now() - from);
    }
    // In a session of its own, as a daemon is: the kernel's scheduler groups processes by that, and a switch between two
    // groups takes longer, some 6 % of the shortest request.
    const server = spawn('taskset', ['-c', String(CPU), ...commandOf(contender, path, against)], {
      stdio: ['ignore', 'ignore', 'inherit'],
      detached: true,
    });
    const mount = () => new Mount(contender, path, server, performance.now() - from);
    while (statSync(path).dev === before) {
      if (server.exitCode !== null || server.signalCode !== null || performance.now() - from > MOUNT_MS) {
        await mount().stop();
        throw new Error(`${contender} did not mount: it needs root and /dev/fuse`);
      }
      await sleep(1);
    }
    return mount();
  }

  /** Runs the client; undefined when the filesystem cannot do it. @throws Error when it goes wrong otherwise. */
  run(operation: string, threads: number, ms: number): Sample | undefined {
    if (LEFT_OUT[this.contender]?.includes(operation)) return undefined;
    const args = [
      '-c',
      String(CPU),
      join(BUILD, 'fs-client'),
      operation,
      this.path,
      String(threads),
      String(ms),
    ];
    const said = execFileSync('taskset', args, { encoding: 'utf8', timeout: 120_000 }).trim();
    const [first, ...rest] = said.split(' ');
    if (first === 'unsupported') {
      if (rest[0] === 'ENOTTY' || rest[0] === 'EOPNOTSUPP') return undefined;
      throw new Error(`${operation} on ${this.contender}: ${rest[0]}`);
    }
    const [median, p99] = rest.map(Number) as [number, number];
    return { median, p99 };
  }

  /** Removes what the client left. */
  clear(): void {
    for (const name of readdirSync(this.path)) {
      if (/^\d+\./.test(name)) rmSync(join(this.path, name), { recursive: true });
    }
  }

  /** Private memory of the server, bytes; undefined for the kernel's own. */
  anonymous(): number | undefined {
    if (this.server === undefined) return undefined;
    const kib = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.server.pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  }

  async stop(): Promise<void> {
    const { server } = this;
    spawnSync('umount', ['-l', this.path], { stdio: 'ignore' });
    if (server !== undefined && server.exitCode === null && server.signalCode === null) {
      const ended = new Promise(resolve => server.once('exit', resolve));
      const late = setTimeout(() => server.kill('SIGKILL'), END_MS);
      server.kill('SIGTERM');
      await ended;
      clearTimeout(late);
    }
    rmdirSync(this.path);
  }
}
