// The options of `leasefs run`, checked.
import { type Failure, failures } from '../run/report-forms.js';
import { parseMountCommand } from './mount-options.js';
import { parseOptions, UsageError } from './verb.js';

export interface RunOptions {
  readonly command: readonly [string, ...string[]];
  /** An existing mount; undefined: a fresh one. */
  readonly at: string | undefined;
  readonly policy: 'strict' | 'report' | 'off';
  readonly failOn: ReadonlySet<Failure>;
  readonly json: boolean;
  readonly junit: string | undefined;
  /** Where the report goes; undefined: standard error. */
  readonly output: string | undefined;
  /** The JSON file of the faults to inject. */
  readonly inject: string | undefined;
  /** For `leasefs mount`. */
  readonly mount: readonly string[];
}

/** Words before the first '--' are ours. @throws UsageError */
export function parseRunCommand(args: readonly string[]): RunOptions {
  const end = args.indexOf('--');
  const [name, ...words] = end < 0 ? [] : args.slice(end + 1);
  if (name === undefined) throw new UsageError("the command is missing: write it after '--'");
  const { values, positionals } = parseOptions(args.slice(0, end), {
    at: { type: 'string' },
    policy: { type: 'string' },
    'fail-on': { type: 'string', multiple: true },
    json: { type: 'boolean' },
    junit: { type: 'string' },
    output: { type: 'string' },
    inject: { type: 'string' },
    size: { type: 'string' },
    store: { type: 'string' },
    semantics: { type: 'string' },
    'lease-break-time': { type: 'string' },
  });
  if (positionals.length > 0) throw new UsageError(`'${positionals[0]}' stands before '--': what is it?`);
  const policy = values.policy ?? 'strict';
  if (policy !== 'strict' && policy !== 'report' && policy !== 'off') {
    throw new UsageError(`--policy is 'strict', 'report' or 'off', not '${policy}'`);
  }
  const mount = (['size', 'store', 'semantics', 'lease-break-time'] as const).flatMap(option => {
    const value = values[option];
    return value === undefined ? [] : [`--${option}`, value];
  });
  // Its values are as 'leasefs mount' takes them: what is wrong is said now.
  if (mount.length > 0) parseMountCommand([...mount, 'MNT']);
  if (values.at !== undefined && mount.length > 0) {
    throw new UsageError(`${mount[0]} is for a fresh mount, --at takes one that is there`);
  }
  return {
    command: [name, ...words],
    at: values.at,
    policy,
    failOn: new Set((values['fail-on'] ?? []).flatMap(list => list.split(',')).map(failure)),
    json: values.json ?? false,
    junit: values.junit,
    output: values.output,
    inject: values.inject,
    mount: values.inject === undefined ? mount : [...mount, '--allow-inject'],
  };
}

function failure(word: string): Failure {
  const found = failures.find(known => known === word);
  if (found === undefined) throw new UsageError(`--fail-on takes ${failures.join(', ')}, not '${word}'`);
  return found;
}
