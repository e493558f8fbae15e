// npm run bench:fs [-- --quick] [--draw=FILE.json]: the mounted filesystem against its rivals (bench/README.md).
// Needs root, /dev/fuse, a C compiler and libfuse3-dev.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, thisMachine } from '../shared/machine.js';
import { option } from '../shared/numbers.js';
import { CPU } from '../shared/pinned-process.js';
import {
  buildPrograms,
  CONTENDERS,
  type Contender,
  libfuseVersion,
  Mount,
  type Sample,
} from './contenders.js';
import { OPERATIONS, THREADED } from './goals.js';
import { drawingOf, reportOf } from './report.js';
import type { Garbage, Results, Row } from './results.js';

/** Of the client's readdir. */
const FILES = 10_000;
const MANY = 4;
/** Of each operation before anything counts, ms. */
const WARM_MS = 300;

async function measure(quick: boolean): Promise<Results> {
  const [rounds, ms] = quick ? [3, 40] : [9, 200];
  const machine = thisMachine();
  buildPrograms();
  const mounts: Mount[] = [];
  try {
    for (const contender of CONTENDERS) mounts.push(await Mount.start(contender));
    // Compilers and caches come to rest before anything counts.
    for (const mount of mounts) {
      for (const operation of OPERATIONS) mount.run(operation, 1, quick ? ms : WARM_MS);
      mount.clear();
    }
    const bytesAFile: Partial<Record<Contender, number>> = {};
    for (const mount of mounts) {
      const before = mount.anonymous();
      if (mount.run('readdir', 1, 1) === undefined) continue;
      const after = mount.anonymous();
      if (before !== undefined && after !== undefined) bytesAFile[mount.contender] = (after - before) / FILES;
      mount.clear();
    }
    const rows: Row[] = [];
    for (const operation of OPERATIONS) rows.push(interleave(mounts, operation, 1, rounds, ms));
    for (const operation of THREADED) rows.push(interleave(mounts, operation, MANY, rounds, ms));
    const mountMs = Object.fromEntries(mounts.map(mount => [mount.contender, mount.mountMs]));
    return { machine, libfuse: libfuseVersion(), quick, rows, mountMs, bytesAFile, garbage: garbage() };
  } finally {
    for (const mount of mounts) await mount.stop();
  }
}

/** Of the session alone, in a process whose young generation holds what is counted. */
function garbage(): Garbage {
  const flags = ['--expose-gc', '--min-semi-space-size=16', '--max-semi-space-size=16'];
  const script = join(import.meta.dirname, 'garbage.js');
  const args = ['-c', String(CPU), process.execPath, ...flags, script];
  return JSON.parse(
    execFileSync('taskset', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
  );
}

/** Everybody once, and again: ratios are of figures that lie close together in time. */
function interleave(
  mounts: readonly Mount[],
  operation: string,
  threads: number,
  rounds: number,
  ms: number,
): Row {
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
const results =
  drawn === undefined
    ? await measure(process.argv.includes('--quick'))
    : (JSON.parse(readFileSync(drawn, 'utf8')) as Results);
const name = join(folder, results.quick ? 'fs-quick' : 'fs');
mkdirSync(folder, { recursive: true });
if (drawn === undefined) writeFileSync(`${name}.json`, `${JSON.stringify(results, null, 1)}\n`);
writeFileSync(`${name}.svg`, drawingOf(results));
console.log(reportOf(results));
