// Programs of others that a test runs as they are. `.ci/run` installs those that are small enough and sets
// LEASEFS_REQUIRE=1, with which a missing one of them is a failure; else its tests are skipped, and say so.
import { spawn, spawnSync } from 'node:child_process';

/** Debian's package of each. */
const packages = {
  fio: 'fio',
  go: 'golang-go',
  'liburing.h': 'liburing-dev',
  pytest: 'python3-pytest',
  rustc: 'rustc',
} as const;
const tooLarge: readonly string[] = ['rustc'];

const answers = (command: string, ...args: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

const isThere: Readonly<Record<keyof typeof packages, () => boolean>> = {
  fio: () => answers('fio', '--version'),
  go: () => answers('go', 'version'),
  'liburing.h': () => answers('sh', '-c', 'echo "#include <liburing.h>" | gcc -E -x c - >/dev/null'),
  pytest: () => answers('python3', '-m', 'pytest', '--version'),
  rustc: () => answers('rustc', '--version'),
};

/** Why `name` cannot be run here; undefined if it can. */
export function missing(name: keyof typeof packages): string | undefined {
  if (isThere[name]()) return undefined;
  const why = `${name} is not installed: apt-get install ${packages[name]}`;
  if (process.env.LEASEFS_REQUIRE === '1' && !tooLarge.includes(name)) throw new Error(why);
  return why;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end, `ms` at most. */
export function run(command: readonly string[], env: NodeJS.ProcessEnv = {}, ms = 60_000): Promise<Ended> {
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
