// The four kinds of lease, two by two (README.md, the table), and how two leases on one file bear each other (L3).
import { EXCLUSIVE, EXCLUSIVE_BREAKABLE, type Kind, NONE, SHARED, SHARED_BREAKABLE } from '../abi/kinds.js';

export const isUnbreakable = (kind: Kind): boolean => kind === SHARED || kind === EXCLUSIVE;
const isExclusive = (kind: Kind): boolean => kind === EXCLUSIVE || kind === EXCLUSIVE_BREAKABLE;

/** `mustBecome` where the lease that is held refuses the one that is wanted. */
export const REFUSES = -1;

/**
 * What a lease of kind `held` must become before one of kind `wanted` can be held elsewhere: `held` itself when they
 * bear each other, SHARED_BREAKABLE or NONE when it is to be broken, REFUSES when it cannot be broken (L3).
 */
export function mustBecome(held: Kind, wanted: Kind): Kind | typeof REFUSES {
  const bearable = !isExclusive(held) && !isExclusive(wanted);
  if (bearable) return held;
  if (isUnbreakable(held)) return REFUSES;
  return isExclusive(wanted) ? NONE : SHARED_BREAKABLE;
}
