// Lease kinds as people, the log and the command line call them.
import {
  EXCLUSIVE,
  EXCLUSIVE_BREAKABLE,
  type Kind,
  NONE,
  SHARED,
  SHARED_UNBREAKABLE,
} from '../lease/types.js';

export const kindNames = {
  [NONE]: 'none',
  [SHARED]: 'shared',
  [EXCLUSIVE_BREAKABLE]: 'exclusive',
  [SHARED_UNBREAKABLE]: 'shared,unbreakable',
  [EXCLUSIVE]: 'exclusive,unbreakable',
} as const satisfies Record<Kind, string>;
