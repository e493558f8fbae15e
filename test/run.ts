// Runs every test file in a process of its own, two at a time, each with a time limit, and ends with the line
// `N passed, N failed`, and `, N skipped` where tests were skipped, after a line for each reason. A file that crashes,
// hangs or runs no test counts as failed.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { timeFactor } from './support/time-factor.js';

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, '../../test');
const LIMIT_MS = 180_000 * timeFactor;
const AT_ONCE = 2;

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

function testFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .flatMap(entry => {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) return testFiles(path);
      // What was compiled from a file that is gone is no test any more.
      const source = join(sources, relative(here, path)).replace(/js$/, 'ts');
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

/** Adds up the lines by which suites.ts says what was skipped and why; skips without such a line have no reason. */
function countReasons(output: string, skipped: number): void {
  let left = skipped;
  for (const [, count, reason] of output.matchAll(/^leasefs skipped (\d+): (.*)$/gm)) {
    reasons.set(reason!, (reasons.get(reason!) ?? 0) + Number(count));
    left -= Number(count);
  }
  if (left > 0) reasons.set('no reason given', (reasons.get('no reason given') ?? 0) + left);
}

function run(file: string): Promise<Outcome> {
  const name = relative(here, file).replace(/\.js$/, '');
  const started = performance.now();
  return new Promise(resolve => {
    const child = spawn(process.execPath, ['--enable-source-maps', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, FORCE_COLOR: '0' },
    });
    let output = '';
    child.stdout.on('data', data => {
      output += data;
    });
    child.stderr.on('data', data => {
      output += data;
    });
    let late = false;
    const watchdog = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, LIMIT_MS);
    child.on('close', code => {
      clearTimeout(watchdog);
      const seen = late ? undefined : counts(output);
      const outcome = seen ?? { passed: 0, failed: 1, skipped: 0 };
      countReasons(output, outcome.skipped);
      const bad = outcome.failed > 0 || code !== 0;
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.log(
        `${bad ? 'not ok' : 'ok    '} ${name}: ${outcome.passed} passed, ${outcome.failed} failed, ${outcome.skipped} skipped (${seconds} s)`,
      );
      if (bad) console.log(`${output}\n${late ? `killed after ${LIMIT_MS / 1000} s` : `exit ${code}`}`);
      resolve(bad && outcome.failed === 0 ? { ...outcome, failed: 1 } : outcome);
    });
  });
}

const wanted = process.argv.slice(2);
const files = testFiles(here).filter(file => wanted.length === 0 || wanted.some(part => file.includes(part)));
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
