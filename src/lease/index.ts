// The lease machine's face to the filesystem.

export { LeaseMachine } from './lease-machine.js';
export { type Blocks, fallocateRange, sizeRange, writeRange } from './range.js';
export * from './types.js';
