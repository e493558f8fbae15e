// A sorted array of objects: what one writes first.
import type { Contestant } from '../contestant.js';
import { SortedArray } from '../sorted-array.js';

export const create = (): Contestant => new SortedArray();
