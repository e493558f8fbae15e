// Ours in the memory that the pooled store gives it.
import { arenaInHugePages } from '../../../src/store/arena-memory.js';
import type { Contestant } from '../contestant.js';
import { OneMap } from './leasefs.js';

/** 264 MiB of address space, as an arena has by default. */
const PAGES = 2 ** 17;

export const create = (): Contestant => new OneMap(arenaInHugePages(PAGES));
