// The records of the machine: a file with leases or waiters, a lease, a pin, a parked call. LeaseState holds and changes them.
import type { Kind } from '../abi/kinds.js';
import type { FileHandle, InodeNumber, LeaseId, PinId, ProcessId, WaiterId } from '../base/units.js';
import { RangeIndex } from '../extent/range-index.js';
import type { Notice, Rule } from './types.js';

/** A break that is pending on a lease (B2). */
export interface Break {
  /** SHARED_BREAKABLE or NONE. */
  must: Kind;
  /** The deadline, ms. */
  readonly until: number;
  /** The process that began it, and whether another process joined (B3). */
  readonly breaker: ProcessId;
  joined: boolean;
}

export interface Lease {
  readonly id: LeaseId;
  readonly file: FileRecord;
  /** Gone when `zombie`. */
  readonly description: FileHandle;
  readonly takenAt: number;
  kind: Kind;
  owner: ProcessId;
  ownerDead: boolean;
  notice: Notice | undefined;
  zombie: boolean;
  breaking: Break | undefined;
  /** Under this lease, oldest first; `NO_PINS` until the first. */
  pins: Set<Pin>;
  /** See Changes. */
  mark: number;
}

export interface Pin {
  readonly id: PinId;
  readonly lease: Lease;
  /** Blocks, half open. */
  readonly start: number;
  readonly end: number;
  /** The process that made it; it also owns it, unless `owner` is a description (N4). */
  readonly process: ProcessId;
  readonly owner: FileHandle | 0;
  readonly uid: number;
  /** Bytes charged to `uid` (N9). */
  readonly charged: number;
  readonly pinnedAt: number;
  /** See Changes. */
  mark: number;
}

/** A parked call. Calls are ordered by age, which is the order of their ids. */
export interface Waiter {
  readonly id: WaiterId;
  readonly process: ProcessId;
  readonly description: FileHandle | 0;
  readonly file: FileRecord;
  /** The rule that made it wait: L3 or X4. */
  readonly rule: Rule;
  /** A `wake` has been emitted: the call will be judged again. */
  woken: boolean;
}

export class FileRecord {
  ino: InodeNumber;
  readonly leases: Lease[] = [];
  readonly waiters = new Set<Waiter>();
  readonly pins = new RangeIndex();
  readonly pinsBy = new Map<ProcessId, RangeIndex>();
  /** An empty one, for the next process. */
  spare: RangeIndex | undefined;
  /** A lease of the file changed in this call, so its waiters are judged again. */
  changed = false;

  constructor(ino: InodeNumber) {
    this.ino = ino;
  }
}
