// What the bench asks of an extent map, ours or a rival's. Store blocks are 1 and up, 0 is a hole. What a contestant
// cannot do in its own way it leaves out, and its row has a dash there.
import { join } from 'node:path';
import type { Extents } from './workload.js';

export interface Contestant {
  /** Takes over these extents, in order. Called once, on an empty contestant. */
  load(extents: Extents): void;
  /** The store block of file block `pgoff`. */
  lookup(pgoff: number): number;
  /** As `lookup`; `run` then says for how many blocks the extent goes on, `pgoff` included; at least 1 in a hole. */
  translate?(pgoff: number): number;
  run?: number;
  map?(pgoff: number, blk: number, n: number): void;
  punch?(pgoff: number, n: number): void;
  /** Fills `out` with the extents from `pgoff` on, FIELDS numbers each; answers how many they are. */
  fiemap?(pgoff: number, out: Float64Array): number;
  /** Bytes of its memory, where the heap does not tell. */
  bytes?(): number;
}

/** Numbers an extent takes in the array that `fiemap` fills: first file block, first store block, blocks, flags. */
export const FIELDS = 4;

/**
 * Rows of the table, in its order. Each is a module of rivals/ that exports `create`; `against` is that of `leasefs` in
 * another checkout.
 */
export const CONTESTANTS = [
  'leasefs',
  'against',
  'leasefs-huge-pages',
  'leasefs-64-files',
  'flat-table',
  'two-level-table',
  'sorted-btree',
  'bintrees',
  'functional-red-black-tree',
  'rb-tree-of-records',
  'sorted-objects',
  'packed-int32',
  'lru-cache',
  'map-by-block',
  'flatten-interval-tree',
] as const;
export type ContestantName = (typeof CONTESTANTS)[number];

/** The row that the C program fills. */
export const NATIVE = 'c-avx2-btree' as const;
export type RowName = ContestantName | typeof NATIVE;

export const ROWS: readonly RowName[] = [...CONTESTANTS, NATIVE];
export const isRowName = (name: string): name is RowName => ROWS.some(row => row === name);

export const TITLES: Readonly<Record<RowName, string>> = {
  leasefs: 'leasefs/extent-map',
  against: 'leasefs/extent-map of --against',
  'leasefs-huge-pages': 'leasefs/extent-map, in huge pages',
  'leasefs-64-files': 'leasefs/extent-map, a table of 64 files',
  'flat-table': 'floor: one load (flat table)',
  'two-level-table': 'floor: bare two-level table',
  'sorted-btree': 'sorted-btree',
  bintrees: 'bintrees RBTree',
  'functional-red-black-tree': 'functional-red-black-tree',
  'rb-tree-of-records': 'rb-tree of records, last hit cached',
  'sorted-objects': 'sorted array of objects',
  'packed-int32': 'packed sorted Int32Array, branchless',
  'lru-cache': 'lru-cache over a sorted array',
  'map-by-block': 'Map by block',
  'flatten-interval-tree': '@flatten-js/interval-tree',
  'c-avx2-btree': 'C: AVX2 B-tree, static',
};

/** Where the processes of the contestants find the checkout of --against. */
export const AGAINST = 'LEASEFS_BENCH_AGAINST';

const moduleOf = (name: ContestantName): string =>
  name === 'against'
    ? join(process.env[AGAINST]!, 'dist/bench/extent/rivals/leasefs.js')
    : `./rivals/${name}.js`;

export async function create(name: ContestantName): Promise<() => Contestant> {
  const rival: { readonly create: () => Contestant } = await import(moduleOf(name));
  return rival.create;
}
