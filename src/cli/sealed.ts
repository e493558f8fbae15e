// A daemon without a debugger (base/no-debugger.ts): Node is started for it without the variables of the environment.
// NODE_OPTIONS and the like start a debugger too, or load code.
import { NO_DEBUGGER } from '../base/no-debugger.js';
import { native } from '../native/binding.js';
import { CommandError } from './verb.js';

/** The options of NODE_OPTIONS that set the heap's size are kept (README: --inodes). */
const HEAP = /^--max[-_](old[-_]space|heap)[-_]size=\d+$/;
/**
 * V8's limit of the heap includes three semi-spaces, whose size depends on the version of Node: 16 MiB, or 64 MiB in 24. So
 * that what follows from the limit (base/heap.ts) fits the old objects, it is the same in each.
 */
const SEMI_SPACE = '--max-semi-space-size=16';
/** The rest of the environment is for other programs. */
const KEPT =
  /^(PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|NOTIFY_SOCKET|FDSTORE|LISTEN_\w+|XDG_RUNTIME_DIR|LEASEFS_\w+|LD_\w+|UV_\w+|[AL]SAN_OPTIONS|UBSAN_OPTIONS)$/;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Options of Node for a daemon: those of this process and the heap's, without any of a debugger. Warnings go to no pipe.
 */
export function sealedOptions(execArgv: readonly string[], env: Environment): string[] {
  const heap = (env.NODE_OPTIONS ?? '').split(/\s+/).filter(word => HEAP.test(word));
  const own = execArgv.filter(word => !/^--(inspect|debug)/.test(word) && word !== '--no-warnings');
  return [NO_DEBUGGER, '--no-warnings', ...heap, ...own, SEMI_SPACE];
}

export function sealedEnvironment(env: Environment): Record<string, string> {
  const kept = Object.entries(env).filter(([name, value]) => KEPT.test(name) && value !== undefined);
  return Object.fromEntries(kept) as Record<string, string>;
}

const isSealed = (): boolean => sealedOptions([], {}).every(option => process.execArgv.includes(option));

/**
 * Starts this process anew, as the same command and under the same pid, with no debugger. Does nothing where it is sealed.
 * @param env of the new one
 * @param fds descriptors that it keeps, besides the standard ones
 */
export function seal(env: Environment, ...fds: readonly number[]): void {
  if (isSealed()) return;
  const [, main = '', ...args] = process.argv;
  const command = [process.execPath, ...sealedOptions(process.execArgv, process.env), main, ...args];
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const failed = native.execute(process.execPath, command, variables, fds);
  throw new CommandError(`cannot start ${process.execPath} anew: errno ${-failed}`);
}
