// What a process that may do everything asks of the machine: process p by description p, on file 1.
import type { Kind } from '../../src/abi/kinds.js';
import { type FileHandle, type InodeNumber, NO_WAITER, type ProcessId } from '../../src/base/units.js';
import type { LeaseAsk, PinAsk } from '../../src/lease/index.js';

export const FILE = 1 as InodeNumber;

const by = (p: number) => ({ process: p as ProcessId, description: p as FileHandle, file: FILE });

export const leaseAsk = (p: number, kind: Kind): LeaseAsk => ({
  ...by(p),
  kind,
  waiter: NO_WAITER,
  nonblock: false,
  regular: true,
  mayLease: true,
  writable: true,
  notice: undefined,
});

/** Of blocks [start, end). */
export const pinAsk = (p: number, start: number, end: number): PinAsk => ({
  ...by(p),
  start,
  end,
  owner: 0,
  ownerHeld: true,
  sizeBlocks: 2 ** 30,
  uid: 0,
  memlock: 2 ** 40,
  uncounted: true,
});
