// Carries out what the lease machine decides: the answer to who asked, the notice to a holder (B1), the waiters to be
// run again, the timer of the next forced break (B2); and writes each refusal and break as one line.
import { type Kind, kindName, NONE } from '../../abi/kinds.js';
import { errno, errnoText } from '../../base/errno.js';
import { BLOCK, type InodeNumber, type ProcessId } from '../../base/units.js';
import type { Effect, Holder, Verdict } from '../../lease/types.js';
import { type Answer, type Caller, PARKED } from '../operations.js';
import { endOf } from '../trace/recorder.js';
import { pathOf } from '../vfs/inode.js';
import type { Superblock } from '../vfs/superblock.js';
import { endGrant } from './grant.js';

/** The answer to who asked, after all effects were carried out. `what`: the call as the log tells it. */
export function conclude(
  sb: Superblock,
  caller: Caller,
  process: ProcessId,
  ino: InodeNumber,
  verdict: Verdict,
  what: () => string,
): Answer {
  carryOut(sb);
  if (verdict.kind === 'ok') return 0;
  if (verdict.kind === 'wait') {
    caller.waiter = verdict.waiter;
    return PARKED;
  }
  const call = what();
  sb.recorder.refused(sb, process, ino, verdict, call);
  sb.log(
    `refused: ${call} of ${fileName(sb, ino)} by ${processName(sb, process)}: ${verdict.errno} (${errnoText(errno[verdict.errno])}) [${verdict.rule}]${held(sb, verdict.holder)}${wants(verdict.own)}`,
  );
  return -errno[verdict.errno];
}

/** Runs after every call into the machine that may have changed something. */
export function carryOut(sb: Superblock): void {
  for (const effect of sb.leases.drain()) apply(sb, effect);
  armTimer(sb);
}

/** Wakes the machine at its next forced break (B2). */
function armTimer(sb: Superblock): void {
  const due = sb.leases.deadline();
  if (due === sb.timerDue) return;
  clearTimeout(sb.timer);
  sb.timerDue = due;
  if (due === Number.POSITIVE_INFINITY) return;
  const force = () => {
    sb.timerDue = Number.POSITIVE_INFINITY;
    sb.leases.tick(sb.monotonic());
    carryOut(sb);
  };
  // Timers may fire a fraction of a millisecond early.
  sb.timer = setTimeout(force, Math.max(0, due - sb.monotonic()) + 1);
  sb.timer.unref();
}

function apply(sb: Superblock, effect: Effect): void {
  if (effect.effect !== 'wake' && effect.effect !== 'tell') sb.recorder.effect(sb, effect);
  switch (effect.effect) {
    case 'wake':
      // What others do then was not asked for.
      sb.recorder.injecting = false;
      if (effect.errno === undefined) sb.host?.retry(effect.waiter);
      else sb.host?.answer(effect.waiter, errno[effect.errno]);
      return;
    case 'tell':
      tell(sb, effect);
      return;
    case 'removed':
    case 'lowered':
      if (effect.effect === 'removed') endGrant(sb, effect.lease);
      sb.log(
        `forced: lease ${effect.lease} on ${fileName(sb, effect.file)} ${effect.effect} [${effect.rule}]`,
      );
      sb.notifyPoll(effect.description);
      return;
    case 'zombie':
      sb.log(
        `zombie: lease ${effect.lease} on ${fileName(sb, effect.file)}: its description is closed, its pins remain [${effect.rule}]`,
      );
      return;
    case 'ended':
    case 'unpinned': {
      if (effect.effect === 'unpinned') sb.supervision.forget(effect.pin);
      if (effect.effect === 'ended') endGrant(sb, effect.lease);
      const inode = sb.inode(effect.file);
      if (inode !== undefined) sb.reap(inode);
      return;
    }
    case 'granted':
    case 'converted':
    case 'owner':
    case 'pinned':
      return;
    default:
      effect satisfies never;
  }
}

function tell(sb: Superblock, effect: Extract<Effect, { effect: 'tell' }>): void {
  sb.notifyPoll(effect.description);
  const { notice } = effect;
  let told = 'POLLPRI';
  if (notice !== undefined && notice.signal > 0) {
    const sent = sb.processes.signal(effect.owner, notice.signal, notice.cookie, notice.uid);
    told += sent
      ? ` and signal ${notice.signal}`
      : `; signal ${notice.signal} not sent: the owner is gone or may not be signalled`;
  }
  sb.recorder.told(sb, effect, told);
  sb.log(
    `break: lease ${effect.lease} of ${processName(sb, effect.owner)} on ${fileName(sb, effect.file)} must become ${kindName(effect.must)} within ${sb.breakTime} ms [${effect.rule}]; told by ${told}`,
  );
}

export function processName(sb: Superblock, process: ProcessId): string {
  const { pid, command, alive } = sb.processes.info(process);
  if (pid === 0) return 'a process that is not told or outside our pid namespace';
  return `${pid} (${readable(command)})${alive ? '' : ', dead'}`;
}

export function fileName(sb: Superblock, ino: InodeNumber): string {
  const inode = sb.inode(ino);
  const path = inode && pathOf(sb.root, inode);
  return path === undefined ? `inode ${ino} (deleted)` : readable(path);
}

/** Bytes as people read them; no line break, so that a line of the log stays one. */
function readable(bytes: string): string {
  return Buffer.from(bytes, 'latin1')
    .toString('utf8')
    .replaceAll(/\p{Cc}/gu, '?');
}

/** N1 */
function wants(own: Kind | undefined): string {
  if (own === undefined) return '';
  const has = own === NONE ? 'no lease' : `a lease '${kindName(own)}'`;
  return `; the caller has ${has} on the file: a pin needs 'exclusive' or 'shared'`;
}

function held(sb: Superblock, holder: Holder | undefined): string {
  if (holder === undefined) return '';
  const by = processName(sb, holder.process);
  if (holder.pin !== undefined) {
    const { start, end } = holder.pin;
    const ends = `ends when ${endOf(holder)}`;
    if (holder.pin.id === 0) {
      return `; kernel pin [${start * BLOCK}, ${end * BLOCK}) of ${by} by io_uring ${holder.ring}, made without a lease [N10]; ${ends}`;
    }
    return `; pin ${holder.pin.id} [${start * BLOCK}, ${end * BLOCK}) of ${by}; ${ends}`;
  }
  const kind = `${holder.zombie ? 'zombie of ' : ''}${kindName(holder.leaseKind)} lease ${holder.lease}`;
  return `; ${kind} of ${by}; ends with ${endOf(holder)}`;
}
