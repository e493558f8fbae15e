// What is measured and what must come out, as ratios within one run.
import type { Contender } from './contenders.js';

/** The client's operations (bench/native/fs/operations.h). */
export const OPERATIONS = [
  'fstat',
  'fstat-asked',
  'stat',
  'stat-asked',
  'stat-miss',
  'open-close',
  'open-rdwr',
  'create',
  'create-write',
  'unlink',
  'rename',
  'readdir',
  'pread',
  'pread-direct',
  'pwrite',
  'read-1m',
  'read-1m-direct',
  'write-1m',
  'mmap-fault',
  'mmap-store',
  'lease',
  'pin',
  'punch',
  'truncate',
] as const;

/** Those that four threads do too. */
export const THREADED = [
  'fstat-asked',
  'stat-asked',
  'open-close',
  'create',
  'unlink',
  'pread-direct',
  'pwrite',
] as const;

export interface Goal {
  readonly operation: string;
  readonly ours: Contender;
  readonly over: Contender;
  /** Our time as a share of theirs, at most. */
  readonly most: number;
}

const goals = (
  operations: readonly string[],
  ours: readonly Contender[],
  over: Contender,
  most: number,
): Goal[] =>
  operations.flatMap(operation => ours.map(contender => ({ operation, ours: contender, over, most })));

const BOTH: readonly Contender[] = ['leasefs direct', 'leasefs pooled'];
const METADATA = [
  'fstat',
  'fstat-asked',
  'stat',
  'stat-asked',
  'create',
  'unlink',
  'open-close',
  'open-rdwr',
];

export const GOALS: readonly Goal[] = [
  ...goals(
    ['pread', 'pwrite', 'read-1m', 'write-1m', 'mmap-fault', 'mmap-store'],
    ['leasefs direct'],
    'tmpfs',
    1.05,
  ),
  ...goals(METADATA, BOTH, 'libfuse3 -s', 1),
  ...goals(METADATA, BOTH, 'bare C', 1.3),
  // What is left when C has to make, ask and free a memfd as well.
  ...goals([...METADATA, 'punch', 'truncate'], ['leasefs direct'], 'bare C passthrough', 1.3),
  ...goals(['pread'], ['leasefs pooled'], 'libfuse3', 0.6),
  ...goals(['pwrite'], ['leasefs pooled'], 'libfuse3', 0.8),
  ...goals(['lease', 'pin', 'punch'], BOTH, 'bare C', 1.5),
];
