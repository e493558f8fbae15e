// What a verb of the command line is, and how it fails: a usage error ends with exit code 2 and a pointer to the help,
// any other with one line (what, why, what to do) and exit code 1.
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { FsError } from '../base/errno.js';
import { AddonError } from '../native/built.js';

export interface Verb {
  readonly name: string;
  /** One line for `leasefs help`. */
  readonly summary: string;
  /** The text of `leasefs VERB --help`, at most 92 columns wide. */
  readonly help: string;
  /** The exit code. */
  run(args: readonly string[]): Promise<number>;
}

/** The command was typed wrongly: exit code 2. */
export class UsageError extends Error {}

/** It was typed rightly and cannot be done: one line, exit code 1. */
export class CommandError extends Error {}

type Options = NonNullable<ParseArgsConfig['options']>;
type Parsed<T extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: T; allowPositionals: true; strict: true }>
>;

/** parseArgs of node:util, strict, its errors as usage errors. */
export function parseOptions<const T extends Options>(args: readonly string[], options: T): Parsed<T> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(firstSentence(error instanceof Error ? error.message : String(error)));
  }
}

/** The one positional argument that the verb takes. */
export function onlyArgument(positionals: readonly string[], name: string): string {
  const [first, ...more] = positionals;
  if (first === undefined) throw new UsageError(`${name} is missing`);
  if (more.length > 0) throw new UsageError(`one ${name} is expected, '${more[0]}' is too much`);
  return first;
}

/** The line that reports an error of any kind. */
export function errorLine(error: unknown): string {
  if (error instanceof CommandError || error instanceof UsageError || error instanceof FsError)
    return error.message;
  if (error instanceof AddonError) return error.message;
  if (!(error instanceof Error)) return String(error);
  // An error of a system call has a complete message; any other error is a bug of ours.
  if ('syscall' in error) {
    const { path } = error as NodeJS.ErrnoException;
    const missing = 'code' in error && error.code === 'ENOENT' && path?.includes('/.leasefs/');
    return missing ? `no ${path}: a mount by --transport=fuse-native has none` : error.message;
  }
  return error.stack ?? error.message;
}

/** Node's own messages go on with advice about '--' that does not concern us. */
function firstSentence(message: string): string {
  const [first] = message.split(/\. |\n/);
  return first!.replace(/\.$/, '');
}
