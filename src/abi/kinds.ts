// Lease kinds, once: numbers of leasefs.h and names. A kind alone, `shared` or `exclusive`, is unbreakable: it refuses the
// layout changes of others, and a pin needs one. `,breakable` kinds are broken by them.
import {
  LEASEFS_EXCLUSIVE,
  LEASEFS_EXCLUSIVE_BREAKABLE,
  LEASEFS_F_UNBREAK,
  LEASEFS_SHARED,
  LEASEFS_SHARED_BREAKABLE,
  LEASEFS_UNLCK,
} from './leasefs.js';

export {
  LEASEFS_EXCLUSIVE as EXCLUSIVE,
  LEASEFS_EXCLUSIVE_BREAKABLE as EXCLUSIVE_BREAKABLE,
  LEASEFS_SHARED as SHARED,
  LEASEFS_SHARED_BREAKABLE as SHARED_BREAKABLE,
  LEASEFS_UNLCK as NONE,
};

/** The `kind` of struct leasefs_lease; NONE is F_UNLCK. */
export type Kind =
  | typeof LEASEFS_UNLCK
  | typeof LEASEFS_SHARED_BREAKABLE
  | typeof LEASEFS_EXCLUSIVE_BREAKABLE
  | typeof LEASEFS_SHARED
  | typeof LEASEFS_EXCLUSIVE;

/** The kind's name on the command line, in JSON, the log and leasefs/client. */
export type LeaseKind = 'none' | 'shared' | 'exclusive' | 'shared,breakable' | 'exclusive,breakable';

const names: Readonly<Record<Kind, LeaseKind>> = {
  [LEASEFS_UNLCK]: 'none',
  [LEASEFS_SHARED]: 'shared',
  [LEASEFS_EXCLUSIVE]: 'exclusive',
  [LEASEFS_SHARED_BREAKABLE]: 'shared,breakable',
  [LEASEFS_EXCLUSIVE_BREAKABLE]: 'exclusive,breakable',
};

export const leaseKinds: readonly LeaseKind[] = [
  'exclusive',
  'shared',
  'exclusive,breakable',
  'shared,breakable',
  'none',
];

const values = new Map(Object.entries(names).map(([value, name]) => [name as string, Number(value) as Kind]));

export const isLeaseKind = (text: string): text is LeaseKind => values.has(text);

/** @throws RangeError for a name that is no lease kind (a caller without types). */
export function kindValue(name: LeaseKind): Kind {
  const value = values.get(name);
  if (value === undefined) throw new RangeError(notAKind(name));
  return value;
}

/** @throws RangeError for a number that leasefs.h does not have. */
export function readKindName(value: number): LeaseKind {
  const kind = readKind(value);
  if (kind === undefined) throw new RangeError(`${value} is no lease kind of leasefs.h`);
  return kindName(kind);
}

export const kindName = (kind: Kind): LeaseKind => names[kind];

/** The kind that flags of F_SETLEASE name: F_WRLCK | F_LAYOUT | F_UNBREAK is LEASEFS_EXCLUSIVE too. Undefined for others. */
export function readKind(flags: number): Kind | undefined {
  if (flags === (LEASEFS_EXCLUSIVE_BREAKABLE | LEASEFS_F_UNBREAK)) return LEASEFS_EXCLUSIVE;
  return Object.hasOwn(names, flags) ? (flags as Kind) : undefined;
}

/** 'exclusive' of 'exclusive,unbreakable', as leasefs 0.1 spelt it; undefined for all else. */
export function currentSpelling(text: string): LeaseKind | undefined {
  if (text === 'exclusive,unbreakable') return 'exclusive';
  return text === 'shared,unbreakable' ? 'shared' : undefined;
}

export const notAKind = (text: string): string =>
  `'${text}' is no lease kind: take exclusive or shared (to pin), exclusive,breakable or shared,breakable, or none`;
