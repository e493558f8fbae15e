// npm run bench:fs [-- --quick] [--operations=create,unlink] [--against=DIR] [--kept] [--draw=FILE.json]: the mounted
// filesystem against its rivals (bench/README.md). --against names another checkout, built, to compare with, and --kept
// compares with what a keeper costs: ours and theirs alone then. A run of some operations alone, or with one of these two,
// writes no results. Needs root, /dev/fuse, a C compiler and libfuse3-dev.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, thisMachine } from '../shared/machine.js';
import { jsonOf, option } from '../shared/numbers.js';
import { CPU } from '../shared/pinned-process.js';
import {
  AGAINST,
  buildPrograms,
  CONTENDERS,
  type Contender,
  KEPT,
  libfuseVersion,
  Mount,
  OURS,
  type Sample,
} from './contenders.js';
import { OPERATIONS, THREADED } from './goals.js';
import { drawingOf, reportOf } from './report.js';
import { type Garbage, type MeasuredRow, type Results, rowOf } from './results.js';

/** Of the client's readdir. */
const FILES = 10_000;
const MANY = 4;
/** Of one run before anything counts, ms, and of such runs at most. */
const WARM_MS = 200;
const WARM_RUNS = 15;
/** A run counts as an improvement when it takes less than this share of the best one before it. */
const BETTER = 0.97;

/** The figures, and the rounds that they were made of. */
async function measure(
  quick: boolean,
  operations: readonly string[],
  against: string | undefined,
  kept: boolean,
): Promise<{ results: Results; rounds: object }> {
  const [rounds, ms] = quick ? [3, 40] : [9, 200];
  const machine = thisMachine();
  buildPrograms();
  const mounts: Mount[] = [];
  try {
    const ours = against !== undefined || kept;
    for (const contender of ours ? OURS : CONTENDERS) mounts.push(await Mount.start(contender));
    if (against !== undefined)
      for (const contender of AGAINST) mounts.push(await Mount.start(contender, against));
    if (kept) for (const contender of KEPT) mounts.push(await Mount.start(contender));
    for (const mount of mounts) {
      for (const operation of operations) settle(mount, operation);
    }
    const bytesAFile: Partial<Record<Contender, number>> = {};
    for (const mount of mounts) {
      const before = mount.anonymous();
      if (mount.run('readdir', 1, 1) === undefined) continue;
      const after = mount.anonymous();
      if (before !== undefined && after !== undefined) bytesAFile[mount.contender] = (after - before) / FILES;
      mount.clear();
    }
    const rows: MeasuredRow[] = [];
    for (const operation of operations) rows.push(interleave(mounts, operation, 1, rounds, ms));
    for (const operation of THREADED) {
      if (operations.includes(operation)) rows.push(interleave(mounts, operation, MANY, rounds, ms));
    }
    const mountMs = Object.fromEntries(mounts.map(mount => [mount.contender, mount.mountMs]));
    const libfuse = libfuseVersion();
    const server = { mountMs, bytesAFile, garbage: garbage(), kept: garbage('--kept') };
    return {
      results: { machine, libfuse, quick, rows: rows.map(rowOf), ...server },
      rounds: { machine, rows },
    };
  } finally {
    for (const mount of mounts) await mount.stop();
  }
}

/** Lets compilers and caches come to rest: until two runs in a row bring nothing. */
function settle(mount: Mount, operation: string): void {
  let best = Number.POSITIVE_INFINITY;
  for (let runs = 0, still = 0; runs < WARM_RUNS && still < 2; runs++) {
    const sample = mount.run(operation, 1, WARM_MS);
    mount.clear();
    if (sample === undefined) return;
    still = sample.median < best * BETTER ? 0 : still + 1;
    best = Math.min(best, sample.median);
  }
}

/** Of the session alone, in a process whose young generation holds what is counted. */
function garbage(...options: readonly string[]): Garbage {
  const flags = ['--expose-gc', '--min-semi-space-size=16', '--max-semi-space-size=16'];
  const script = join(import.meta.dirname, 'garbage.js');
  const args = ['-c', String(CPU), process.execPath, ...flags, script, ...options];
  return JSON.parse(
    execFileSync('taskset', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
  );
}

/** Each contender once, then each again: ratios are of figures that lie close together in time. */
function interleave(
  mounts: readonly Mount[],
  operation: string,
  threads: number,
  rounds: number,
  ms: number,
): MeasuredRow {
  console.error(`  ${operation}, ${threads} thread${threads > 1 ? 's' : ''}`);
  const samples: Partial<Record<Contender, Sample[]>> = {};
  for (let round = 0; round < rounds; round++) {
    for (const mount of mounts) {
      const sample = mount.run(operation, threads, ms);
      if (sample !== undefined) {
        samples[mount.contender] ??= [];
        samples[mount.contender]!.push(sample);
      }
      mount.clear();
    }
  }
  return { operation, threads, rounds: samples };
}

const folder = join(ROOT, 'bench/results');
const drawn = option('draw');
const operations = option('operations')?.split(',') ?? OPERATIONS;
const unknown = operations.find(name => !OPERATIONS.some(known => known === name));
if (unknown !== undefined) {
  console.error(`bench:fs: --operations=${unknown}: there is none; there are ${OPERATIONS.join(', ')}`);
  process.exit(2);
}
const against = option('against');
const kept = process.argv.includes('--kept');
const measured =
  drawn === undefined
    ? await measure(process.argv.includes('--quick'), operations, against, kept)
    : undefined;
const results = measured?.results ?? (JSON.parse(readFileSync(drawn!, 'utf8')) as Results);
const name = join(folder, results.quick ? 'fs-quick' : 'fs');
mkdirSync(folder, { recursive: true });
if (operations === OPERATIONS && against === undefined && !kept) {
  if (measured !== undefined) {
    writeFileSync(`${name}.json`, jsonOf(measured.results));
    writeFileSync(`${name}-rounds.json`, jsonOf(measured.rounds));
  }
  writeFileSync(`${name}.svg`, drawingOf(results));
}
console.log(reportOf(results));
