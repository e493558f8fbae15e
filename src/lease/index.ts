// The lease machine's face to the filesystem.

export { type Blocks, fallocateRange, sizeRange, writeRange } from './layout-change.js';
export { LeaseMachine } from './lease-machine.js';
export * from './types.js';
