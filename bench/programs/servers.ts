// Who serves the programs, on which CPUs, and what a server has done: requests by kind and CPU time.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ReportedStatus, readReport } from '../../src/client/index.js';
import { BUILD } from '../fs/contenders.js';
import { ROOT } from '../shared/machine.js';

const MOUNT_MS = 60_000;
const END_MS = 5000;
/** USER_HZ, of /proc/PID/stat. */
const TICKS = 100;

export const REFERENCE = 'C memfs';
/** Adaptive spinning is what a mount does by itself; `sleep` is --spin=off. */
export const SERVERS = [
  'tmpfs',
  'passthrough_hp',
  REFERENCE,
  'direct',
  'direct sleep',
  'pooled',
  'pooled sleep',
] as const;
export type ServerName = (typeof SERVERS)[number];

/** libfuse's example, where a distribution or the user has built it. */
const hp = (): string | undefined => {
  const { status, stdout } = spawnSync('sh', ['-c', 'command -v passthrough_hp'], { encoding: 'utf8' });
  return process.env.PASSTHROUGH_HP ?? (status === 0 ? stdout.trim() : undefined);
};

export const isHere = (name: ServerName): boolean => name !== 'passthrough_hp' || hp() !== undefined;

function commandOf(name: ServerName, path: string, source: string): readonly string[] {
  const leasefs = (store: string, spin: string) => [
    process.execPath,
    join(ROOT, 'dist/src/cli/main.js'),
    'mount',
    '--foreground',
    `--store=${store}`,
    `--spin=${spin}`,
    path,
  ];
  switch (name) {
    case 'tmpfs':
      return [];
    case 'passthrough_hp':
      return [hp()!, '--foreground', source, path];
    case REFERENCE:
      return [join(BUILD, 'fs-memfs'), '-f', path];
    case 'direct':
      return leasefs('direct', 'auto');
    case 'direct sleep':
      return leasefs('direct', 'off');
    case 'pooled':
      return leasefs('pooled', 'auto');
    case 'pooled sleep':
      return leasefs('pooled', 'off');
  }
}

export class Server {
  readonly name: ServerName;
  readonly path: string;
  private readonly child: ChildProcess | undefined;
  /** A tmpfs that passthrough_hp serves. */
  private readonly source: string;

  private constructor(name: ServerName, path: string, source: string, child: ChildProcess | undefined) {
    this.name = name;
    this.path = path;
    this.source = source;
    this.child = child;
  }

  /** @param cpus the list of taskset -c */
  static async start(name: ServerName, cpus: string): Promise<Server> {
    const path = mkdtempSync(join(tmpdir(), 'leasefs-programs-'));
    const source = name === 'passthrough_hp' ? mkdtempSync(join(tmpdir(), 'leasefs-source-')) : '';
    const before = statSync(path).dev;
    const memory = name === 'tmpfs' ? path : source;
    if (memory !== '') execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', memory]);
    if (name === 'tmpfs') return new Server(name, path, source, undefined);
    const from = performance.now();
    const child = spawn('taskset', ['-c', cpus, ...commandOf(name, path, source)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const server = new Server(name, path, source, child);
    while (statSync(path).dev === before) {
      if (child.exitCode !== null || child.signalCode !== null || performance.now() - from > MOUNT_MS) {
        await server.stop();
        throw new Error(`${name} did not mount: it needs root and /dev/fuse`);
      }
      await sleep(5);
    }
    return server;
  }

  /** Requests so far, by name; undefined of servers that count none. */
  requests(): Readonly<Record<string, number>> | undefined {
    return this.status()?.requests;
  }

  /** s that spinning has taken; undefined of servers that do not spin. */
  spun(): number | undefined {
    const us = this.status()?.spin?.us;
    return us === undefined ? undefined : us / 1e6;
  }

  /** CPU time of the server, s. */
  cpu(): number | undefined {
    if (this.child === undefined) return undefined;
    const stat = readFileSync(`/proc/${this.child.pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  }

  private status(): ReportedStatus | undefined {
    if (!/^(direct|pooled)/.test(this.name)) return undefined;
    const fd = openSync(this.path, 'r');
    try {
      return readReport(fd, 'status');
    } finally {
      closeSync(fd);
    }
  }

  async stop(): Promise<void> {
    const { child } = this;
    spawnSync('umount', ['-l', this.path], { stdio: 'ignore' });
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = new Promise(resolve => child.once('exit', resolve));
      const late = setTimeout(() => child.kill('SIGKILL'), END_MS);
      child.kill('SIGTERM');
      await ended;
      clearTimeout(late);
    }
    if (this.source !== '') {
      spawnSync('umount', ['-l', this.source], { stdio: 'ignore' });
      rmdirSync(this.source);
    }
    rmdirSync(this.path);
  }
}
