// Runs test files, each in a process of its own with a time limit, some at a time, and ends with the line
// `N passed, N failed`, and `, N skipped` where tests were skipped, after a line for each reason. A file that crashes,
// hangs or runs no test counts as failed.
//   node dist/test/run.js [--long] [PART...]     files whose name contains a PART
// Files named `*.long.test.ts` take long: they run with --long, or when a PART names them. Those of test/vm run in its
// virtual machines.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { givenTimeFactor, late, measureTimeFactor, timeFactor } from './support/time-factor.js';

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, '../../test');
const LIMIT_MS = 180_000;
/** Tests wait as much as they compute. */
const AT_ONCE = 2 * availableParallelism();
/** They last longest, so they come first. */
const FIRST = ['conformance/posix', 'e2e/histories', 'e2e/residency', 'cli/mounted'];
const MEASURED_FOR_MS = 5000;

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

function testFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .flatMap(entry => {
      const path = join(dir, entry.name);
      // What was compiled from a file that is gone is no test any more; a folder of programs has no tests.
      const source = join(sources, relative(here, path)).replace(/js$/, 'ts');
      if (entry.isDirectory()) return existsSync(source) ? testFiles(path) : [];
      return entry.name.endsWith('.test.js') && existsSync(source) ? [path] : [];
    })
    .sort();
}

/** uvu's closing lines: Total, Passed, Skipped. */
function counts(output: string): Outcome | undefined {
  const of = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(output)?.[1] ?? Number.NaN);
  const total = of('Total');
  const passed = of('Passed');
  const skipped = of('Skipped');
  if (Number.isNaN(total) || total + skipped === 0) return undefined;
  return { passed, failed: total - passed, skipped };
}

const reasons = new Map<string, number>();

/** Adds up the lines by which suites.ts says what was skipped and why; how many skips have no such line. */
function countReasons(output: string, skipped: number): number {
  let left = skipped;
  for (const [, count, reason] of output.matchAll(/^leasefs skipped (\d+): (.*)$/gm)) {
    reasons.set(reason!, (reasons.get(reason!) ?? 0) + Number(count));
    left -= Number(count);
  }
  return left;
}

let measured = { factor: timeFactor, at: performance.now() };

/** As it is now: what runs beside the tests comes and goes. */
function factorNow(): number {
  if (givenTimeFactor === undefined && performance.now() - measured.at > MEASURED_FOR_MS)
    measured = { factor: measureTimeFactor(), at: performance.now() };
  return measured.factor;
}

function run(file: string): Promise<Outcome> {
  const factor = factorNow();
  const name = relative(here, file).replace(/\.js$/, '');
  const started = performance.now();
  return new Promise(resolve => {
    const child = spawn(process.execPath, ['--enable-source-maps', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, FORCE_COLOR: '0', LEASEFS_TIME_FACTOR: `${factor}` },
    });
    let output = '';
    child.stdout.on('data', data => {
      output += data;
    });
    child.stderr.on('data', data => {
      output += data;
    });
    let isLate = false;
    const watchdog = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, LIMIT_MS * factor);
    child.on('close', code => {
      clearTimeout(watchdog);
      const seen = isLate ? undefined : counts(output);
      const outcome = seen ?? { passed: 0, failed: 1, skipped: 0 };
      const unexplained = countReasons(output, outcome.skipped);
      if (unexplained > 0)
        output += `\n${unexplained} skipped without a reason: skip by needing() or suiteNeeding() of support/suites.ts\n`;
      const bad = outcome.failed > 0 || code !== 0 || unexplained > 0;
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.log(
        `${bad ? 'not ok' : 'ok    '} ${name}: ${outcome.passed} passed, ${outcome.failed} failed, ${outcome.skipped} skipped (${seconds} s)`,
      );
      if (bad) console.log(`${output}\n${isLate ? late(name, LIMIT_MS * factor).message : `exit ${code}`}`);
      resolve(bad && outcome.failed === 0 ? { ...outcome, failed: 1 } : outcome);
    });
  });
}

const words = process.argv.slice(2);
const wanted = words.filter(word => word !== '--long');
const isInVm = (file: string): boolean => relative(here, file).startsWith('vm/');
const isWanted = (file: string): boolean => {
  if (isInVm(file) && process.env.LEASEFS_VM === undefined) return false;
  if (wanted.length > 0) return wanted.some(part => file.includes(part));
  return words.includes('--long') || !file.endsWith('.long.test.js');
};
const rank = (file: string): number => {
  const at = FIRST.findIndex(part => file.includes(part));
  return at < 0 ? FIRST.length : at;
};
const files = testFiles(here)
  .filter(isWanted)
  .sort((a, b) => rank(a) - rank(b));
const total = { passed: 0, failed: 0, skipped: 0 };
const queue = files.values();

async function work(): Promise<void> {
  for (const file of queue) {
    const outcome = await run(file);
    total.passed += outcome.passed;
    total.failed += outcome.failed;
    total.skipped += outcome.skipped;
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, work));
if (files.length === 0) {
  console.log(`no test file matches ${wanted.join(' ')}`);
  total.failed++;
}
for (const [reason, count] of [...reasons].sort(([, a], [, b]) => b - a))
  console.log(`${count} skipped: ${reason}`);
const skipped = total.skipped === 0 ? '' : `, ${total.skipped} skipped`;
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed > 0 ? 1 : 0;
