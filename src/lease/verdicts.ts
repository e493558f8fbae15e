// Verdicts as the rules return them. `wait` names no waiter yet: LeaseState.conclude parks the call and adds it.
import type { ErrnoName } from '../base/errno.js';
import type { Lease, Pin } from './records.js';
import type { Holder, KernelPin, KernelPinHolder, LeaseHolder, PinHolder, Rule, Verdict } from './types.js';

export type Ok = Extract<Verdict, { kind: 'ok' }>;
export type Refused = Extract<Verdict, { kind: 'refused' }>;
interface Wait {
  readonly kind: 'wait';
  readonly rule: Rule;
}
export type Judgement = Ok | Refused | Wait;

export const ok = (rule: Rule): Ok => ({ kind: 'ok', rule });
export const wait = (rule: Rule): Wait => ({ kind: 'wait', rule });

export function refused(errno: ErrnoName, rule: Rule, holder?: Holder): Refused {
  return holder === undefined ? { kind: 'refused', errno, rule } : { kind: 'refused', errno, rule, holder };
}

/** The lease that refuses. */
export const heldBy = (lease: Lease): LeaseHolder => ({
  by: 'lease',
  process: lease.owner,
  lease: lease.id,
  leaseKind: lease.kind,
  zombie: lease.zombie,
});

/** The pin that refuses. */
export const pinnedBy = ({ id, process, lease, start, end }: Pin): PinHolder => ({
  by: 'pin',
  process,
  lease: lease.id,
  leaseKind: lease.kind,
  zombie: lease.zombie,
  pin: id,
  start,
  end,
});

/** The kernel pin that refuses (N10, N12). */
export const pinnedByKernel = (pin: KernelPin): KernelPinHolder => {
  const { process, with: by, ring, possible = false, start, end } = pin;
  return { by: 'kernel pin', process, with: by, ring, possible, start, end };
};
