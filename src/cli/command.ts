// The command line: finds the verb, loads only that, and reports a failure in one line. Exit codes: 0; 1 it could not be
// done; 2 it was typed wrongly.
import { origin } from './origin.js';
import { pairs } from './table.js';
import { errorLine, UsageError } from './verb.js';
import { allVerbs, verbs } from './verbs.js';
import { version } from './version.js';

async function help(): Promise<string> {
  const all = await allVerbs();
  return `leasefs: files that applications map directly, guarded by layout leases and pins

usage: leasefs VERB [OPTIONS] ...

${pairs(
  all.map(({ name, summary }) => [name, summary] as const),
  '  ',
).join('\n')}

'leasefs VERB --help' has the rest; 'leasefs demo' shows what it is for.`;
}

/**
 * As mount(8) calls us for a line of /etc/fstab, by way of mount.fuse3(8): SOURCE MNT -o OPTIONS, of which there are
 * always some. A mistyped verb before a path must not mount.
 */
const isMountHelper = (rest: readonly string[]): boolean =>
  rest.length === 3 && rest[0]!.startsWith('/') && rest[1] === '-o';

const loadOf = (name: string | undefined): (typeof verbs)[string] | undefined =>
  name !== undefined && Object.hasOwn(verbs, name) ? verbs[name] : undefined;

async function dispatch(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    const load = loadOf(rest[0]);
    console.log(load === undefined ? await help() : (await load()).verb.help);
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === '-V') {
    console.log(`leasefs ${version()} (${origin()})`);
    return 0;
  }
  const load = loadOf(name);
  if (load === undefined && isMountHelper(rest)) {
    return dispatch(['mount', ...rest.slice(1), '-o', `fsname=${name}`, '--', rest[0]!]);
  }
  if (load === undefined) {
    console.error(`leasefs: '${name}' is no verb of leasefs: ${Object.keys(verbs).join(', ')}`);
    return 2;
  }
  const end = rest.indexOf('--');
  const wantsHelp = (end < 0 ? rest : rest.slice(0, end)).some(word => word === '--help' || word === '-h');
  try {
    const { verb } = await load();
    if (!wantsHelp) return await verb.run(rest);
    console.log(verb.help);
    return 0;
  } catch (error) {
    console.error(`leasefs ${name}: ${errorLine(error)}`);
    if (!(error instanceof UsageError)) return 1;
    console.error(`'leasefs ${name} --help' tells more`);
    return 2;
  }
}

/** Runs the command; the exit code. */
export async function command(args: readonly string[]): Promise<number> {
  // A closed pipe (leasefs leases | head): Node ignores SIGPIPE, so it is raised here for those who clean up at signals.
  process.stdout.on('error', () => {
    if (!process.emit('SIGPIPE', 'SIGPIPE')) process.exit(1);
  });
  try {
    return await dispatch(args);
  } catch (error) {
    console.error(`leasefs: ${errorLine(error)}`);
    return 1;
  }
}
