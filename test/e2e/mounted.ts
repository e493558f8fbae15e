// A mount for a test file: `leasefs mount --foreground` in a process of its own (a synchronous call into one's own
// mount would deadlock), taken down whatever happens.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Reports, readReport } from '../../src/client/index.js';

export const cli = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const READY_MS = 15_000;

export class Mounted {
  readonly path: string;
  readonly pid: number;
  private readonly child: ChildProcess;
  private readonly logFile: string;

  private constructor(path: string, logFile: string, child: ChildProcess) {
    this.path = path;
    this.logFile = logFile;
    this.child = child;
    this.pid = child.pid!;
  }

  /** Mounts in a new directory; `args` go to `leasefs mount`. */
  static async start(...args: readonly string[]): Promise<Mounted> {
    const path = mkdtempSync(join(tmpdir(), 'leasefs-test-'));
    return Mounted.at(path, ...args);
  }

  static async at(path: string, ...args: readonly string[]): Promise<Mounted> {
    const logFile = `${path}.log`;
    const log = openSync(logFile, 'w');
    const child = spawn(
      process.execPath,
      ['--enable-source-maps', cli, 'mount', '--foreground', '--ready-fd', '3', ...args, path],
      { stdio: ['ignore', log, log, 'pipe'] },
    );
    closeSync(log);
    const mounted = new Mounted(path, logFile, child);
    const late = setTimeout(() => child.kill('SIGKILL'), READY_MS);
    const said = await text(child.stdio[3] as NodeJS.ReadableStream);
    clearTimeout(late);
    if (!said.startsWith('ready')) throw new Error(`no mount at ${path}: ${said}${mounted.log()}`);
    return mounted;
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** What the daemon wrote so far. */
  log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  report<What extends keyof Reports>(what: What): Reports[What] {
    const root = openSync(this.path, 'r');
    try {
      return readReport(root, what);
    } finally {
      closeSync(root);
    }
  }

  kill(signal: NodeJS.Signals): Promise<number | null> {
    const ended = this.ended();
    this.child.kill(signal);
    return ended;
  }

  ended(): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null)
      return Promise.resolve(this.child.exitCode);
    return new Promise(resolve => this.child.once('exit', code => resolve(code)));
  }

  /** Unmounts and waits for the daemon's end. */
  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const late = setTimeout(() => this.child.kill('SIGKILL'), 5000);
      await this.kill('SIGTERM');
      clearTimeout(late);
    }
    spawnSync('umount', ['-l', this.path], { stdio: 'ignore' });
    rmSync(this.logFile, { force: true });
    rmdirSync(this.path);
  }
}

/** Why tests of a mount cannot run here; they fail with it, unless LEASEFS_SKIP_MOUNT=1 asks to skip. */
export function requireMount(): void {
  if (process.getuid?.() !== 0)
    throw new Error('tests of a real mount need root: run them as root, or set LEASEFS_SKIP_MOUNT=1 to skip');
  closeSync(openSync('/dev/fuse', 'r+'));
}

export const skipMount = process.env.LEASEFS_SKIP_MOUNT === '1';
