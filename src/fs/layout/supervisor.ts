// `leasefs run`: its supervisor acts for the processes that it has stopped at a call. It proves its right by a file that
// only a process that may trace this daemon can get, so the kernel decides. The daemon looks up the process that the
// supervisor acts for by thread and start time, and does not trust its word.
import { readlinkSync } from 'node:fs';
import { NONE } from '../../abi/kinds.js';
import { errno } from '../../base/errno.js';
import { attempt } from '../../base/guarded.js';
import { isOwner } from '../../base/owner.js';
import {
  blockOf,
  blocksFor,
  type FileHandle,
  type InodeNumber,
  MAX_OFFSET,
  NO_WAITER,
  type PinId,
  UNIDENTIFIED,
} from '../../base/units.js';
import { endingBy, type Registered } from '../../process/registration.js';
import {
  type Answer,
  Caller,
  PARKED,
  type PinForRequest,
  type SetLeaseRequest,
  type Subject,
} from '../operations.js';
import { carryOut, endHandle } from './ask.js';
import { identify } from './callers.js';
import { setLease } from './leases.js';
import { makePin } from './pins.js';
import type { LeasePlane } from './plane.js';

/**
 * The number of the descriptor to show; -EPERM for a caller that is neither root nor our user, or in another pid namespace.
 */
export function askSecret(plane: LeasePlane, caller: Caller): Answer {
  return maySupervise(caller) ? plane.supervision.secretFd() : -errno.EPERM;
}

/** Registers the caller, which shows the bytes of the secret file. */
export function supervise(plane: LeasePlane, caller: Caller, fh: FileHandle, token: Uint8Array): Answer {
  const process = identify(plane, caller);
  if (process === UNIDENTIFIED || !maySupervise(caller)) return -errno.EPERM;
  if (!plane.supervision.isSecret(token)) return -errno.EPERM;
  plane.supervision.add(fh, process);
  plane.log(`supervisor: ${plane.processes.info(process).pid} acts for the processes that it runs`);
  return 0;
}

/** The caller waits for our answer, so it is not in exec(2), and its /proc answers (K29). */
function maySupervise(caller: Caller): boolean {
  if (caller.isStopped || caller.isSender) return false;
  if (!isOwner(caller.uid)) return false;
  try {
    return readlinkSync(`/proc/${caller.tid}/ns/pid`) === readlinkSync('/proc/self/ns/pid');
  } catch {
    return false;
  }
}

export function setLeaseFor(
  plane: LeasePlane,
  caller: Caller,
  fh: FileHandle,
  subject: Subject,
  request: SetLeaseRequest,
): Answer {
  const acting = actingFor(plane, caller, subject);
  if (typeof acting === 'number') return acting;
  // The delay must not be spent on a trial.
  if (request.tries && plane.injector?.delaysGrant) return -errno.EINPROGRESS;
  const answer = setLease(plane, acting, fh, request);
  if (answer === PARKED && request.tries) {
    plane.cancel(acting.waiter);
    return -errno.EINPROGRESS;
  }
  // It is the supervisor's request that waits and is run again.
  caller.waiter = acting.waiter;
  caller.interruptible = acting.interruptible;
  if (answer === PARKED) plane.supervision.waiting.set(subject.tid, acting.waiter);
  else plane.supervision.waiting.delete(subject.tid);
  if (answer === 0) plane.supervision.leased.set(subject.tid, fh);
  return answer;
}

/** The thread did not get the answer to its last call, which took a lease. */
function undoLeaseFor(plane: LeasePlane, caller: Caller, tid: number): Answer {
  const { supervision, leases } = plane;
  const fh = supervision.leased.get(tid);
  if (fh === undefined || leases.getLease(fh) === NONE) return 0;
  const answer = setLease(plane, caller, fh, { kind: NONE, nonblock: true, signal: 0, cookie: 0n });
  // Else it runs again.
  if (answer !== PARKED) supervision.leased.delete(tid);
  return answer;
}

/** The thread got a signal, or is gone (B5). */
export function cancelLeaseFor(plane: LeasePlane, caller: Caller, tid: number, isGranted: boolean): Answer {
  if (!plane.supervision.isSupervisor(identify(plane, caller))) return -errno.EPERM;
  if (isGranted) return undoLeaseFor(plane, caller, tid);
  const waiter = plane.supervision.waiting.get(tid);
  if (waiter === undefined) return 0;
  plane.supervision.waiting.delete(tid);
  plane.leases.cancel(waiter);
  carryOut(plane);
  plane.sb.host?.answer(waiter, errno.EINTR);
  return 0;
}

export function pinFor(plane: LeasePlane, caller: Caller, request: PinForRequest): Answer {
  const acting = actingFor(plane, caller, request);
  if (typeof acting === 'number') return acting;
  const inode = plane.sb.inode(request.ino as InodeNumber);
  if (inode === undefined) return -errno.ENOENT;
  const { off, len } = request;
  if (inode.file === undefined || len <= 0 || off + len > MAX_OFFSET) return -errno.EINVAL;
  const process = plane.processes.identify(acting.tid, false);
  const { pid, start } = plane.processes.info(process);
  const registration = plane.supervision.nameFor(caller.waiter);
  if (registration === 'unasked')
    return nameIt(plane, caller, { ...request.registered, pid, start, tid: request.tid });
  if (registration === undefined) return -errno.EAGAIN;
  // No call of the lease machine's waits under it.
  acting.waiter = NO_WAITER;
  acting.goesOn = request.goesOn;
  const handle = plane.sb.newHandle();
  const id = makePin(plane, acting, process, inode, off, len, handle, handle, ' by registering memory');
  if (id < 0) return id;
  if (id === PARKED) {
    // It is the supervisor's request that waits.
    caller.waiter = acting.waiter;
    caller.interruptible = acting.interruptible;
    return PARKED;
  }
  plane.supervision.hold({
    pin: id as PinId,
    ino: inode.ino,
    handle,
    registration,
    start: blockOf(off),
    end: blocksFor(off + len),
  });
  return id;
}

/** The pin ends with the call at which the thread is stopped. */
export function endPinFor(plane: LeasePlane, caller: Caller, subject: Subject, id: number): Answer {
  const acting = actingFor(plane, caller, subject);
  if (typeof acting === 'number') return acting;
  const held = plane.supervision.heldPin(id as PinId);
  if (held === undefined) return -errno.ENOENT;
  held.registration = endingBy(held.registration, subject.tid);
  plane.supervision.hold(held);
  return 0;
}

/** Parks the call until the daemon knows what is about to be registered. */
function nameIt({ sb, supervision, log }: LeasePlane, caller: Caller, of: Registered): Answer {
  const waiter = sb.newWaiter();
  const hasLooked = supervision.hasLooked(caller.waiter);
  if (hasLooked) supervision.park(waiter);
  caller.waiter = waiter;
  caller.interruptible = false;
  supervision.name(waiter, of, () => {
    if (!attempt(log, 'request', () => sb.host?.retry(waiter))) sb.host?.answer(waiter, errno.EIO);
    if (hasLooked) supervision.unpark(waiter);
  });
  return PARKED;
}

/** Releases a pin that a supervisor has made: 1, or undefined if it made no such pin. */
export function unpinFor(plane: LeasePlane, caller: Caller, id: number): Answer | undefined {
  const held = plane.supervision.heldPin(id as PinId);
  if (held === undefined || !plane.supervision.isSupervisor(identify(plane, caller))) return undefined;
  endHandle(plane, held.handle);
  return 1;
}

/** The thread as the caller; -EPERM when the real caller is no supervisor, -ESRCH when it is another thread by now. */
function actingFor(plane: LeasePlane, caller: Caller, { tid, start, identity }: Subject): Caller | number {
  if (!plane.supervision.isSupervisor(identify(plane, caller))) return -errno.EPERM;
  const process = plane.processes.identify(tid, false);
  const uid = plane.processes.uids(tid)?.fs;
  if (process === UNIDENTIFIED || uid === undefined || plane.processes.identity(tid) !== identity) {
    return -errno.ESRCH;
  }
  plane.processes.learnStart(process, start);
  const acting = new Caller();
  acting.uid = uid;
  acting.tid = tid;
  acting.isStopped = true;
  acting.waiter = caller.waiter;
  acting.isResent = caller.isResent;
  return acting;
}
