// What the filesystem may import of the lease machine.

export type { Changes, Notebook } from './changes.js';
export { LeaseMachine } from './lease-machine.js';
export { type Blocks, fallocateRange, sizeRange, writeRange } from './range.js';
export type { Lease, Pin } from './records.js';
export type { SavedLease, SavedPin } from './restore.js';
export * from './types.js';
export { pinnedByKernel } from './verdicts.js';
