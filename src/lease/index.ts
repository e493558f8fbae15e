// What the filesystem may import of the lease machine.

export { LeaseMachine } from './lease-machine.js';
export { type Blocks, fallocateRange, sizeRange, writeRange } from './range.js';
export * from './types.js';
export { pinnedByKernel } from './verdicts.js';
