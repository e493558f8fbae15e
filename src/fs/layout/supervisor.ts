// `leasefs run`: its supervisor acts for the processes that it has stopped at a call. It is known by a file that only
// those who could trace this daemon can get hold of, so the kernel judges who may. Whom it acts for is looked up here,
// by thread and start time, not believed.
import { readlinkSync } from 'node:fs';
import { errno } from '../../base/errno.js';
import {
  blockOf,
  blocksFor,
  type FileHandle,
  type InodeNumber,
  MAX_OFFSET,
  type PinId,
  UNIDENTIFIED,
} from '../../base/units.js';
import { uidsOf } from '../../process/proc.js';
import { fileIdOf } from '../../process/proc-text.js';
import { Registration } from '../../process/registration.js';
import {
  type Answer,
  Caller,
  PARKED,
  type PinForRequest,
  type SetLeaseRequest,
  type Subject,
} from '../operations.js';
import type { Superblock } from '../vfs/superblock.js';
import { carryOut, conclude } from './ask.js';
import { fill, giveBack, pinAsk, setLease } from './leases.js';
import { endGone, endHandle, judged } from './registered-pins.js';

/** The number of the descriptor to show; -EPERM for who is neither root nor our user, or in another pid namespace. */
export function askSecret(sb: Superblock, caller: Caller): Answer {
  return maySupervise(caller) ? sb.supervision.secretFd() : -errno.EPERM;
}

/** Registers the caller, which shows its descriptor `fd`. */
export function supervise(sb: Superblock, caller: Caller, fh: FileHandle, fd: number): Answer {
  const process = sb.processes.identify(caller.tid);
  if (process === UNIDENTIFIED || !maySupervise(caller)) return -errno.EPERM;
  // Never by stat(2): the descriptor may be of a file of this very mount, and the stat would wait for us.
  const shown = fileIdOf(caller.tid, fd);
  const secret = fileIdOf('self', sb.supervision.secretFd());
  if (shown === undefined || shown.mount !== secret?.mount || shown.ino !== secret.ino) return -errno.EPERM;
  sb.supervision.add(fh, process);
  sb.log(`supervisor: ${sb.processes.info(process).pid} acts for the processes that it runs`);
  return 0;
}

function maySupervise(caller: Caller): boolean {
  if (caller.uid !== 0 && caller.uid !== process.getuid?.()) return false;
  try {
    return readlinkSync(`/proc/${caller.tid}/ns/pid`) === readlinkSync('/proc/self/ns/pid');
  } catch {
    return false;
  }
}

export function setLeaseFor(
  sb: Superblock,
  caller: Caller,
  fh: FileHandle,
  subject: Subject,
  request: SetLeaseRequest,
): Answer {
  const acting = actingFor(sb, caller, subject);
  if (typeof acting === 'number') return acting;
  const answer = setLease(sb, acting, fh, request);
  // It is the supervisor's request that waits and is run again.
  caller.waiter = acting.waiter;
  if (answer === PARKED) sb.supervision.waiting.set(subject.tid, acting.waiter);
  else sb.supervision.waiting.delete(subject.tid);
  return answer;
}

/** The thread got a signal, or is gone (B5). */
export function cancelLeaseFor(sb: Superblock, caller: Caller, tid: number): Answer {
  if (!sb.supervision.isSupervisor(sb.processes.identify(caller.tid))) return -errno.EPERM;
  const waiter = sb.supervision.waiting.get(tid);
  if (waiter === undefined) return 0;
  sb.supervision.waiting.delete(tid);
  sb.leases.cancel(sb.monotonic(), waiter);
  carryOut(sb);
  sb.host?.answer(waiter, errno.EINTR);
  return 0;
}

export function pinFor(sb: Superblock, caller: Caller, request: PinForRequest): Answer {
  const acting = actingFor(sb, caller, request);
  if (typeof acting === 'number') return acting;
  const inode = sb.inode(request.ino as InodeNumber);
  if (inode === undefined) return -errno.ENOENT;
  const { off, len } = request;
  if (inode.file === undefined || len <= 0 || off + len > MAX_OFFSET) return -errno.EINVAL;
  const process = sb.processes.identify(acting.tid);
  const { pid, start } = sb.processes.info(process);
  const registration = new Registration({ ...request.registered, pid, start, tid: request.tid });
  const handle = sb.newHandle();
  if (request.first) endGone(sb);
  const what = () => `pin [${off}, ${off + len}) by registering memory`;
  const injected = sb.injector?.pinAnswer(process, inode.ino, what()) ?? 0;
  if (injected < 0) return injected;
  let id = 0 as PinId;
  const verdict = judged(sb, inode.ino, () => {
    const ask = pinAsk(sb, acting, process, inode, off, len, { description: handle, owner: handle });
    const asked = sb.leases.pin(sb.monotonic(), ask);
    id = asked.pin;
    return asked.verdict;
  });
  if (verdict.kind === 'ok') {
    const filled = fill(sb, process, inode, off, len);
    if (filled < 0) return giveBack(sb, id, filled);
    const [start, end] = [blockOf(off), blocksFor(off + len)];
    sb.supervision.hold(id, { ino: inode.ino, handle, registration, start, end });
  }
  const answer = conclude(sb, acting, process, inode.ino, verdict, what);
  return answer === 0 ? id : answer;
}

/** A supervisor takes a pin back that it has made: 1, or undefined where it is none of those. */
export function unpinFor(sb: Superblock, caller: Caller, id: number): Answer | undefined {
  const held = sb.supervision.heldPin(id as PinId);
  if (held === undefined || !sb.supervision.isSupervisor(sb.processes.identify(caller.tid))) return undefined;
  endHandle(sb, held.handle);
  return 1;
}

/** The thread, as who asks; -EPERM when the caller is no supervisor, -ESRCH when the thread is not that process's. */
function actingFor(sb: Superblock, caller: Caller, { tid, start }: Subject): Caller | number {
  if (!sb.supervision.isSupervisor(sb.processes.identify(caller.tid))) return -errno.EPERM;
  const process = sb.processes.identify(tid);
  const uid = uidsOf(tid)?.fs;
  if (process === UNIDENTIFIED || uid === undefined || sb.processes.info(process).start !== start) {
    return -errno.ESRCH;
  }
  const acting = new Caller();
  acting.uid = uid;
  acting.tid = tid;
  acting.waiter = caller.waiter;
  return acting;
}
