// The rival in C (bench/native/extent/btree.c): built here, given its data in a file, asked over pipes.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { ROOT } from '../shared/machine.js';
import { CPU } from '../shared/pinned-process.js';
import { type Answer, patternOf, TIMED, type TimedAxis } from './axes.js';
import { NATIVE } from './contestant.js';
import { type Row, SEED } from './row.js';
import { type Extents, extentsOf, PATTERNS, queriesOf, randomFrom, type Shape, truth } from './workload.js';

const PROGRAM = join(ROOT, 'bench/build/extent-btree');

/** Builds the C program; answers why it could not be, or undefined. */
export function buildNative(): string | undefined {
  try {
    if (!/\bavx2\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))) return 'this CPU has no AVX2';
    mkdirSync(join(ROOT, 'bench/build'), { recursive: true });
    execFileSync(process.env.CC ?? 'cc', [
      '-O3',
      '-march=native',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-o',
      PROGRAM,
      join(ROOT, 'bench/native/extent/btree.c'),
    ]);
    return undefined;
  } catch (error) {
    return `it did not compile: ${error instanceof Error ? error.message : String(error)}`;
  }
}

export class NativeRow implements Row {
  readonly name = NATIVE;
  private readonly folder = mkdtempSync(join(tmpdir(), 'leasefs-bench-'));
  private child: ChildProcess | undefined;
  private lines: Interface | undefined;

  async load(shape: Shape, count: number): Promise<Answer> {
    const extents = extentsOf(shape, count, randomFrom(SEED + 1));
    const { start, length, blk } = extents;
    const queries = PATTERNS.map(pattern => queriesOf(pattern, extents, randomFrom(7)));
    const data = join(this.folder, 'data');
    const sizes = [count, ...queries.map(places => places.length)];
    const columns = [Int32Array.from(sizes), start, length, blk, ...queries];
    writeFileSync(data, Buffer.concat(columns.map(c => Buffer.from(c.buffer, c.byteOffset, c.byteLength))));
    const child = spawn('taskset', ['-c', String(CPU), PROGRAM, data], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.child = child;
    this.lines = createInterface({ input: child.stdout });
    await this.ask('check');
    check(extents, queries[0]!, new Int32Array(readFileSync(`${data}.answers`).buffer));
    return {
      axes: TIMED.filter(axis => axis.startsWith('lookup') || axis.startsWith('translate')),
      bytesAnExtent: Number(await this.ask('bytes')) / count,
    };
  }

  async time(axis: TimedAxis, ms: number): Promise<Answer> {
    const verb = axis.startsWith('lookup') ? 'lookup' : 'translate';
    return { ns: Number(await this.ask(`${verb} ${PATTERNS.indexOf(patternOf(axis))} ${ms}`)) };
  }
  async garbage(): Promise<Answer> {
    return { cannot: 'no garbage in C' };
  }
  async tail(): Promise<Answer> {
    return { cannot: 'no changes' };
  }

  async close(): Promise<void> {
    const { child } = this;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      await new Promise<void>(resolve => {
        child.once('exit', () => resolve());
        child.stdin!.end();
      });
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  private ask(question: string): Promise<string> {
    const { child, lines } = this;
    if (child === undefined || lines === undefined) throw new Error('nothing is loaded');
    return new Promise((resolve, reject) => {
      const answered = (line: string) => {
        child.off('exit', ended);
        resolve(line);
      };
      const ended = () => {
        lines.off('line', answered);
        reject(new Error(`the C program ended instead of answering '${question}'`));
      };
      lines.once('line', answered);
      child.once('exit', ended);
      child.stdin!.write(`${question}\n`);
    });
  }
}

function check(extents: Extents, queries: Int32Array, answers: Int32Array): void {
  for (let i = 0; i < queries.length; i++) {
    const { value, run } = truth(extents, queries[i]!);
    if (answers[2 * i] !== value || (run > 0 && answers[2 * i + 1] !== run))
      throw new Error(`the differential check of the C program failed at block ${queries[i]}`);
  }
}
