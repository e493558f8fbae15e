// What POSIX and tmpfs say of files, by title: each check gets an empty directory.
import { aclChecks } from './acls.js';
import { attributes } from './attributes.js';
import type { Check } from './check.js';
import { coherence } from './coherence.js';
import { limits } from './limits.js';
import { locks } from './locks.js';
import { memory } from './memory.js';
import { posix } from './posix.js';

export const everyCheck: Readonly<Record<string, Check>> = {
  ...posix,
  ...attributes,
  ...coherence,
  ...limits,
  ...locks,
  ...memory,
  ...aclChecks,
};
