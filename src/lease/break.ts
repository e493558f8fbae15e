// B: breaks. A break is a state of a lease with a deadline; it continues whether or not a call waits for it. Kernel
// counterpart: __break_lease and lease_modify in fs/locks.c, where an open breaks a lease, not a process.
import { type Kind, NONE } from '../abi/kinds.js';
import type { ProcessId } from '../base/units.js';
import type { FileRecord, Lease } from './records.js';
import type { LeaseState } from './state.js';
import type { Rule } from './types.js';

/** B3: whether any process but `process` began or joined the break. An unidentified process is always another. */
function isByAnother(lease: Lease, process: ProcessId): boolean {
  return lease.breaking !== undefined && (lease.breaking.joined || lease.breaking.breaker !== process);
}

/** The first lease of the file whose break another process began or joined; undefined when there is none. */
export const breakByAnother = (file: FileRecord, process: ProcessId): Lease | undefined =>
  file.leases.find(lease => isByAnother(lease, process));

/**
 * Begins the break of a lease, or joins it. The owner is notified once, and again when the break demands more (B1).
 * Precondition: the lease is breakable, its owner lives and is not `breaker`.
 */
export function breakLease(
  state: LeaseState,
  now: number,
  lease: Lease,
  must: Kind,
  breaker: ProcessId,
): void {
  const { breaking } = lease;
  if (breaking === undefined) {
    state.beginBreak(lease, { must, until: now + state.options.breakTime, breaker, joined: false });
    tell(state, lease, must, breaker);
    return;
  }
  const demandsMore = must === NONE && breaking.must !== NONE;
  const joins = breaking.breaker !== breaker && !breaking.joined;
  if (joins || demandsMore) state.joinBreak(lease, joins, demandsMore ? NONE : breaking.must);
  if (demandsMore) tell(state, lease, NONE, breaker);
}

function tell(state: LeaseState, lease: Lease, must: Kind, breaker: ProcessId): void {
  const { id, file, description, owner, notice } = lease;
  state.emit({
    effect: 'tell',
    lease: id,
    file: file.ino,
    description,
    owner,
    breaker,
    must,
    notice,
    rule: 'B1',
  });
}

/** Removes a breakable lease by force: its break time is over (B2) or its owner is dead (B5). Sharers are notified. */
export function takeAway(state: LeaseState, lease: Lease, rule: Rule): void {
  const { id, file, description } = lease;
  state.removeLease(lease);
  state.setForced(description);
  state.emit({ effect: 'removed', lease: id, file: file.ino, description, rule });
}

/** B2: forces the breaks whose deadline has passed. */
export function forceDue(state: LeaseState, now: number): void {
  for (const lease of state.pending) {
    if (lease.breaking!.until > now) return;
    force(state, lease);
  }
}

/** Forces the pending breaks of the file as if their deadlines had passed. */
export function forceFile(state: LeaseState, file: FileRecord): void {
  for (const lease of [...file.leases]) if (lease.breaking !== undefined) force(state, lease);
}

function force(state: LeaseState, lease: Lease): void {
  const { must } = lease.breaking!;
  if (must === NONE) takeAway(state, lease, 'B2');
  else lower(state, lease, must);
}

function lower(state: LeaseState, lease: Lease, to: Kind): void {
  const { id, file, description } = lease;
  state.setKind(lease, to);
  state.setForced(description);
  state.emit({ effect: 'lowered', lease: id, file: file.ino, description, to, rule: 'B2' });
}

/** The deadline of the next break, ms; Infinity when none is pending. */
export function nextDeadline(state: LeaseState): number {
  if (state.pending.size > 0) for (const lease of state.pending) return lease.breaking!.until;
  return Number.POSITIVE_INFINITY;
}
