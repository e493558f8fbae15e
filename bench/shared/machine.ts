// Where figures come from: the machine, the versions, the commit. Part of every results file.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';

/** The project's folder; the benches run from dist/bench/NAME. */
export const ROOT = join(import.meta.dirname, '../../..');

export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cpus: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly v8: string;
  /** Of one minute, before the bench began: figures from a busy machine say little. */
  readonly load: number;
  readonly commit: string;
}

export function thisMachine(): Machine {
  const all = cpus();
  return {
    date: new Date().toISOString(),
    cpu: all[0]?.model ?? 'unknown',
    cpus: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.versions.node,
    v8: process.versions.v8,
    load: Math.round(loadavg()[0]! * 100) / 100,
    commit: git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') === '' ? '' : '+'),
  };
}

function git(...args: string[]): string {
  try {
    return execFileSync('git', args, {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}

export const machineLine = (m: Machine): string =>
  `${m.date.slice(0, 10)}, ${m.cpu}, ${m.cpus} CPUs, Linux ${m.kernel}, Node.js ${m.node}, load ${m.load}`;

/** The installed version of a package. */
export function versionOf(name: string): string {
  const manifest: unknown = JSON.parse(
    readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8'),
  );
  const version = (manifest as { readonly version?: unknown }).version;
  return typeof version === 'string' ? version : 'unknown';
}
