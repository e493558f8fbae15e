// N: pins. A pin is under an unbreakable lease of the process that makes it, and keeps that lease. Refusals come in the
// order of N11; the store answers ENOSPC.

import { NONE } from '../abi/kinds.js';
import { BLOCK, UNIDENTIFIED } from '../base/units.js';
import { isUnbreakable } from './compatible.js';
import type { FileRecord, Lease, Pin } from './records.js';
import type { LeaseState } from './state.js';
import type { PinAsk, UnpinAsk, Verdict } from './types.js';
import { heldBy, ok, pinnedBy, type Refused, refused } from './verdicts.js';

const UNPINNED = ok('N8');

export function makePin(state: LeaseState, now: number, ask: PinAsk): Pin | Refused {
  const { process, start, end, uid } = ask;
  if (process === UNIDENTIFIED) return refused('EPERM', 'W');
  if (!(start >= 0 && start < end)) return refused('EINVAL', 'N7');
  if (!ask.ownerHeld) return refused('EBADF', 'N4');
  const file = state.files.get(ask.file);
  const lease = file && licence(file, ask);
  if (lease === undefined) return unlicensed(state, file, ask);
  if (end > ask.sizeBlocks) return refused('EFAULT', 'N7');
  const bytes = (end - start) * BLOCK;
  if (!ask.uncounted && (state.charges.get(uid) ?? 0) + bytes > ask.memlock) return refused('ENOMEM', 'N9');
  if (!state.pinRoom.has(uid)) return refused('ENOMEM', 'N9');
  const charged = ask.uncounted ? 0 : bytes;
  const pin = state.addPin({ lease, start, end, process, owner: ask.owner, uid, charged, pinnedAt: now });
  state.tellPin('pinned', pin, 'N1');
  return pin;
}

/** The lease for a new pin: that of the description that the call comes through, else the caller's oldest (Words). */
function licence(file: FileRecord, { process, description }: PinAsk): Lease | undefined {
  let oldest: Lease | undefined;
  for (const lease of file.leases) {
    if (lease.owner !== process || lease.zombie || !isUnbreakable(lease.kind)) continue;
    if (lease.description === description) return lease;
    oldest ??= lease;
  }
  return oldest;
}

/** EPERM, with the rule that explains it best: another process's lease (N2), only a zombie (N3), or no lease (N1). */
function unlicensed(state: LeaseState, file: FileRecord | undefined, ask: PinAsk): Refused {
  const through = state.byDescription.get(ask.description);
  if (through !== undefined && through.file === file && isUnbreakable(through.kind)) {
    return refused('EPERM', 'N2', heldBy(through));
  }
  const zombie = file?.leases.find(lease => lease.zombie && lease.owner === ask.process);
  if (zombie !== undefined) return refused('EPERM', 'N3', heldBy(zombie));
  const own = file?.leases.find(lease => lease.owner === ask.process);
  return { ...refused('EPERM', 'N1'), own: own?.kind ?? NONE };
}

export function unpin(state: LeaseState, { process, description, pin: id }: UnpinAsk): Verdict {
  if (process === UNIDENTIFIED) return refused('EPERM', 'W');
  const pin = state.pins.get(id);
  if (pin === undefined) return refused('ENOENT', 'N8');
  const owns = pin.owner === 0 ? pin.process === process : pin.owner === description;
  if (!owns && pin.lease.owner !== process) return refused('EPERM', 'N8', pinnedBy(pin));
  state.removePin(pin, 'N8');
  return UNPINNED;
}
