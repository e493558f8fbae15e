// table-fuzzer.ts in a process of its own.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { timeFactor } from '../support/time-factor.js';

const program = fileURLToPath(new URL('./table-fuzzer.js', import.meta.url));
const LIMIT_MS = 150_000 * timeFactor;

/** `steps` calls; throws an Error that names the seed. */
export function fuzzTable(seed: number, steps: number): void {
  const cwd = mkdtempSync(join(tmpdir(), 'leasefs-table-'));
  try {
    const words = ['--enable-source-maps', program, `${seed}`, `${steps}`];
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, words, {
      cwd,
      encoding: 'utf8',
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = [status ?? signal, stdout];
    assert.equal(said, [0, `${steps} calls\n`], `LEASEFS_SEED=${seed}\n${stderr}`);
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}
