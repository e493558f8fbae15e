// What `leasefs inject` can ask of a mount that was started with --allow-inject: one JSON object, written to
// `.leasefs/inject`.
import { type Callback, callbacks } from '../base/guarded.js';

/** `file`: a path below the mount point. */
export type Injection =
  /** A break of the file's breakable leases begins now, as by a truncate of another process. */
  | { readonly do: 'break'; readonly file: string }
  /** A layout change of the bytes [off, off + len) by another process is judged; the verdict is an event, nothing changes. */
  | { readonly do: 'change'; readonly file: string; readonly off: number; readonly len: number }
  /** The breaks of the file that are pending are forced now. */
  | { readonly do: 'expire'; readonly file: string }
  /** The owners of the file's leases are killed. */
  | { readonly do: 'end'; readonly file: string }
  /** The next `count` pins of the mount are refused. */
  | { readonly do: 'pins'; readonly count: number; readonly errno: 'ENOMEM' | 'EAGAIN' }
  /** The next `count` lease calls are delayed by `ms`. */
  | { readonly do: 'delay'; readonly count: number; readonly ms: number }
  /** The next `count` pins over holes and fallocates are refused with ENOSPC. */
  | { readonly do: 'enospc'; readonly count: number }
  /** The daemon's next `count` callbacks of that name throw; the daemon logs each and continues. */
  | { readonly do: 'throw'; readonly in: Callback; readonly count: number }
  /** The daemon dies at its `count`-th entry of the journal from now on: before it counts, before its answer, or behind that. */
  | { readonly do: 'die'; readonly at: Moment; readonly count: number };

export const moments = ['before', 'between', 'after'] as const;
/** Of an entry of the journal. */
export type Moment = (typeof moments)[number];

/** An injection `after` so many ms. */
export type TimedInjection = Injection & { readonly after?: number };

/** What goes over the wire: the file by its inode number. */
export type WireInjection = Injection extends infer Each
  ? Each extends { readonly file: string }
    ? Omit<Each, 'file'> & { readonly ino: number }
    : Each
  : never;

/** The members of each injection, besides `do`. */
const members = {
  break: ['file'],
  change: ['file', 'off', 'len'],
  expire: ['file'],
  end: ['file'],
  pins: ['count', 'errno'],
  delay: ['count', 'ms'],
  enospc: ['count'],
  throw: ['in', 'count'],
  die: ['at', 'count'],
} as const satisfies Record<Injection['do'], readonly string[]>;

const injectionNames = Object.keys(members) as readonly Injection['do'][];

/** @param fileMember 'ino' for an injection that came over the wire. @throws Error with one line that says what is wrong. */
export function parseInjection(value: unknown, fileMember: 'file' | 'ino' = 'file'): TimedInjection {
  if (typeof value !== 'object' || value === null) throw new Error(`an injection is an object, not ${value}`);
  const given = value as Record<string, unknown>;
  const name = given.do;
  if (typeof name !== 'string' || !Object.hasOwn(members, name)) {
    throw new Error(`"do" is one of ${injectionNames.join(', ')}, not ${JSON.stringify(name)}`);
  }
  const known = members[name as Injection['do']].map(member => (member === 'file' ? fileMember : member));
  for (const member of known) {
    if (!isRight(member, given[member])) {
      throw new Error(`"${member}" of ${name} is ${shape(member)}, not ${JSON.stringify(given[member])}`);
    }
  }
  for (const member of Object.keys(given)) {
    const fits =
      member === 'do' || (member === 'after' && isCount(given.after)) || known.some(k => k === member);
    if (!fits) throw new Error(`${name} takes ${known.join(', ')} and after (ms), not "${member}"`);
  }
  return given as TimedInjection;
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

function isRight(member: string, value: unknown): boolean {
  if (member === 'file') return typeof value === 'string' && value !== '';
  if (member === 'in') return callbacks.some(name => name === value);
  if (member === 'at') return moments.some(name => name === value);
  if (member === 'errno') return value === 'ENOMEM' || value === 'EAGAIN';
  if (member === 'ms') return isCount(value) && (value as number) < 2 ** 31;
  return isCount(value);
}

function shape(member: string): string {
  if (member === 'file') return 'a path below the mount point';
  if (member === 'in') return `one of ${callbacks.join(', ')}`;
  if (member === 'at') return `one of ${moments.join(', ')}`;
  return member === 'errno' ? 'ENOMEM or EAGAIN' : 'a whole number';
}
