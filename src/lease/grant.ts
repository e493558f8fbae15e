// L: F_SETLEASE takes, converts and releases a lease, and answers a break. Kernel counterpart: generic_setlease in
// fs/locks.c. Refusals come in the order of L9.
import { type Kind, NONE } from '../abi/kinds.js';
import { UNIDENTIFIED } from '../base/units.js';
import { breakByAnother, breakLease, takeAway } from './break.js';
import { breakTarget, isUnbreakable, REFUSES } from './compatible.js';
import { wouldDeadlock } from './deadlock.js';
import type { Lease } from './records.js';
import type { LeaseState } from './state.js';
import type { LeaseAsk } from './types.js';
import { heldBy, type Judgement, ok, pinnedBy, refused, wait } from './verdicts.js';

const RELEASED = ok('L2');
const GRANTED = ok('L3');
const CONVERTED = ok('L4');
const WAITS = wait('L3');
/** L10. */
const LEASES_MAX = 1024;

export function judgeLease(state: LeaseState, now: number, ask: LeaseAsk): Judgement {
  const lease = state.byDescription.get(ask.description);
  if (ask.kind === NONE) return unlock(state, ask, lease);
  if (ask.process === UNIDENTIFIED) return refused('EPERM', 'W');
  // Answering a break needs no privilege and no open mode, as releasing does not (L4).
  const answers = lease?.breaking?.must === ask.kind;
  if (!answers) {
    if (!ask.regular) return refused('EINVAL', 'L7');
    if (!ask.mayLease) return refused('EACCES', 'L7');
    if (isUnbreakable(ask.kind) && !ask.writable) return refused('EBADF', 'L7');
  }
  return lease === undefined ? take(state, now, ask) : convert(state, ask, lease);
}

function unlock(state: LeaseState, { description }: LeaseAsk, lease: Lease | undefined): Judgement {
  state.unsetForced(description);
  if (lease === undefined) return refused('EAGAIN', 'L2');
  const [pin] = lease.pins;
  if (pin !== undefined) return refused('EBUSY', 'L5', pinnedBy(pin));
  state.endLease(lease, 'L2');
  return RELEASED;
}

function convert(state: LeaseState, ask: LeaseAsk, lease: Lease): Judgement {
  const { kind } = ask;
  if (lease.breaking !== undefined) {
    if (kind !== lease.breaking.must) return refused('EAGAIN', 'L4', heldBy(lease));
  } else {
    const [pin] = lease.pins;
    if (pin !== undefined && !isUnbreakable(kind)) return refused('EBUSY', 'L5', pinnedBy(pin));
    for (const other of lease.file.leases) {
      const compatible = other === lease || breakTarget(other.kind, kind) === other.kind;
      if (!compatible) return refused('EAGAIN', 'L4', heldBy(other));
    }
  }
  const { id, file, description } = lease;
  if (lease.ownerDead) {
    state.setOwner(lease, ask.process);
    state.emit({ effect: 'owner', lease: id, file: file.ino, description, owner: ask.process, rule: 'L6' });
  }
  // A conversion by another sharer of the description does not change the owner's signal (B1).
  if (lease.owner === ask.process) lease.notice = ask.notice;
  state.setKind(lease, kind);
  state.emit({ effect: 'converted', lease: id, file: file.ino, description, to: kind, rule: 'L4' });
  return CONVERTED;
}

function take(state: LeaseState, now: number, ask: LeaseAsk): Judgement {
  const { process, description, kind, notice } = ask;
  const found = conflicting(state, ask);
  if (!Array.isArray(found)) return found;
  const living = found.filter(lease => !lease.ownerDead);
  const [first] = living;
  if (first !== undefined && !ask.nonblock && wouldDeadlock(state, process, living)) {
    return refused('EDEADLK', 'B7', heldBy(first));
  }
  for (const lease of found) if (lease.ownerDead) takeAway(state, lease, 'B5');
  if (first !== undefined) {
    for (const lease of living) breakLease(state, now, lease, breakTarget(lease.kind, kind) as Kind, process);
    return ask.nonblock ? refused('EAGAIN', 'B4', heldBy(first)) : WAITS;
  }
  const file = state.record(ask.file);
  if (file.leases.length >= LEASES_MAX) return refused('ENOLCK', 'L10', heldBy(file.leases[0]!));
  const { id } = state.addLease(now, file, description, kind, process, notice);
  state.emit({
    effect: 'granted',
    lease: id,
    file: ask.file,
    description,
    owner: process,
    to: kind,
    rule: 'L3',
  });
  return GRANTED;
}

/** The leases that must be broken first, oldest first; or the refusal, before any holder is notified (L3, B3). */
function conflicting(state: LeaseState, ask: LeaseAsk): Lease[] | Judgement {
  const file = state.files.get(ask.file);
  if (file === undefined) return [];
  // B3 refuses new calls only. A parked call was admitted before other breakers joined.
  const isAdmitted = ask.isAdmitted === true || state.waiters.has(ask.waiter);
  const other = isAdmitted ? undefined : breakByAnother(file, ask.process);
  if (other !== undefined) return refused('EAGAIN', 'B3', heldBy(other));
  const found: Lease[] = [];
  let own: Lease | undefined;
  for (const lease of file.leases) {
    const must = breakTarget(lease.kind, ask.kind);
    if (must === REFUSES) return refused('EAGAIN', 'L3', heldBy(lease));
    if (must === lease.kind) continue;
    if (lease.owner === ask.process) own ??= lease;
    found.push(lease);
  }
  return own === undefined ? found : refused('EDEADLK', 'L3', heldBy(own));
}

/** L8: the lease's kind, or during a break the kind that it must become; NONE without a lease. */
export function leaseOn(lease: Lease | undefined): Kind {
  return lease === undefined ? NONE : (lease.breaking?.must ?? lease.kind);
}
