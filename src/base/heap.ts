// Bounds of what the daemon keeps for others follow the memory that Node may take (NODE_OPTIONS=--max-old-space-size).
import { getHeapStatistics } from 'node:v8';

/** One of `parts` of the heap, but `least` to `most` bytes. */
export const heapPart = (parts: number, least: number, most: number): number =>
  Math.max(least, Math.min(most, Math.floor(getHeapStatistics().heap_size_limit / parts)));
