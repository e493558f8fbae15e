// X: layout changes. Kernel counterpart: xfs_break_layouts, pins first, then leases. The first rule that matches
// decides.
import { EXCLUSIVE, NONE } from '../abi/kinds.js';
import { type PinId, UNIDENTIFIED } from '../base/units.js';
import type { RangeIndex } from '../extent/range-index.js';
import { breakLease, takeAway } from './break.js';
import { isUnbreakable } from './compatible.js';
import { wouldDeadlock } from './deadlock.js';
import type { FileRecord, Lease, Pin } from './records.js';
import type { LeaseState } from './state.js';
import type { ChangeAsk, ChangeRange } from './types.js';
import {
  heldBy,
  type Judgement,
  type Ok,
  ok,
  pinnedBy,
  pinnedByKernel,
  type Refused,
  refused,
  wait,
} from './verdicts.js';

const NOTHING_MOVES = ok('X0');
const EXCLUSIVE_OWNER = ok('X3');
const OWN_OR_DEAD = ok('X4');
const NO_LEASE = ok('X5');
const WAITS = wait('X4');

/** The verdict on a file that has no lease, pin or waiter. */
export const unconcerned = (ask: ChangeAsk): Ok => (ask.range.empty ? NOTHING_MOVES : NO_LEASE);

export function judgeChange(state: LeaseState, now: number, ask: ChangeAsk): Judgement {
  const file = state.files.get(ask.file);
  const pinned = meetsPins(state, file, ask);
  if (pinned !== undefined) return pinned;
  if (ask.range.empty) return NOTHING_MOVES;
  return file === undefined ? NO_LEASE : judgeLeases(state, now, ask, file);
}

/** X1: refuses when the range meets a pin; else undefined. Two look-ups, independent of the number of pins. */
function meetsPins(state: LeaseState, file: FileRecord | undefined, ask: ChangeAsk): Refused | undefined {
  const { process, range, kernelPins } = ask;
  if (range.pinStart >= range.pinEnd) return undefined;
  const own = firstMet(state, file?.pinsBy.get(process), range);
  if (own !== undefined) return refused('EDEADLK', 'X1', pinnedBy(own));
  const met = kernelPins?.filter(pin => pin.start < range.pinEnd && range.pinStart < pin.end);
  const ownKernel = met?.find(
    pin => pin.process === process && process !== UNIDENTIFIED && pin.inherited !== true,
  );
  if (ownKernel !== undefined) return refused('EDEADLK', 'X1', pinnedByKernel(ownKernel));
  const pin = firstMet(state, file?.pins, range);
  if (pin !== undefined) return refused('ETXTBSY', 'X1', pinnedBy(pin));
  const kernelPin = met?.find(({ inherited }) => inherited !== true) ?? met?.[0];
  return kernelPin && refused('ETXTBSY', 'X1', pinnedByKernel(kernelPin));
}

function firstMet(state: LeaseState, pins: RangeIndex | undefined, range: ChangeRange): Pin | undefined {
  const id = pins?.firstOverlap(range.pinStart, range.pinEnd) ?? 0;
  return id === 0 ? undefined : state.pins.get(id as PinId);
}

/** X2 to X5. */
function judgeLeases(state: LeaseState, now: number, ask: ChangeAsk, file: FileRecord): Judgement {
  const { process } = ask;
  const others: Lease[] = [];
  let unbreakable: Lease | undefined;
  let ownsBreakable = false;
  for (const lease of file.leases) {
    const owned = lease.owner === process;
    if (!isUnbreakable(lease.kind)) {
      if (owned) ownsBreakable = true;
      else others.push(lease);
    } else if (owned) unbreakable ??= lease;
    else return refused('ETXTBSY', 'X2', heldBy(lease));
  }
  if (unbreakable !== undefined) {
    const allowed = unbreakable.kind === EXCLUSIVE && state.options.semantics === 'default';
    return allowed ? EXCLUSIVE_OWNER : refused('EDEADLK', 'X3', heldBy(unbreakable));
  }
  if (others.length > 0) return breakOthers(state, now, ask, others);
  return ownsBreakable ? OWN_OR_DEAD : NO_LEASE;
}

/** X4: leases of dead owners are removed at once (B5); living owners are notified, and the call waits for them. */
function breakOthers(state: LeaseState, now: number, ask: ChangeAsk, others: readonly Lease[]): Judgement {
  const { process, description, nonblock } = ask;
  const living = others.filter(lease => !lease.ownerDead);
  const [first] = living;
  const through = living.find(lease => lease.description === description);
  if (through !== undefined) return refused('EDEADLK', 'B7', heldBy(through));
  const unidentified = process === UNIDENTIFIED;
  const waits = first !== undefined && !nonblock && !unidentified;
  if (waits && wouldDeadlock(state, process, living)) return refused('EDEADLK', 'B7', heldBy(first));
  for (const lease of others) if (lease.ownerDead) takeAway(state, lease, 'B5');
  if (first === undefined) return OWN_OR_DEAD;
  for (const lease of living) breakLease(state, now, lease, NONE, process);
  return waits ? WAITS : refused('EAGAIN', unidentified ? 'W' : 'B4', heldBy(first));
}
