// Programs of others that a test runs as they are.
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { timeFactor } from '../support/time-factor.js';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end, `ms` at most. */
export function run(
  command: readonly string[],
  env: NodeJS.ProcessEnv = {},
  ms = 60_000 * timeFactor,
): Promise<Ended> {
  const [name, ...args] = command;
  const child = spawn(name!, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    timeout: ms,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', data => {
    stdout += data;
  });
  child.stderr.on('data', data => {
    stderr += data;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', code => resolve({ code, stdout, stderr }));
  });
}

/** Runs a command that must succeed; what it said. */
export async function must(command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, env);
  if (code !== 0) throw new Error(`${command.join(' ')}: exit ${code}: ${stderr}${stdout}`);
  return stdout;
}

/** A program that imports native/include/leasefs.go. @param scratch an empty directory of its own */
export async function buildGo(scratch: string, source: string, program: string): Promise<void> {
  const module = join(scratch, 'src/leasefs');
  mkdirSync(module, { recursive: true });
  const binding = fileURLToPath(new URL('../../../native/include/leasefs.go', import.meta.url));
  copyFileSync(binding, join(module, 'leasefs.go'));
  await must(['go', 'build', '-o', program, source], {
    CGO_ENABLED: '0',
    GO111MODULE: 'off',
    GOPATH: scratch,
    GOCACHE: join(scratch, 'cache'),
  });
}
