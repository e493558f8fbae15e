// The verbs of `leasefs io` that are about time and other processes.
import { setTimeout as sleepMs } from 'node:timers/promises';
import { fork } from './fork.js';
import type { IoProcess } from './io-process.js';
import { type IoVerb, OK } from './io-verb.js';
import { programText } from './program.js';

const forkVerb: IoVerb = {
  usage: 'fork { VERB ...; VERB ... }',
  summary: 'a chain in a child that shares the description',
  takesBody: true,
  bind(args, body) {
    args.end();
    return {
      text: `fork { ${programText(body)} }`,
      run(io) {
        const { name, child } = fork(io, body);
        return `[${name}] is process ${child.pid ?? 0}`;
      },
    };
  },
};

const wait: IoVerb = {
  usage: 'wait',
  summary: 'until every fork has ended',
  bind(args) {
    args.end();
    return { text: 'wait', run: waitForForks };
  },
};

/** Also at the end of the chain, so that no fork outlives it. */
export async function waitForForks(io: IoProcess): Promise<string> {
  const ended: string[] = [];
  for (const { name, ended: exit } of io.forks.splice(0)) {
    const code = await exit;
    if (code !== 0) io.forkFailed = true;
    ended.push(`[${name}] exited ${code}`);
  }
  return ended.length === 0 ? 'nothing forked' : ended.join(', ');
}

const sleep: IoVerb = {
  usage: 'sleep MS',
  summary: 'stay; breaks of the lease are printed as they come',
  bind(args) {
    const word = args.word('MS');
    const ms = Number(word);
    if (!(ms >= 0 && ms < 2 ** 31)) args.wrong(`MS '${word}' is not 0 to 2^31-1`);
    args.end();
    return {
      text: `sleep ${ms}`,
      async run() {
        await sleepMs(ms);
        return OK;
      },
    };
  },
};

export const processVerbs = { fork: forkVerb, wait, sleep } as const;
