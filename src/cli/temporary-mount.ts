// A mount in a new directory under /tmp, mounted and unmounted by the command in processes of its own, so that `demo` shows
// what every user gets. For `doctor` and `demo`; it is always removed afterwards.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { NO_DEBUGGER } from '../base/no-debugger.js';
import { native } from '../native/binding.js';
import { CommandError } from './verb.js';

/** The program that this process runs: `node main.js VERB ...`. */
export const mainFile = fileURLToPath(new URL('./main.js', import.meta.url));

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Of what a child has besides the standard descriptors. */
const FIRST_FD = 3;
/** ms until a command that does not end is killed. */
const LIMIT_MS = 120_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGPIPE'] as const;

/** `leasefs ARGS` in a process of its own, which a Ctrl-C at the terminal does not reach. */
export const leasefs = (...args: readonly string[]): Promise<Ran> => runWith([], args);

/** @param fds what it has as descriptors from 3 on. */
async function runWith(fds: readonly number[], args: readonly string[]): Promise<Ran> {
  const child = spawn(process.execPath, [NO_DEBUGGER, mainFile, ...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', ...fds],
    timeout: LIMIT_MS,
  });
  const ended = new Promise<number>(resolve => {
    child.on('exit', code => resolve(code ?? 1));
    child.on('error', () => resolve(1));
  });
  const { stdout: out, stderr: err } = child as ChildProcessByStdio<null, Readable, Readable>;
  const [stdout, stderr, code] = await Promise.all([text(out), text(err), ended]);
  return { code, stdout, stderr: stderr.trimEnd() };
}

export interface TemporaryMount {
  readonly path: string;
  /** The notice of `leasefs mount`: why there is no passthrough. */
  readonly notice: string;
}

/**
 * Mounts in a new directory, until `unmount` or the end of this process, also by SIGKILL.
 * @throws CommandError with what `leasefs mount` said.
 */
export async function mountTemporarily(
  options: readonly string[],
): Promise<TemporaryMount & { readonly unmount: () => Promise<void> }> {
  const [ours, its] = native.socketpair();
  const path = mkdtempSync(join(tmpdir(), 'leasefs-'));
  const { code, stderr } = await runWith([its.fd], ['mount', `--while-fd=${FIRST_FD}`, ...options, path]);
  its.close();
  const said = stderr.replace(/^leasefs mount: /, '');
  if (code !== 0) {
    ours.close();
    rmdirSync(path);
    throw new CommandError(said);
  }
  const unmount = async () => {
    const plain = await leasefs('umount', path);
    const last = plain.code === 0 ? plain : await leasefs('umount', '--lazy', path);
    if (last.code !== 0) throw new CommandError(last.stderr.replace(/^leasefs umount: /, ''));
    rmdirSync(path);
    ours.close();
  };
  return { path, notice: said, unmount };
}

/**
 * Mounts, lets `use` run, and unmounts: after `use`, after its failure, and after a signal, which ends it.
 *
 * @param end called before the unmount, to end the processes that use the mount.
 * @throws CommandError with what `leasefs mount` said, or when a signal came.
 */
export async function withTemporaryMount<T>(
  options: readonly string[],
  use: (mount: TemporaryMount) => Promise<T>,
  end: () => Promise<void> = async () => {},
): Promise<T> {
  let stop: NodeJS.SignalsListener = () => {};
  const signalled = new Promise<never>((_, reject) => {
    stop = signal => reject(new CommandError(`ended by ${signal}`));
  });
  signalled.catch(() => {});
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    const mounted = await mountTemporarily(options);
    try {
      return await Promise.race([signalled, use(mounted)]);
    } finally {
      await end();
      await mounted.unmount();
    }
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
  }
}
