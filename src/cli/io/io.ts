// `leasefs io`: verb chains on one file in the manner of xfs_io, as script, as example and as test.
import { constants } from 'node:fs';
import { createInterface } from 'node:readline';
import { errorLine, onlyArgument, parseOptions, UsageError, type Verb } from '../verb.js';
import { inherit } from './fork.js';
import { IoProcess } from './io-process.js';
import { waitForForks } from './process-verbs.js';
import { isOpen, parseProgram } from './program.js';
import { bind, refusalText, run, verbs } from './verbs.js';

export const verb: Verb = {
  name: 'io',
  summary: 'verb chains on one file, in the manner of xfs_io',
  help: `usage: leasefs io [-f] [-r] [-n] [-k] [-c 'VERB ...']... FILE

One process, one open file description. Verbs come from the -c options in their order, or
else line by line from standard input; ';' separates them inside one. Sizes are bytes or
4k, 2m, 1g, 3t.

  -f    create FILE if it is not there
  -r    open it for reading only
  -n    open it with O_NONBLOCK: what would wait for a lease is refused
  -k    keep going after a refusal

${verbList()}

A verb that succeeds prints 'VERB ARGUMENTS: what came back'; one that is refused prints
'VERB ARGUMENTS: ETXTBSY: Text file busy [X1]: ...' to standard error, with the rule, the
lease or pin that refuses, and what to do; the chain ends and the exit code is 1. An unknown
verb or wrong arguments run nothing: exit code 2. The lines of the first fork begin with
'[1]'. At its end the process waits for its forks.

  leasefs io -f -c 'truncate 4m' -c 'lease exclusive' -c 'pin 0 2m' \\
             -c 'fork { fpunch 0 4k }' -c wait -c 'truncate 2m' FILE`,

  async run(args) {
    const { values, positionals } = parseOptions(args, {
      command: { type: 'string', short: 'c', multiple: true },
      create: { type: 'boolean', short: 'f' },
      readonly: { type: 'boolean', short: 'r' },
      nonblock: { type: 'boolean', short: 'n' },
      'keep-going': { type: 'boolean', short: 'k' },
      inherited: { type: 'string' },
    });
    const path = onlyArgument(positionals, 'FILE');
    // What `leasefs pins` calls this process.
    process.title = 'leasefs-io';
    // Before the file is touched: a typing error runs nothing.
    const steps = values.command === undefined ? undefined : bind(parseProgram(values.command.join('\n')));
    const common = {
      path,
      keepGoing: values['keep-going'] ?? false,
      out: (line: string) => console.log(line),
      err: (line: string) => console.error(line),
    };
    if (values.inherited !== undefined) {
      const io = inherit(values.inherited, common);
      return finish(io, await run(io, steps ?? []));
    }
    const openFlags =
      (values.readonly === true ? constants.O_RDONLY : constants.O_RDWR) |
      (values.nonblock === true ? constants.O_NONBLOCK : 0);
    const io = new IoProcess({ ...common, openFlags, name: '' });
    try {
      io.openFile(values.create === true ? constants.O_CREAT : 0);
    } catch (error) {
      const advice = (error as NodeJS.ErrnoException).code === 'ENOENT' ? ' (-f creates it)' : '';
      io.complain(`open ${path}: ${refusalText(error)}${advice}`);
      return 1;
    }
    return finish(io, steps === undefined ? await runLines(io) : await run(io, steps));
  },
};

/** The exit code, once every fork has ended. */
async function finish(io: IoProcess, passed: boolean): Promise<number> {
  await waitForForks(io);
  return passed && !io.forkFailed ? 0 : 1;
}

/** Verbs from standard input, a line at a time, a `fork {` until its '}'. A terminal gets a prompt and second chances. */
async function runLines(io: IoProcess): Promise<boolean> {
  const terminal = process.stdin.isTTY === true;
  const lines = createInterface({
    input: process.stdin,
    output: process.stdout,
    prompt: 'leasefs io> ',
    terminal,
  });
  let text = '';
  let passed = true;
  if (terminal) lines.prompt();
  for await (const line of lines) {
    text += `${line}\n`;
    try {
      if (isOpen(text)) continue;
      passed = (await run(io, bind(parseProgram(text)))) && passed;
    } catch (error) {
      if (!(error instanceof UsageError) || !terminal) throw error;
      console.error(errorLine(error));
    }
    text = '';
    if (terminal) lines.prompt();
    else if (!passed && !io.options.keepGoing) break;
  }
  return passed;
}

function verbList(): string {
  return Object.values(verbs)
    .flatMap(({ usage, summary }) => {
      const [first, ...more] = summary.split('\n');
      return [`  ${usage.padEnd(28)} ${first}`, ...more.map(line => `${' '.repeat(31)}${line}`)];
    })
    .join('\n');
}
