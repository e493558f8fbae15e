// `leasefs inject`: faults on demand, for those who test their programs.
import { readFileSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { inject, parseInjection, type TimedInjection } from '../client/index.js';
import { inodeOn } from './mounted-path.js';
import { absolute } from './mounts.js';
import { parseSize } from './sizes.js';
import { CommandError, parseOptions, UsageError, type Verb } from './verb.js';

export const verb: Verb = {
  name: 'inject',
  summary: 'faults on demand: breaks, refusals, delays, deaths',
  help: `usage: leasefs inject MNT WHAT ...

  break FILE                 begin a break of FILE's lease now, as a truncate by another
                             process would
  change FILE OFF LEN        judge a layout change of the range by another process: the
                             verdict is in 'leasefs events', nothing changes
  expire FILE                force FILE's pending break now
  end FILE                   kill the owner of FILE's lease
  pins N ENOMEM|EAGAIN       refuse the next N pins
  delay N MS                 delay the next N lease calls by MS
  enospc N                   refuse the next N pins over holes and fallocates
  throw CALLBACK N           make the daemon's next N callbacks of that name throw, as by a
                             bug of its own: it logs and continues ('process end',
                             'break timer', ...)
  die before|between|after N the daemon dies at its N-th entry of the journal from now on:
                             before the entry counts, between it and its answer, after that;
                             a keeper starts the next one

FILE is a path, from the mount point or as it is. Only root and the user of the mount may
inject, and only on a mount with --allow-inject. The events mark each injection and its
effects as injected.
As JSON, one object a line into MNT/.leasefs/inject, or a list for 'leasefs run --inject':
  [{"do": "break", "file": "f", "after": 500},
   {"do": "pins", "count": 2, "errno": "EAGAIN"}]`,

  async run(args) {
    const { positionals } = parseOptions(args, {});
    const [mnt, ...words] = positionals;
    if (mnt === undefined) throw new UsageError('MNT is missing');
    const injection = parseWords(words);
    const { mountPoint } = inodeOn(mnt);
    try {
      inject(
        mountPoint,
        'file' in injection ? { ...injection, file: below(mountPoint, injection.file) } : injection,
      );
    } catch (error) {
      throw new CommandError(refusal(mnt, error as NodeJS.ErrnoException));
    }
    return 0;
  },
};

/** @throws UsageError */
export function parseWords([name, ...words]: readonly string[]): TimedInjection {
  if (name === undefined)
    throw new UsageError('WHAT is missing: break, change, expire, end, pins, delay, enospc, throw or die');
  const number = (word: string | undefined): number | string | undefined =>
    word === undefined ? undefined : (parseSize(word) ?? word);
  const [first, second, third] = words;
  const members: Record<string, () => object> = {
    break: () => ({ file: first }),
    change: () => ({ file: first, off: number(second), len: number(third) }),
    expire: () => ({ file: first }),
    end: () => ({ file: first }),
    pins: () => ({ count: number(first), errno: second }),
    delay: () => ({ count: number(first), ms: number(second) }),
    enospc: () => ({ count: number(first) }),
    throw: () => ({ in: first, count: number(second) }),
    die: () => ({ at: first, count: number(second) }),
  };
  const given = Object.hasOwn(members, name) ? members[name]!() : {};
  try {
    const injection = parseInjection({ do: name, ...given });
    const expected = Object.keys(given).length;
    if (words.length > expected) throw new Error(`'${words[expected]}' is too much for ${name}`);
    return injection;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** The injections of a JSON file: a list of objects, each with "after" in ms if it is to wait. @throws CommandError */
export function readInjections(path: string): TimedInjection[] {
  try {
    const list: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (!Array.isArray(list)) throw new Error('a list of objects is expected');
    return list.map(value => parseInjection(value));
  } catch (error) {
    throw new CommandError(`${path}: ${(error as Error).message}`);
  }
}

/** FILE as it is from the mount point: given so, or as a path that leads there. */
function below(mountPoint: string, file: string): string {
  const path = relative(mountPoint, absolute(file));
  return isAbsolute(file) || existsBelow(path) ? path : join('/', file);
}

const existsBelow = (path: string): boolean => path !== '' && !path.startsWith('..');

function refusal(mnt: string, error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT' && error.path?.endsWith('.leasefs/inject')) {
    return `${mnt} allows no injections; mount it with --allow-inject`;
  }
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return `${mnt}: only root and the user of the mount may inject`;
  }
  return error.message;
}
