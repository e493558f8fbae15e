// Scripts of bash over a directory, and whether the programs are there that they run.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';

/** A tree of some ten thousand files that every checkout has. */
const tree = fileURLToPath(new URL('../../../node_modules', import.meta.url));

const LIMIT_MS = 3_600_000;

/**
 * Runs a script in the directory; it ends at the first failure. $TREE is a tree of many files, $PROJECT this project.
 * @returns the last line that it wrote.
 */
export function shell(dir: string, script: string, env: Record<string, string> = {}): string {
  const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: dir,
    encoding: 'utf8',
    env: { ...process.env, TREE: tree, PROJECT: `${tree}/..`, ...env },
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
  });
  assert.is(status, 0, `exit ${status}\n${stdout.slice(-2000)}${stderr.slice(-4000)}`);
  return stdout.trim().split('\n').at(-1) ?? '';
}

/** Those of the commands, or patterns of files, that are not there. */
export function lacking(wanted: readonly string[]): string[] {
  return wanted.filter(one => {
    const script = one.includes('/') ? `compgen -G '${one}'` : `command -v '${one}'`;
    return spawnSync('bash', ['-c', script], { stdio: 'ignore' }).status !== 0;
  });
}
