// Lease kinds by name, as the command line and the reports spell them. `shared` and `exclusive` alone are the kinds that
// are broken; `unbreakable` ones are refused to others and are what a pin needs.
import {
  LEASEFS_EXCLUSIVE,
  LEASEFS_EXCLUSIVE_BREAKABLE,
  LEASEFS_SHARED,
  LEASEFS_SHARED_UNBREAKABLE,
  LEASEFS_UNLCK,
} from './leasefs.js';

export type LeaseKind = 'none' | 'shared' | 'exclusive' | 'shared,unbreakable' | 'exclusive,unbreakable';

const values: Record<LeaseKind, number> = {
  none: LEASEFS_UNLCK,
  shared: LEASEFS_SHARED,
  exclusive: LEASEFS_EXCLUSIVE_BREAKABLE,
  'shared,unbreakable': LEASEFS_SHARED_UNBREAKABLE,
  'exclusive,unbreakable': LEASEFS_EXCLUSIVE,
};

export const leaseKinds = Object.keys(values) as readonly LeaseKind[];

export const isLeaseKind = (text: string): text is LeaseKind => Object.hasOwn(values, text);

/** The `kind` of struct leasefs_lease. */
export const kindValue = (kind: LeaseKind): number => values[kind];

/** @throws RangeError for a number that leasefs.h does not have. */
export function kindName(value: number): LeaseKind {
  const kind = leaseKinds.find(name => values[name] === value);
  if (kind === undefined) throw new RangeError(`${value} is no lease kind of leasefs.h`);
  return kind;
}
