// The verbs of `leasefs io`, bound and run as a chain.
import { errnoName, errnoText } from '../../base/errno.js';
import { LeaseError, type Reason, reasonText } from '../../client/index.js';
import { UsageError } from '../verb.js';
import { Arguments } from './arguments.js';
import { fileVerbs } from './file-verbs.js';
import { type IoProcess, NotReady } from './io-process.js';
import type { IoVerb, Step } from './io-verb.js';
import { leaseVerbs } from './lease-verbs.js';
import { memoryVerbs } from './memory-verbs.js';
import { processVerbs } from './process-verbs.js';
import type { Command } from './program.js';

export const verbs: Readonly<Record<string, IoVerb>> = {
  ...leaseVerbs,
  ...fileVerbs,
  ...memoryVerbs,
  ...processVerbs,
};

/** @throws UsageError for an unknown verb or wrong words anywhere in the chain, forks included. */
export function bind(commands: readonly Command[]): Step[] {
  return commands.map(({ verb: name, words, body }) => {
    const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
    if (verb === undefined)
      throw new UsageError(`'${name}' is no verb of io: ${Object.keys(verbs).join(', ')}`);
    const args = new Arguments(verb.usage, words);
    if ((verb.takesBody === true) !== (body !== undefined))
      args.wrong(body === undefined ? "'{' is missing" : "'{' is too much");
    if (body !== undefined) bind(body);
    return verb.bind(args, body ?? []);
  });
}

/** Runs the chain, one line a verb; a refusal ends it unless the process keeps going. Whether all verbs came through. */
export async function run(io: IoProcess, steps: readonly Step[]): Promise<boolean> {
  let passed = true;
  for (const step of steps) {
    const since = Date.now();
    try {
      const said = await step.run(io);
      for (const line of typeof said === 'string' ? [said] : said) io.print(`${step.text}: ${line}`);
    } catch (error) {
      const text = refusalText(error);
      io.complain(`${step.text}: ${text}${reasonOf(io, error as NodeJS.ErrnoException, since)}`);
      passed = false;
      if (!io.options.keepGoing) break;
    }
  }
  return passed;
}

/** ' [X1]: ...': the rule, the lease or pin that refuses, the remedy; at a terminal also where to look the rule up. */
function reasonOf(io: IoProcess, error: NodeJS.ErrnoException, since: number): string {
  if (error instanceof NotReady) return '';
  let reason: Reason | undefined;
  if (error instanceof LeaseError) reason = error;
  else if (io.isOpen) reason = io.file.refusal(error.errno!, since);
  if (reason?.rule === undefined) return '';
  return `${reasonText(reason)}${process.stderr.isTTY === true ? ` (leasefs explain ${reason.rule})` : ''}`;
}

/** 'ETXTBSY: Text file busy', with advice where io has some. Errors that are no refusal are thrown on. */
export function refusalText(error: unknown): string {
  const { code, errno } = error as NodeJS.ErrnoException;
  if (!(error instanceof Error) || code === undefined || errno === undefined) throw error;
  const advice =
    code === 'ENOTTY'
      ? 'not a file of a leasefs mount'
      : error instanceof NotReady
        ? error.remedy
        : undefined;
  return `${errnoName(errno)}: ${errnoText(errno)}${advice === undefined ? '' : ` (${advice})`}`;
}
