// The one door to the lease machine: puts a question to it, carries out what it decides (the notice to a holder, B1; the
// waiters that run again; the timer of the next forced break, B2), and answers. Writes each refusal and break as one line.
import { kindName } from '../../abi/kinds.js';
import { errno, errnoText } from '../../base/errno.js';
import { attempt, faults, oneLine, strike } from '../../base/guarded.js';
import {
  type FileHandle,
  type InodeNumber,
  NO_WAITER,
  type ProcessId,
  type WaiterId,
} from '../../base/units.js';
import type { Effect, Rest, Verdict } from '../../lease/types.js';
import { type Answer, type Caller, PARKED } from '../operations.js';
import { fileName, heldBy, processName, wantedFor } from '../trace/words.js';
import { PINS_AT_ONCE } from './endings.js';
import { endGrant } from './grant.js';
import type { LeasePlane } from './plane.js';
import type { SupervisedPin } from './supervised.js';

/** Refusals that a pin may have caused. */
const byPins: ReadonlySet<string> = new Set(['EBUSY', 'EAGAIN', 'ETXTBSY', 'EDEADLK']);
/** And those that the number of pins or zombies may have caused (N9, L10). */
const byMany: ReadonlySet<string> = new Set(['ENOMEM', 'ENOLCK']);

const BY_WATCH = 1;
const BY_POLL = 2;

/** ms after which the timer tries again what failed. */
const FAULT_REST_MS = 100;

/**
 * Asks, and answers after the effects were carried out: 0, `-errno`, or PARKED. A call that is refused while the file has
 * pins of registered memory is parked and runs again: the registrations may have ended, which only a check shows.
 * @param question calls the lease machine, for this waiter; pure but for that.
 * @param call the call in words, for the log and the events.
 */
export function ask(
  plane: LeasePlane,
  caller: Caller,
  process: ProcessId,
  ino: InodeNumber,
  question: (waiter: WaiterId) => Verdict,
  call: () => string,
): Answer {
  const looked = plane.supervision.hasLooked(caller.waiter);
  const verdict = question(looked ? NO_WAITER : caller.waiter);
  carryOut(plane);
  if (verdict.kind === 'ok') return 0;
  if (verdict.kind === 'refused') {
    if (hasEnded(plane, caller, ino, verdict) === PARKED) return PARKED;
    // N10: what could not be looked at; no pin of a supervisor's is the reason.
    const mayBe = !looked && byPins.has(verdict.errno) && verdict.rule !== 'N10';
    const pins = mayBe ? plane.supervision.heldOf(ino) : [];
    if (pins.length > 0) return lookFor(plane, caller, pins);
    return caller.goesOn ? -errno[verdict.errno] : refuse(plane, process, ino, verdict, call);
  }
  caller.waiter = verdict.waiter;
  return PARKED;
}

/** PARKED where what refuses is of a process that has ended: nothing of it is the reason of an answer (A2). */
function hasEnded(
  plane: LeasePlane,
  caller: Caller,
  ino: InodeNumber,
  verdict: Extract<Verdict, { kind: 'refused' }>,
): Answer {
  const { errno: name, rule, holder } = verdict;
  if (!byPins.has(name) && !byMany.has(name) && (rule !== 'N8' || name !== 'EPERM')) return 0;
  // The event loop may not have reported its end yet.
  const ends = holder !== undefined && holder.by !== 'kernel pin' && plane.hear(holder.process);
  return ends ? plane.endings.soon(caller, ino) : plane.endings.wait(caller, ino, verdict);
}

/** PARKED: calls on the file that have waited are due, and are judged before this one (X4, B3). Else 0. */
export function goBehind({ sb, wakes }: LeasePlane, caller: Caller, ino: InodeNumber): Answer {
  if (!wakes.goesBehind(ino, caller.waiter)) return 0;
  if (caller.waiter === NO_WAITER) caller.waiter = sb.newWaiter();
  const { waiter } = caller;
  caller.interruptible = false;
  wakes.add(ino, waiter, () => sb.host?.retry(waiter));
  return PARKED;
}

function refuse(
  plane: LeasePlane,
  process: ProcessId,
  ino: InodeNumber,
  verdict: Extract<Verdict, { kind: 'refused' }>,
  call: () => string,
): Answer {
  const { errno: name, rule, holder, own } = verdict;
  attempt(plane.log, 'words', () => {
    const what = call();
    plane.recorder.refused(process, ino, verdict, what);
    const by = holder === undefined ? '' : `; ${heldBy(plane, holder)}`;
    plane.log(
      `refused: ${what} of ${fileName(plane, ino)} by ${processName(plane, process)}: ${name} (${errnoText(errno[name])}) [${rule}]${by}${own === undefined ? '' : `; ${wantedFor(own)}`}`,
      plane.process(process).uid,
    );
  });
  return -errno[name];
}

/** Parks the call until the daemon knows which registrations have ended, and has ended their pins. */
export function lookFor(plane: LeasePlane, caller: Caller, pins: readonly SupervisedPin[]): Answer {
  const { sb, supervision } = plane;
  const waiter = sb.newWaiter();
  caller.waiter = waiter;
  caller.interruptible = false;
  supervision.park(waiter);
  const goOn = (): void => {
    if (!attempt(plane.log, 'request', () => sb.host?.retry(waiter))) sb.host?.answer(waiter, errno.EIO);
    supervision.unpark(waiter);
    plane.kernelPins.cancel(waiter);
  };
  supervision.look(caller.tid, pins, [], gone => {
    if (!attempt(plane.log, 'words', () => endAll(plane, gone, goOn))) goOn();
  });
  return PARKED;
}

/** Ends, later, the pins whose registration of memory has ended. */
export function endGone(plane: LeasePlane): void {
  const pins = plane.supervision.heldOf(undefined);
  if (pins.length > 0) plane.supervision.look(0, pins, [], gone => endAll(plane, gone, () => {}));
}

/** @param then at the end of all, which is in a later turn of the event loop where they are many. */
export function endAll(plane: LeasePlane, pins: readonly SupervisedPin[], then: () => void): void {
  const rest = new RestOfSupervised(plane, pins);
  if (rest.end(PINS_AT_ONCE)) plane.endings.add(rest, then);
  else then();
}

class RestOfSupervised implements Rest {
  /** Supervisors are root's, or the mount's own user's. */
  readonly uid = 0;
  private readonly plane: LeasePlane;
  private readonly pins: readonly SupervisedPin[];
  private at = 0;

  constructor(plane: LeasePlane, pins: readonly SupervisedPin[]) {
    this.plane = plane;
    this.pins = pins;
  }

  mayPin(file: InodeNumber): boolean {
    return this.pins.some(({ ino }, n) => n >= this.at && ino === file);
  }

  end(most: number): boolean {
    const end = Math.min(this.pins.length, this.at + most);
    while (this.at < end) endHandle(this.plane, this.pins[this.at++]!.handle);
    return end < this.pins.length;
  }
}

/** The description, or a connection in its place, has ended: its lease and the pins that it owns end too (L2, N4, N5). */
export function endHandle(plane: LeasePlane, handle: FileHandle): void {
  const rest = plane.leases.release(handle, PINS_AT_ONCE);
  carryOut(plane);
  if (rest !== undefined) plane.endings.add(rest, () => {});
}

/**
 * Runs after every call into the machine that may have changed something. Carries out each effect, even if another one
 * throws; of those for many holders some come in later turns of the event loop.
 */
export function carryOut(plane: LeasePlane): void {
  carryOutThese(plane, plane.leases.drain());
}

/** Also what the last daemon had left to a later turn. */
export function carryOutThese(plane: LeasePlane, effects: readonly Effect[]): void {
  if (effects.length > 0)
    plane.notices.carryOut(
      effects,
      effect => carry(plane, effect),
      ({ description }) => !plane.leases.breaking(description),
    );
  armTimer(plane, 0);
}

/** The log and the events follow the effect, and a failure in them undoes nothing. */
function carry(plane: LeasePlane, effect: Effect): void {
  try {
    const notified = act(plane, effect);
    if (faults.size > 0) strike('words');
    say(plane, effect, notified);
  } catch (error) {
    plane.log(`words failed: ${effect.effect}: ${oneLine(error)}`);
  }
}

/** Wakes the machine at its next forced break (B2). @param rest ms to wait at least. */
function armTimer(plane: LeasePlane, rest: number): void {
  const due = plane.leases.deadline();
  if (due === plane.timerDue) return;
  clearTimeout(plane.timer);
  plane.timerDue = due;
  if (due === Number.POSITIVE_INFINITY) return;
  // Timers may fire a fraction of a millisecond early.
  plane.timer = setTimeout(() => force(plane), Math.max(rest, due - plane.monotonic() + 1));
  plane.timer.unref();
}

function force(plane: LeasePlane): void {
  const done = attempt(plane.log, 'break timer', () => {
    plane.leases.tick(plane.monotonic());
    carryOut(plane);
  });
  plane.timerDue = Number.POSITIVE_INFINITY;
  armTimer(plane, done ? 0 : FAULT_REST_MS);
}

/** How the holder was notified of a break; '' for every other effect. */
function act(plane: LeasePlane, effect: Effect): string {
  switch (effect.effect) {
    case 'wake':
      wake(plane, effect);
      return '';
    case 'tell':
      return notify(plane, effect);
    case 'removed':
      endGrant(plane, effect.lease);
      changed(plane, effect.description, true);
      return '';
    case 'lowered':
      changed(plane, effect.description, true);
      return '';
    case 'converted':
      changed(plane, effect.description, false);
      return '';
    case 'ended':
      endGrant(plane, effect.lease);
      changed(plane, effect.description, false);
      reap(plane, effect.file);
      return '';
    case 'unpinned':
      plane.supervision.forget(effect.pin);
      reap(plane, effect.file);
      return '';
    case 'zombie':
    case 'granted':
    case 'owner':
    case 'pinned':
      return '';
    default:
      effect satisfies never;
      return '';
  }
}

function wake(plane: LeasePlane, { waiter, file, errno: name }: Extract<Effect, { effect: 'wake' }>): void {
  const { sb, recorder, wakes } = plane;
  wakes.add(file, waiter, () => {
    // The operations that run again were not injected.
    recorder.injecting = false;
    if (name === undefined) sb.host?.retry(waiter);
    else sb.host?.answer(waiter, errno[name]);
  });
}

function reap({ sb }: LeasePlane, ino: InodeNumber): void {
  const inode = sb.inode(ino);
  if (inode !== undefined) sb.reap(inode);
}

function notify(
  plane: LeasePlane,
  { description, notice, owner }: Extract<Effect, { effect: 'tell' }>,
): string {
  const ways: string[] = [];
  const by = changed(plane, description, true);
  // It is not owed any more.
  plane.leases.leaseChanged(description);
  if (by & BY_WATCH) ways.push('notice');
  if (by & BY_POLL) ways.push('POLLPRI');
  let unsent = '';
  if (notice !== undefined && notice.signal > 0) {
    const sent = plane.processes.signal(owner, notice.signal, notice.cookie, notice.uid);
    if (sent) ways.push(`signal ${notice.signal}`);
    else unsent = `; signal ${notice.signal} not sent: the owner is gone or may not be signalled`;
  }
  return `${ways.join(' and ') || 'nothing: no watch, no signal'}${unsent}`;
}

/**
 * Notifies the break descriptors of the description (B1), and poll(2) on the file. @param news see Watchers.changed
 * @returns the ways in which it was notified, BY_ of them.
 */
function changed({ sb, watchers }: LeasePlane, fh: FileHandle, news: boolean): number {
  const watched = watchers !== undefined && watchers.changed(fh, news) > 0;
  return (watched ? BY_WATCH : 0) | (sb.notifyPoll(fh) ? BY_POLL : 0);
}

function say(plane: LeasePlane, effect: Effect, notified: string): void {
  const { recorder } = plane;
  switch (effect.effect) {
    case 'wake':
      return;
    case 'tell':
      recorder.notified(effect, notified);
      plane.log(
        `break: lease ${effect.lease} of ${processName(plane, effect.owner)} on ${fileName(plane, effect.file)} must become ${kindName(effect.must)} within ${plane.breakTime} ms [${effect.rule}]; notified by ${notified}`,
        plane.process(effect.breaker).uid,
      );
      return;
    case 'removed':
    case 'lowered':
      recorder.effect(effect);
      plane.log(
        `forced: lease ${effect.lease} on ${fileName(plane, effect.file)} ${effect.effect} [${effect.rule}]`,
      );
      return;
    case 'zombie':
      recorder.effect(effect);
      plane.log(
        `zombie: lease ${effect.lease} on ${fileName(plane, effect.file)}: its description is closed, its pins remain [${effect.rule}]`,
      );
      return;
    default:
      recorder.effect(effect);
  }
}
