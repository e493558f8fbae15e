// The kernel objects that hold memory which a process has registered: names, and numbers of leasefs-private.h.
import {
  LEASEFS_HOLDER_BUFFER,
  LEASEFS_HOLDER_GROUP,
  LEASEFS_HOLDER_MEMORY,
  LEASEFS_HOLDER_QUEUES,
  LEASEFS_HOLDER_REGION,
  LEASEFS_HOLDER_RING,
  LEASEFS_HOLDER_RINGS,
  LEASEFS_HOLDER_SOCKET,
} from './leasefs.js';

/**
 * `buffer`: the buffer table of an io_uring; `ring`: an io_uring; `rings`: any io_uring of the process; `socket`: a socket;
 * `region`: a memory region of an RDMA device; `group`: a ring of provided buffers of an io_uring; `memory`: the memory region
 * of an io_uring; `queues`: its queues, of one size.
 */
const numbers = {
  buffer: LEASEFS_HOLDER_BUFFER,
  ring: LEASEFS_HOLDER_RING,
  rings: LEASEFS_HOLDER_RINGS,
  socket: LEASEFS_HOLDER_SOCKET,
  region: LEASEFS_HOLDER_REGION,
  group: LEASEFS_HOLDER_GROUP,
  memory: LEASEFS_HOLDER_MEMORY,
  queues: LEASEFS_HOLDER_QUEUES,
} as const;

export type HolderKind = keyof typeof numbers;

const holderKinds = Object.keys(numbers) as readonly HolderKind[];

/** `holder` of struct leasefs_pin_for, without FIRST and GOES_ON. */
export const holderNumber = (kind: HolderKind): number => numbers[kind];

/** undefined: leasefs-private.h has no such number. */
export const holderKind = (number: number): HolderKind | undefined =>
  holderKinds.find(kind => numbers[kind] === number);
