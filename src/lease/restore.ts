// The state of a machine from its parts, as a journal kept them: leases and pins under their own ids, through the verbs by
// which the rules made them. It emits no effect: no holder is notified anew, and a pending break keeps its deadline.
import type { Kind } from '../abi/kinds.js';
import type { FileHandle, InodeNumber, LeaseId, PinId, ProcessId } from '../base/units.js';
import type { Notebook } from './changes.js';
import type { Break, Lease } from './records.js';
import type { LeaseState } from './state.js';
import type { Notice } from './types.js';

export interface SavedLease {
  readonly id: LeaseId;
  readonly file: InodeNumber;
  readonly description: FileHandle;
  readonly takenAt: number;
  readonly kind: Kind;
  readonly owner: ProcessId;
  readonly ownerDead: boolean;
  readonly notice: Notice | undefined;
  readonly zombie: boolean;
  readonly breaking: Readonly<Break> | undefined;
}

export interface SavedPin {
  readonly id: PinId;
  readonly lease: LeaseId;
  readonly start: number;
  readonly end: number;
  readonly process: ProcessId;
  readonly owner: FileHandle | 0;
  readonly uid: number;
  readonly charged: number;
  readonly pinnedAt: number;
}

export interface Saved {
  /** In any order. */
  readonly leases: Iterable<SavedLease>;
  readonly pins: Iterable<SavedPin>;
  readonly forced: Iterable<FileHandle>;
  /** The last ids that were given. */
  readonly lastLease: number;
  readonly lastPin: number;
}

/** Precondition: the state is empty. @throws Error: a pin is under no lease. */
export function restoreState(state: LeaseState, saved: Saved): void {
  const leases = new Map<LeaseId, Lease>();
  const broken: { readonly lease: Lease; readonly breaking: Readonly<Break> }[] = [];
  // Ids are given by age, and age is an order of the rules.
  for (const one of [...saved.leases].sort((a, b) => a.id - b.id)) {
    const { id, takenAt, description, kind, owner, notice, breaking } = one;
    const lease = state.addLease(takenAt, state.record(one.file), description, kind, owner, notice, id);
    lease.ownerDead = one.ownerDead;
    if (one.zombie) state.makeZombie(lease);
    if (breaking !== undefined) broken.push({ lease, breaking });
    leases.set(id, lease);
  }
  for (const one of [...saved.pins].sort((a, b) => a.id - b.id)) {
    const lease = leases.get(one.lease);
    if (lease === undefined) throw new Error(`pin ${one.id} is under no lease`);
    const { start, end, process, owner, uid, charged, pinnedAt } = one;
    state.addPin({ lease, start, end, process, owner, uid, charged, pinnedAt }, one.id);
  }
  broken.sort((a, b) => a.breaking.until - b.breaking.until);
  for (const { lease, breaking } of broken) state.beginBreak(lease, { ...breaking });
  for (const description of saved.forced) state.setForced(description);
  state.lastLease = saved.lastLease;
  state.lastPin = saved.lastPin;
  // No call waits yet.
  state.settle();
}

/**
 * Writes all that there is, a thing a step. Things may change between two steps; one that does is written by
 * Changes.take too.
 */
export function* sweepState(state: LeaseState, to: Notebook): Generator<void> {
  for (const lease of state.byDescription.values()) {
    to.lease(lease);
    yield;
  }
  for (const pin of state.pins.values()) {
    // The first of a zombie's pins stands for the zombie, which no description finds.
    const { lease } = pin;
    if (lease.zombie && lease.pins.values().next().value === pin) to.lease(lease);
    to.pin(pin);
    yield;
  }
  for (const description of state.forced) {
    to.forced(description, true);
    yield;
  }
}
