// A mount in a new directory under /tmp, made and unmade by the command itself in processes of its own: what `demo` shows
// is what everybody gets. For `doctor` and `demo`.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandError } from './verb.js';

/** The program that this process runs: `node main.js VERB ...`. */
export const mainFile = fileURLToPath(new URL('./main.js', import.meta.url));

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** ms until a command that does not end is killed. */
const LIMIT_MS = 60_000;

/** `leasefs ARGS` in a process of its own. */
export function leasefs(...args: readonly string[]): Promise<Ran> {
  return new Promise(resolve => {
    execFile(process.execPath, [mainFile, ...args], { timeout: LIMIT_MS }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, stdout, stderr: stderr.trimEnd() });
    });
  });
}

export class TemporaryMount {
  readonly path: string;
  /** What `leasefs mount` had to say: why there is no passthrough. */
  readonly notice: string;
  private mounted = true;

  private constructor(path: string, notice: string) {
    this.path = path;
    this.notice = notice;
  }

  /** @throws CommandError with what `leasefs mount` said. */
  static async start(...options: readonly string[]): Promise<TemporaryMount> {
    const path = mkdtempSync(join(tmpdir(), 'leasefs-'));
    const { code, stderr } = await leasefs('mount', ...options, path);
    const said = stderr.replace(/^leasefs mount: /, '');
    if (code === 0) return new TemporaryMount(path, said);
    rmdirSync(path);
    throw new CommandError(said);
  }

  /** Unmounts, lazily if it is busy. Idempotent. */
  async stop(): Promise<void> {
    if (!this.mounted) return;
    this.mounted = false;
    const plain = await leasefs('umount', this.path);
    if (plain.code !== 0) await leasefs('umount', '--lazy', this.path);
    rmdirSync(this.path);
  }
}
