// A mount for a test file: `leasefs mount --foreground` in a process of its own (a synchronous call into one's own
// mount would deadlock), taken down also when a test fails.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sealedEnvironment, sealedOptions } from '../../src/cli/sealed.js';
import { type Reports, readReport } from '../../src/client/index.js';
import { lacking, linuxAtLeast } from './needs.js';
import { publicCli } from './public-copy.js';
import { late, timeFactor } from './time-factor.js';

export { linuxAtLeast };

export const cli = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const READY_MS = 60_000 * timeFactor;

/** Break times for mounts of tests: one longer than any test takes, one that ends soon for a holder that does not answer. */
export const PATIENT = ['--lease-break-time', '600000'] as const;
export const HASTY = ['--lease-break-time', '400'] as const;

interface Daemon {
  readonly path: string;
  readonly seen: string;
  readonly pid: number;
  readonly child: ChildProcess;
  readonly logFile: string;
}

export class Mounted {
  private daemon: Daemon | undefined;

  /** Not mounted yet without a daemon: `become` gives it that of another. */
  constructor(daemon?: Daemon) {
    this.daemon = daemon;
  }

  async become(other: Promise<Mounted>): Promise<void> {
    this.daemon = (await other).running;
  }

  private get running(): Daemon {
    if (this.daemon === undefined)
      throw new Error('it is mounted when the tests run, not when they are defined');
    return this.daemon;
  }

  /** Where the daemon mounted. */
  get path(): string {
    return this.running.path;
  }

  /** Where we see it: the same, but for a mount in another mount namespace. */
  get seen(): string {
    return this.running.seen;
  }

  /** The daemon's process. */
  get pid(): number {
    return this.running.pid;
  }

  /** Mounts in a new directory; `args` go to `leasefs mount`. */
  static async start(...args: readonly string[]): Promise<Mounted> {
    const path = mkdtempSync(join(tmpdir(), 'leasefs-test-'));
    return Mounted.at(path, ...args);
  }

  /** A mount as long as `work` takes. */
  static async during<T>(args: readonly string[], work: (mount: Mounted) => Promise<T>): Promise<T> {
    const mount = await Mounted.start(...args);
    try {
      return await work(mount);
    } finally {
      await mount.stop();
    }
  }

  static at(path: string, ...args: readonly string[]): Promise<Mounted> {
    return Mounted.run([], path, args, child => ({ pid: child.pid!, seen: path }));
  }

  /** The daemon in a pid and a mount namespace of its own, as in a container: processes outside of it are hidden. */
  static async namespaced(...args: readonly string[]): Promise<Mounted> {
    const path = mkdtempSync(join(tmpdir(), 'leasefs-test-'));
    return Mounted.run(['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'], path, args, child => {
      const pid = childOf(child.pid!);
      return { pid, seen: `/proc/${pid}/root${path}` };
    });
  }

  /** The daemon started by `prefix` in a mount namespace that `prefix` makes; it becomes the daemon by exec. */
  static through(prefix: readonly string[], path: string, ...args: readonly string[]): Promise<Mounted> {
    return Mounted.run(prefix, path, args, child => ({
      pid: child.pid!,
      seen: `/proc/${child.pid}/root${path}`,
    }));
  }

  private static async run(
    through: readonly string[],
    path: string,
    args: readonly string[],
    where: (child: ChildProcess) => { pid: number; seen: string },
  ): Promise<Mounted> {
    const logFile = `${path}.log`;
    // Other users may not be able to read this project; the fuse-native package is in it alone.
    const isOther = through.length > 0 && !args.includes('--transport=fuse-native');
    const program = isOther ? publicCli() : cli;
    const log = openSync(logFile, 'w');
    const [command, ...words] = [
      ...through,
      process.execPath,
      // As it starts itself anew without them, which takes as long again.
      ...sealedOptions([], process.env),
      program,
      'mount',
      '--foreground',
      '--ready-fd=3',
      ...args,
      path,
    ];
    const child = spawn(command!, words, {
      stdio: ['ignore', log, log, 'pipe'],
      env: sealedEnvironment(process.env),
    });
    closeSync(log);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, READY_MS);
    const said = await firstLine(child.stdio[3] as NodeJS.ReadableStream);
    clearTimeout(timer);
    if (isLate) throw late(`a mount at ${path}`, READY_MS);
    if (!said.startsWith('ready'))
      throw new Error(`no mount at ${path}: ${said}${readFileSync(logFile, 'utf8')}`);
    const { pid, seen } = where(child);
    return new Mounted({ path, seen, pid, child, logFile });
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** What the daemon wrote so far. */
  log(): string {
    return readFileSync(this.running.logFile, 'utf8');
  }

  report<What extends keyof Reports>(what: What): Reports[What] {
    const root = openSync(this.seen, 'r');
    try {
      return readReport(root, what);
    } finally {
      closeSync(root);
    }
  }

  kill(signal: NodeJS.Signals): Promise<number | null> {
    const ended = this.ended();
    process.kill(this.pid, signal);
    return ended;
  }

  ended(): Promise<number | null> {
    const { child } = this.running;
    if (hasEnded(child)) return Promise.resolve(child.exitCode);
    return new Promise(resolve => child.once('exit', code => resolve(code)));
  }

  /** Unmounts and waits for the daemon's end; nothing if it was never mounted. */
  async stop(): Promise<void> {
    if (this.daemon === undefined) return;
    const { child, path, logFile } = this.daemon;
    if (!hasEnded(child)) {
      // Processes that are just ending may keep it busy: the second signal detaches it, then it ends with them.
      const again = setTimeout(() => process.kill(this.pid, 'SIGTERM'), 500);
      const end = setTimeout(() => child.kill('SIGKILL'), 5000 * timeFactor);
      await this.kill('SIGTERM');
      clearTimeout(again);
      clearTimeout(end);
    }
    spawnSync('umount', ['-l', path], { stdio: 'ignore' });
    rmSync(logFile, { force: true });
    rmdirSync(path);
  }
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

export type Store = 'direct' | 'pooled';
export const bothStores: readonly Store[] = ['direct', 'pooled'];

/** Before it the direct store is refused, and `auto` takes the pooled one. */
export const hasPassthrough = lacking(['passthrough']) === undefined;

/** Those that this kernel must have. */
export const stores: readonly Store[] = hasPassthrough ? bothStores : ['pooled'];

/** Up to the line break or the end; unshare holds the other end of the pipe too, so there may be none. */
async function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  let said = '';
  for await (const piece of stream) {
    said += piece;
    if (said.includes('\n')) break;
  }
  return said;
}

/** The one child of a process. */
function childOf(parent: number): number {
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${pid}/status`, 'utf8').includes(`\nPPid:\t${parent}\n`)) return Number(pid);
    } catch {
      // gone since
    }
  }
  throw new Error(`process ${parent} has no child`);
}
