// Leases, as applications ask for them: the facts about the caller are looked up here, the lease machine decides.
import { kindName, NONE } from '../../abi/kinds.js';
import { errno } from '../../base/errno.js';
import { CAP_LEASE, O_ACCMODE, O_RDONLY, POLLIN, POLLOUT, POLLPRI, S_IFREG } from '../../base/linux.js';
import { type FileHandle, UNIDENTIFIED } from '../../base/units.js';
import {
  type Answer,
  type Caller,
  type GetLeaseAnswer,
  PARKED,
  type SetLeaseRequest,
} from '../operations.js';
import { afterDrops } from './after-drops.js';
import { ask, goBehind } from './ask.js';
import { identify, isCapable } from './callers.js';
import type { LeasePlane } from './plane.js';
import { newsOf, tokenOf } from './watches.js';

export function setLease(
  plane: LeasePlane,
  caller: Caller,
  fh: FileHandle,
  request: SetLeaseRequest,
): Answer {
  const file = plane.sb.handles.get(fh);
  if (file === undefined) return -errno.EBADF;
  const { inode } = file;
  const process = identify(plane, caller);
  const { kind } = request;
  if (kind === undefined) return process === UNIDENTIFIED ? -errno.EPERM : -errno.EINVAL;
  const taking = kind !== NONE;
  const busy = taking ? plane.sb.slices.wait(caller, inode.ino) || goBehind(plane, caller, inode.ino) : 0;
  if (busy !== 0) return busy;
  if (taking && plane.injector?.grantAnswer(caller) === PARKED) return PARKED;
  const owner = plane.leases.ownerOf(fh);
  // L6: a process that has waited for the owner's end takes the lease over, even if the daemon has not seen the end yet.
  if (owner !== process) plane.hear(owner);
  const mayLease = taking && (caller.uid === inode.uid || isCapable(plane, process, caller, CAP_LEASE));
  const answer = ask(
    plane,
    caller,
    process,
    inode.ino,
    waiter =>
      plane.leases.setLease(plane.monotonic(), {
        process,
        description: fh,
        file: inode.ino,
        kind,
        nonblock: request.nonblock,
        isAdmitted: caller.isResent,
        regular: inode.type === S_IFREG,
        mayLease,
        writable: (file.flags & O_ACCMODE) !== O_RDONLY,
        notice: { signal: request.signal, cookie: request.cookie, uid: caller.uid },
        waiter,
      }),
    () => `lease ${kindName(kind)}`,
  );
  if (answer === 0 && taking) afterDrops(plane, caller, inode);
  return answer;
}

export function getLease(plane: LeasePlane, fh: FileHandle): GetLeaseAnswer {
  const file = plane.sb.handles.get(fh);
  if (file === undefined) return { kind: NONE, breakMs: 0, token: 0n };
  const breakMs = newsOf(plane, fh)?.breakMs ?? 0;
  return { kind: plane.leases.getLease(fh), breakMs, token: tokenOf(plane, fh) };
}

export function poll(plane: LeasePlane, fh: FileHandle, notify: boolean): Answer {
  const file = plane.sb.handles.get(fh);
  if (file === undefined) return -errno.EBADF;
  if (notify) file.pollArmed = true;
  return POLLIN | POLLOUT | (plane.leases.breaking(fh) ? POLLPRI : 0);
}
