// Operations that wait, for a transport: each is kept under its waiter and runs again from its beginning when the
// filesystem names that, until it is answered. A signal ends the wait (B5) where the wait is interruptible. Calls that
// wait take memory of the daemon, a write its data too: users have shares of a bound, and EAGAIN beyond.
import { errno } from '../base/errno.js';
import type { Log } from '../base/guarded.js';
import { heapPart } from '../base/heap.js';
import { Quota } from '../base/quota.js';
import { NO_WAITER, type WaiterId } from '../base/units.js';
import { type Answer, type Caller, type Operations, PARKED } from './operations.js';

const MIB = 2 ** 20;

interface Parkable {
  readonly caller: Caller;
  /** Bytes that it takes while it waits. */
  readonly cost: number;
}

/** For the calls that wait at the same time, bytes. */
const parkedRoom = (): Quota => new Quota(heapPart(8, 16 * MIB, 128 * MIB));

interface Entry<Call> {
  readonly call: Call;
  /** Whose share it takes, and how much of it. */
  readonly uid: number;
  readonly cost: number;
  readonly waiter: WaiterId;
  readonly interruptible: boolean;
  /** A signal came while the wait was not interruptible. */
  interrupted: boolean;
}

export class Parked<Call extends Parkable> {
  private readonly operations: Operations;
  private readonly run: (call: Call) => Answer;
  private readonly answered: (call: Call, answer: Answer) => void;
  private readonly log: Log;
  private readonly room: Quota;
  private readonly entries = new Map<WaiterId, Entry<Call>>();

  /**
   * @param run runs the operation; never throws.
   * @param answered is called once of each call, with an answer that is not PARKED; not of one that was dropped.
   * @param room of the calls that wait, bytes.
   */
  constructor(
    operations: Operations,
    run: (call: Call) => Answer,
    answered: (call: Call, answer: Answer) => void,
    log: Log,
    room = parkedRoom(),
  ) {
    this.operations = operations;
    this.run = run;
    this.answered = answered;
    this.log = log;
    this.room = room;
  }

  get size(): number {
    return this.entries.size;
  }

  /** Runs the operation for the first time. */
  start(call: Call): void {
    const answer = this.attempt(call, NO_WAITER);
    if (answer !== PARKED) this.answered(call, answer);
    else if (!this.park(call)) this.answered(call, -errno.EAGAIN);
  }

  /**
   * The operation has just answered PARKED. Several calls may share one caller, so its wait is copied from it here.
   * @param lasting what is kept of the call, which itself may change.
   * @returns false: no room is left for the user, the wait is given up, and the call is to be answered EAGAIN.
   */
  park(call: Call, lasting: (call: Call) => Call = same => same): boolean {
    const { caller, cost } = call;
    const { uid, waiter } = caller;
    if (this.room.take(uid, cost)) {
      this.keep(lasting(call), uid, cost, false);
      return true;
    }
    caller.waiter = NO_WAITER;
    this.operations.interrupt(waiter);
    const share = Math.floor(this.room.share / MIB);
    this.log(`EAGAIN to user ${uid}: calls that wait for lease breaks take ${share} MiB; end some of them`);
    return false;
  }

  /** The filesystem says that the operation may go on. */
  retry(waiter: WaiterId): void {
    const entry = this.take(waiter);
    if (entry === undefined) return;
    const { call, uid, cost, interrupted } = entry;
    const answer = this.attempt(call, waiter);
    if (answer === PARKED) {
      const again = this.keep(call, uid, cost, interrupted);
      if (interrupted) this.interruptEntry(again);
      return;
    }
    this.room.give(uid, cost);
    call.caller.waiter = NO_WAITER;
    this.answered(call, answer);
    // The operation may have failed before it asked the lease machine again: then its wait must be cancelled.
    if (answer < 0) this.operations.interrupt(waiter);
  }

  /** The filesystem answers the operation itself. @param error positive. */
  answer(waiter: WaiterId, error: number): void {
    const entry = this.take(waiter);
    if (entry === undefined) return;
    this.room.give(entry.uid, entry.cost);
    this.answered(entry.call, -error);
  }

  /** A signal came: EINTR to the call, at once or as soon as its wait is interruptible. Looks at all: few wait. */
  interrupt(isIt: (call: Call) => boolean): void {
    const entry = this.find(isIt);
    if (entry !== undefined) this.interruptEntry(entry);
  }

  /** No process waits for the answer any more. */
  drop(call: Call): void {
    const entry = this.find(other => other === call);
    if (entry === undefined) return;
    this.end(entry);
    this.operations.interrupt(entry.waiter);
  }

  /** The mount is gone. */
  clear(): void {
    for (const entry of this.entries.values()) this.end(entry);
  }

  private attempt(call: Call, waiter: WaiterId): Answer {
    const { caller } = call;
    caller.waiter = waiter;
    caller.interruptible = true;
    return this.run(call);
  }

  private keep(call: Call, uid: number, cost: number, interrupted: boolean): Entry<Call> {
    const { caller } = call;
    const { waiter, interruptible } = caller;
    caller.waiter = NO_WAITER;
    const entry = { call, uid, cost, waiter, interruptible, interrupted };
    this.entries.set(waiter, entry);
    return entry;
  }

  private interruptEntry(entry: Entry<Call>): void {
    const { call, waiter, interruptible } = entry;
    entry.interrupted = true;
    if (!interruptible) return;
    this.end(entry);
    this.answered(call, -errno.EINTR);
    this.operations.interrupt(waiter);
  }

  private end({ waiter, uid, cost }: Entry<Call>): void {
    this.entries.delete(waiter);
    this.room.give(uid, cost);
  }

  /** Its share stays taken. */
  private take(waiter: WaiterId): Entry<Call> | undefined {
    const entry = this.entries.get(waiter);
    this.entries.delete(waiter);
    return entry;
  }

  private find(isIt: (call: Call) => boolean): Entry<Call> | undefined {
    for (const entry of this.entries.values()) if (isIt(entry.call)) return entry;
    return undefined;
  }
}
