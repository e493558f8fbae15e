// What the kernel answers of a file from its own memory is what the file is: after each of many random changes, through
// any descriptor, mapping or name, statx(2) says the same as with AT_STATX_FORCE_SYNC, whichever fields it is asked for.
import { type Check, script } from './check.js';

/** More of them: LEASEFS_COHERENCE_STEPS. */
const STEPS = Number(process.env.LEASEFS_COHERENCE_STEPS ?? 300);
const SEED = Number(process.env.LEASEFS_COHERENCE_SEED ?? 1);

export const coherence: Readonly<Record<string, Check>> = {
  'what the kernel has cached of a file is what the file is, after each of many changes': script(
    'coherence-of-changes',
    STEPS,
    SEED,
  ),
  'a store through a mapping, and the hole that a load fills, shows in the next statx of that field alone':
    script('coherence-of-stores'),
  // While the kernel takes over the answer to another process, it can give half of it: hence three looks.
  'a change is seen although other processes ask all the time, whose answers may be older': script(
    'coherence-beside-askers',
    STEPS,
    SEED,
  ),
};
