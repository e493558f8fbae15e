// The one door to the lease machine: puts a question to it, carries out what it decides (the notice to a holder, B1; the
// waiters that run again; the timer of the next forced break, B2), and answers. Writes each refusal and break as one line.
import { kindName } from '../../abi/kinds.js';
import { errno, errnoText } from '../../base/errno.js';
import type { FileHandle, InodeNumber, ProcessId } from '../../base/units.js';
import type { Effect, Verdict } from '../../lease/types.js';
import { type Answer, type Caller, PARKED } from '../operations.js';
import { fileName, heldBy, processName, wantedFor } from '../trace/words.js';
import { endGrant } from './grant.js';
import type { LeasePlane } from './plane.js';

/**
 * Asks, and answers after all effects were carried out: 0, `-errno`, or PARKED. Asks again where it was refused while pins
 * stood on the file that have ended with their registration of memory, which no event tells.
 * @param question calls the lease machine; pure but for that.
 * @param call the call in words, for the log and the events.
 */
export function ask(
  plane: LeasePlane,
  caller: Caller,
  process: ProcessId,
  ino: InodeNumber,
  question: () => Verdict,
  call: () => string,
): Answer {
  let verdict = question();
  if (verdict.kind === 'refused' && endGone(plane, ino)) verdict = question();
  carryOut(plane);
  if (verdict.kind === 'ok') return 0;
  if (verdict.kind === 'refused') return refuse(plane, process, ino, verdict, call());
  caller.waiter = verdict.waiter;
  return PARKED;
}

function refuse(
  plane: LeasePlane,
  process: ProcessId,
  ino: InodeNumber,
  verdict: Extract<Verdict, { kind: 'refused' }>,
  call: string,
): Answer {
  const { errno: name, rule, holder, own } = verdict;
  plane.recorder.refused(process, ino, verdict, call);
  const by = holder === undefined ? '' : `; ${heldBy(plane, holder)}`;
  plane.log(
    `refused: ${call} of ${fileName(plane, ino)} by ${processName(plane, process)}: ${name} (${errnoText(errno[name])}) [${rule}]${by}${own === undefined ? '' : `; ${wantedFor(own)}`}`,
  );
  return -errno[name];
}

/**
 * Ends the pins, of one file or of all, whose registration of memory is gone; whether there were any. They are looked at
 * when they are in the way, in listings, and when a process ends.
 */
export function endGone(plane: LeasePlane, ino?: InodeNumber): boolean {
  const handles = plane.supervision.gone(ino);
  for (const handle of handles) endHandle(plane, handle);
  return handles.length > 0;
}

/** The description, or what stands for one, has ended: its lease and the pins that it owns end too (L2, N4, N5). */
export function endHandle(plane: LeasePlane, handle: FileHandle): void {
  plane.leases.release(plane.monotonic(), handle);
  carryOut(plane);
}

/** Runs after every call into the machine that may have changed something. */
export function carryOut(plane: LeasePlane): void {
  for (const effect of plane.leases.drain()) apply(plane, effect);
  armTimer(plane);
}

/** Wakes the machine at its next forced break (B2). */
function armTimer(plane: LeasePlane): void {
  const due = plane.leases.deadline();
  if (due === plane.timerDue) return;
  clearTimeout(plane.timer);
  plane.timerDue = due;
  if (due === Number.POSITIVE_INFINITY) return;
  const force = () => {
    plane.timerDue = Number.POSITIVE_INFINITY;
    plane.leases.tick(plane.monotonic());
    carryOut(plane);
  };
  // Timers may fire a fraction of a millisecond early.
  plane.timer = setTimeout(force, Math.max(0, due - plane.monotonic()) + 1);
  plane.timer.unref();
}

function apply(plane: LeasePlane, effect: Effect): void {
  const { recorder, sb } = plane;
  if (effect.effect !== 'wake' && effect.effect !== 'tell') recorder.effect(effect);
  switch (effect.effect) {
    case 'wake':
      // The operations that run again were not injected.
      recorder.injecting = false;
      if (effect.errno === undefined) sb.host?.retry(effect.waiter);
      else sb.host?.answer(effect.waiter, errno[effect.errno]);
      return;
    case 'tell':
      notify(plane, effect);
      return;
    case 'removed':
    case 'lowered':
      if (effect.effect === 'removed') endGrant(plane, effect.lease);
      plane.log(
        `forced: lease ${effect.lease} on ${fileName(plane, effect.file)} ${effect.effect} [${effect.rule}]`,
      );
      sb.notifyPoll(effect.description);
      return;
    case 'zombie':
      plane.log(
        `zombie: lease ${effect.lease} on ${fileName(plane, effect.file)}: its description is closed, its pins remain [${effect.rule}]`,
      );
      return;
    case 'ended':
    case 'unpinned': {
      if (effect.effect === 'unpinned') plane.supervision.forget(effect.pin);
      if (effect.effect === 'ended') endGrant(plane, effect.lease);
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

function notify(plane: LeasePlane, effect: Extract<Effect, { effect: 'tell' }>): void {
  plane.sb.notifyPoll(effect.description);
  const { notice } = effect;
  let told = 'POLLPRI';
  if (notice !== undefined && notice.signal > 0) {
    const sent = plane.processes.signal(effect.owner, notice.signal, notice.cookie, notice.uid);
    told += sent
      ? ` and signal ${notice.signal}`
      : `; signal ${notice.signal} not sent: the owner is gone or may not be signalled`;
  }
  plane.recorder.told(effect, told);
  plane.log(
    `break: lease ${effect.lease} of ${processName(plane, effect.owner)} on ${fileName(plane, effect.file)} must become ${kindName(effect.must)} within ${plane.breakTime} ms [${effect.rule}]; told by ${told}`,
  );
}
