// Pins that end with a registration of memory. The kernel does not report that end: the daemon checks when such a pin
// refuses a call (ask.ts), before listings, at the close of their lease's file and when a process ends. The check may have
// to wait, so a thread of its own makes it, and the call that needs it is parked.
import type { PinId, ProcessId } from '../../base/units.js';
import { isInExec } from '../../process/proc-text.js';
import { type Answer, type Caller, PARKED } from '../operations.js';
import type { OpenFile } from '../vfs/open-file.js';
import { endAll, endHandle, lookFor } from './ask.js';
import type { LeasePlane } from './plane.js';
import type { SupervisedPin } from './supervised.js';

/**
 * Before a listing: 0 when all is up to date, deaths and what ends with them; PARKED until then.
 * @param due only if there may be many pins that have ended unnoticed.
 */
export function settle(plane: LeasePlane, caller: Caller, due: boolean): Answer {
  const { supervision } = plane;
  if ((due && !supervision.isDue) || supervision.hasLooked(caller.waiter)) return 0;
  if (supervision.active) plane.hearAll();
  const pins = supervision.heldOf(undefined);
  return pins.length === 0 && !supervision.isLooking ? 0 : lookFor(plane, caller, pins);
}

/**
 * close(2) of one descriptor of the description, which may be the last. The close waits for this check, so a pin that is
 * seen now counts as pinned at the close, also if it ends before RELEASE comes. The check would wait for a close that exec(2)
 * makes (K29): that continues at once, and RELEASE checks.
 */
export function closing(plane: LeasePlane, caller: Caller, file: OpenFile): Answer {
  const { sb, supervision, processes, pinnedAtClose } = plane;
  if (supervision.hasLooked(caller.waiter)) return 0;
  pinnedAtClose.delete(file.fh);
  const { held, own, owners } = pinsUnder(plane, file);
  if (held.length + own.length === 0) return 0;
  if (isInExec(caller.tid)) {
    // It has no other thread any more, and none is at a call that registers.
    for (const { registration } of held) if (registration.pid === caller.tid) registration.settled = true;
    return 0;
  }
  const waiter = sb.newWaiter();
  caller.waiter = waiter;
  caller.interruptible = false;
  supervision.park(waiter);
  const pids = owners.map(process => processes.info(process).pid);
  supervision.look(caller.tid, held, pids, (gone, ending) => {
    endAll(plane, gone, () => {
      const ended = new Set(gone);
      const left = held.filter(one => !ended.has(one)).map(({ pin }) => pin);
      pinnedAtClose.set(file.fh, new Set(ending.length > 0 ? left : [...left, ...own]));
      sb.host?.retry(waiter);
      supervision.unpark(waiter);
    });
  });
  return PARKED;
}

/**
 * The description has ended: ends its lease, or makes it a zombie (N5), once the daemon knows whether its pins remain. It
 * waits for the end of a process that is ending, which ends that process's own pins.
 */
export function endDescription(plane: LeasePlane, file: OpenFile): void {
  const { supervision, processes, pinnedAtClose } = plane;
  // Only the report of a supervisor tells a process that closes from one that ends. Elsewhere the lease ends at once: until
  // then its owner could pin more through another description (N3).
  if (plane.sb.host === undefined || !supervision.active) {
    endNow(plane, file);
    return;
  }
  const atClose = pinnedAtClose.get(file.fh);
  const { all, makers } = pinsUnder(plane, file);
  const isZombie = all.some(pin => atClose?.has(pin));
  // A process that has ended: its pins end first.
  if (!isZombie) for (const process of makers) plane.bury(process);
  const { held, owners } = pinsUnder(plane, file);
  const doubtful = held.filter(({ pin }) => !atClose?.has(pin));
  const pids = isZombie ? [] : owners.map(process => processes.info(process).pid);
  if (doubtful.length + pids.length === 0) {
    endNow(plane, file);
    return;
  }
  supervision.look(0, doubtful, pids, (gone, ending) => {
    endAll(plane, gone, () => {
      for (const process of owners) plane.bury(process);
      const last = owners.find((process, n) => processes.info(process).alive && ending.includes(pids[n]!));
      if (last === undefined) endNow(plane, file);
      else supervision.atEnd(last, () => endDescription(plane, file));
    });
  });
}

function endNow(plane: LeasePlane, { fh }: OpenFile): void {
  plane.pinnedAtClose.delete(fh);
  endHandle(plane, fh);
}

/** What is pinned under the lease of the description: by supervisors; by processes that own their pins. */
function pinsUnder(
  { leases, supervision, processes }: LeasePlane,
  { fh, inode: { ino } }: OpenFile,
): {
  readonly all: readonly PinId[];
  readonly makers: readonly ProcessId[];
  readonly held: readonly SupervisedPin[];
  /** Of processes that live. */
  readonly own: readonly PinId[];
  readonly owners: readonly ProcessId[];
} {
  const lease = leases.concerns(ino)
    ? leases.leases(ino).find(({ description, pins }) => description === fh && pins > 0)
    : undefined;
  if (lease === undefined) return { all: [], makers: [], held: [], own: [], owners: [] };
  const under = leases.pins(ino).filter(pin => pin.lease === lease.lease);
  const held = under.flatMap(({ pin }) => supervision.heldPin(pin) ?? []);
  const own = under.filter(({ owner, process }) => owner === 0 && processes.info(process).alive);
  const owners = new Set(own.map(({ process }) => process));
  return {
    all: under.map(({ pin }) => pin),
    makers: under.map(({ process }) => process),
    held,
    own: own.map(({ pin }) => pin),
    owners: [...owners],
  };
}
