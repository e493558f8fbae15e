// The four kinds of lease (the table in README.md), and which of them are compatible on one file (L3).
import { EXCLUSIVE, EXCLUSIVE_BREAKABLE, type Kind, NONE, SHARED, SHARED_BREAKABLE } from '../abi/kinds.js';

export const isUnbreakable = (kind: Kind): boolean => kind === SHARED || kind === EXCLUSIVE;
const isExclusive = (kind: Kind): boolean => kind === EXCLUSIVE || kind === EXCLUSIVE_BREAKABLE;

/** What `breakTarget` answers when the held lease refuses the wanted one. */
export const REFUSES = -1;

/**
 * The kind that a lease of kind `held` must become before another description can take one of kind `wanted`: `held`
 * itself when the two are compatible, SHARED_BREAKABLE or NONE when it is broken, REFUSES when it is unbreakable (L3).
 */
export function breakTarget(held: Kind, wanted: Kind): Kind | typeof REFUSES {
  const compatible = !isExclusive(held) && !isExclusive(wanted);
  if (compatible) return held;
  if (isUnbreakable(held)) return REFUSES;
  return isExclusive(wanted) ? NONE : SHARED_BREAKABLE;
}
