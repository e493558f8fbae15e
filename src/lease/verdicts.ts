// Verdicts as the rules give them. `wait` names no waiter yet: LeaseState.conclude parks the call and adds it.
import { NONE } from '../abi/kinds.js';
import type { ErrnoName } from '../base/errno.js';
import type { LeaseId, PinId } from '../base/units.js';
import type { Lease, Pin } from './state.js';
import type { Holder, KernelPin, Rule, Verdict } from './types.js';

export type Ok = Extract<Verdict, { kind: 'ok' }>;
export type Refused = Extract<Verdict, { kind: 'refused' }>;
export interface Wait {
  readonly kind: 'wait';
  readonly rule: Rule;
}
export type Judgement = Ok | Refused | Wait;

export const ok = (rule: Rule): Ok => ({ kind: 'ok', rule });
export const wait = (rule: Rule): Wait => ({ kind: 'wait', rule });

export function refused(errno: ErrnoName, rule: Rule, holder?: Holder): Refused {
  return holder === undefined ? { kind: 'refused', errno, rule } : { kind: 'refused', errno, rule, holder };
}

/** A lease in the way. */
export const heldBy = (lease: Lease): Holder => ({
  process: lease.owner,
  lease: lease.id,
  leaseKind: lease.kind,
  zombie: lease.zombie,
});

/** A pin in the way. */
export const pinnedBy = (pin: Pin): Holder => ({
  process: pin.process,
  lease: pin.lease.id,
  pin: { id: pin.id, start: pin.start, end: pin.end },
  leaseKind: pin.lease.kind,
  zombie: pin.lease.zombie,
});

/** A pin of the kernel's in the way: it has no id and is under no lease (N10). */
export const pinnedByKernel = (pin: KernelPin): Holder => ({
  process: pin.process,
  lease: 0 as LeaseId,
  pin: { id: 0 as PinId, start: pin.start, end: pin.end },
  ring: pin.ring,
  leaseKind: NONE,
  zombie: false,
});
