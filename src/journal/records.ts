// What the journal's records are about. A record says the whole present state of one thing, or that it is gone; the last
// one about a thing counts, so the order among things has no meaning.

export const RECORD = {
  /** The answer to a request, as it goes to the kernel. */
  answer: 1,
  /** Numbers that are never used again (superblock), and the agreement with the kernel (session). */
  numbers: 2,
  session: 3,
  /** Inodes, their kernel references alone, their names and extended attributes. */
  inode: 10,
  inodeGone: 11,
  references: 12,
  dentry: 13,
  dentryGone: 14,
  xattr: 15,
  xattrGone: 16,
  /** Open file descriptions. */
  description: 17,
  descriptionGone: 18,
  /** Passthrough: the kernel's id of an inode's memory. */
  backing: 19,
  backingGone: 20,
  /** -o poll: the kernel's name for an open file whose readiness it waits for. */
  poll: 21,
  pollGone: 22,
  /** Pooled files: their size and times; runs of blocks, and holes. */
  pooledFile: 30,
  blocks: 31,
  hole: 32,
  space: 33,
  pooledFileGone: 34,
  /** When it was made; what was allocated and is written now. */
  pooledFileMade: 35,
  written: 36,
  /** A segment that clients may have; blocks that they may have. */
  lent: 37,
  exposed: 38,
  /** Leases, pins, and what stands around them. */
  lease: 40,
  leaseGone: 41,
  pin: 42,
  pinGone: 43,
  process: 44,
  processGone: 45,
  token: 46,
  tokenGone: 47,
  forced: 48,
  forcedGone: 49,
  /** Open virtual files. */
  virtualFile: 50,
  virtualFileGone: 51,
  /** Numbers of leases, pins, processes and events that are never used again. */
  planeNumbers: 52,
  /** Supervisors of `leasefs run`; what a pin of theirs is of, which goes with the pin. */
  supervisor: 53,
  supervisorGone: 54,
  registration: 55,
  /** Blocks of layouts that are granted under a lease; gone with it. */
  granted: 56,
} as const;

export type RecordType = (typeof RECORD)[keyof typeof RECORD];
