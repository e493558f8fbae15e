// The lease machine: leases, pins and breaks of a mount as a pure state machine; README.md holds its rules. It decides
// by ids and by the facts that each request brings; it knows no clock, process, store or FUSE. The rules are in grant
// (L), pin (N), change (X), break and deadlock (B).
//
// Cost: a call about a file without a lease is one look-up and leaves no garbage. A layout change is linear in the
// leases of its file and logarithmic in its pins.
import type { Kind } from '../abi/kinds.js';
import {
  type FileHandle,
  type InodeNumber,
  type PinId,
  type ProcessId,
  UNIDENTIFIED,
  type WaiterId,
} from '../base/units.js';
import { forceDue, forceFile, nextDeadline, takeAway } from './break.js';
import { judgeChange, unconcerned } from './change.js';
import { Changes, type Notebook } from './changes.js';
import { judgeLease, leaseOn } from './grant.js';
import { checkState } from './invariants.js';
import { makePin, unpin } from './pin.js';
import { pinsByAge } from './pins-by-age.js';
import type { Lease, Pin, Waiter } from './records.js';
import { RestOfPins } from './rest.js';
import { restoreState, type Saved, sweepState } from './restore.js';
import { LeaseState } from './state.js';
import type {
  ChangeAsk,
  Effect,
  LeaseAsk,
  LeaseCounts,
  LeaseInfo,
  LeaseOptions,
  Leases,
  PinAsk,
  PinInfo,
  Rest,
  UnpinAsk,
  Verdict,
} from './types.js';
import { ok } from './verdicts.js';

const PINNED = ok('N1');
const NO_PIN = 0 as PinId;

export class LeaseMachine implements Leases {
  private readonly state: LeaseState;

  /** @param newWaiter numbers the waits, where operations also wait for things other than breaks. */
  constructor(options: LeaseOptions, newWaiter?: () => WaiterId) {
    this.state = new LeaseState(options, newWaiter);
  }

  setLease(now: number, ask: LeaseAsk): Verdict {
    return this.state.conclude(ask, judgeLease(this.state, now, ask));
  }

  getLease(description: FileHandle): Kind {
    this.state.unsetForced(description);
    return leaseOn(this.state.byDescription.get(description));
  }

  ownerOf(description: FileHandle): ProcessId {
    return this.state.byDescription.get(description)?.owner ?? UNIDENTIFIED;
  }

  breaking(description: FileHandle): boolean {
    const { byDescription, forced } = this.state;
    return byDescription.get(description)?.breaking !== undefined || forced.has(description);
  }

  pin(now: number, ask: PinAsk): { readonly verdict: Verdict; readonly pin: PinId } {
    const made = makePin(this.state, now, ask);
    return 'kind' in made ? { verdict: made, pin: NO_PIN } : { verdict: PINNED, pin: made.id };
  }

  abandon(id: PinId): void {
    const pin = this.state.pins.get(id);
    if (pin !== undefined) this.state.removePin(pin, 'N7');
    this.state.settle();
  }

  unpin(ask: UnpinAsk): Verdict {
    const verdict = unpin(this.state, ask);
    this.state.settle();
    return verdict;
  }

  change(now: number, ask: ChangeAsk): Verdict {
    if (ask.kernelPins === undefined && !this.state.files.has(ask.file)) return unconcerned(ask);
    return this.state.conclude(ask, judgeChange(this.state, now, ask));
  }

  release(description: FileHandle, most = Number.POSITIVE_INFINITY): Rest | undefined {
    const { state } = this;
    state.unsetForced(description);
    // The pins that the description owns end first (N5), on every file.
    const owned = state.ownedPins.get(description);
    if (owned === undefined) {
      this.close(description);
      state.settle();
      return undefined;
    }
    const ending = { has: (pin: Pin) => pin.owner === description, process: undefined };
    const rest = new RestOfPins(state, owned, ending, () => this.close(description));
    return rest.end(most) ? rest : undefined;
  }

  private close(description: FileHandle): void {
    const lease = this.state.byDescription.get(description);
    if (lease !== undefined) this.closeLease(lease);
    if (this.state.waiters.size > 0) this.answerThrough(description);
  }

  private closeLease(lease: Lease): void {
    if (lease.pins.size === 0) {
      this.state.endLease(lease, 'L2');
      return;
    }
    this.state.makeZombie(lease);
    this.state.emit({ effect: 'zombie', lease: lease.id, file: lease.file.ino, rule: 'N5' });
  }

  private answerThrough(description: FileHandle): void {
    for (const waiter of this.state.waiters.values()) {
      if (waiter.description === description) this.answer(waiter, 'EBADF', 'L2');
    }
  }

  /** Answers a parked call without running it again. */
  private answer(waiter: Waiter, errno: 'EBADF' | 'EINTR', rule: string): void {
    this.state.forget(waiter);
    this.state.emit({ effect: 'wake', waiter: waiter.id, file: waiter.file.ino, errno, rule });
  }

  died(process: ProcessId, most = Number.POSITIVE_INFINITY): Rest | undefined {
    const { state } = this;
    const party = state.parties.get(process);
    if (party === undefined) return undefined;
    for (const waiter of party.waiters) this.answer(waiter, 'EINTR', 'B5');
    let rest: RestOfPins | undefined;
    if (party.pins.size > 0) {
      const ending = { has: (pin: Pin) => pin.process === process && pin.owner === 0, process };
      rest = new RestOfPins(state, party.pins, ending, () => {});
      if (!rest.step(most)) rest = undefined;
    }
    // Oldest first: leases that the process took over (L6) were added to its set last.
    for (const lease of [...party.leases].sort((a, b) => a.id - b.id)) {
      state.setOwnerDead(lease);
      if (lease.breaking !== undefined) takeAway(state, lease, 'B5');
    }
    state.settle();
    return rest;
  }

  cancel(id: WaiterId): void {
    const waiter = this.state.waiters.get(id);
    if (waiter !== undefined) this.state.forget(waiter);
  }

  tick(now: number): void {
    forceDue(this.state, now);
    this.state.settle();
  }

  expire(ino: InodeNumber): void {
    const file = this.state.files.get(ino);
    if (file !== undefined) forceFile(this.state, file);
    this.state.settle();
  }

  deadline(): number {
    return nextDeadline(this.state);
  }

  drain(): readonly Effect[] {
    return this.state.drain();
  }

  concerns(file: InodeNumber): boolean {
    return this.state.files.has(file);
  }

  guarded(file: InodeNumber): boolean {
    return this.state.hasUnbreakable(file);
  }

  knows(process: ProcessId): boolean {
    const { parties, pending } = this.state;
    if (parties.has(process)) return true;
    for (const lease of pending) if (lease.breaking!.breaker === process) return true;
    return false;
  }

  counts(): LeaseCounts {
    const { byDescription, zombies, pending, pins, pinnedBlocks } = this.state;
    const leases = byDescription.size + zombies;
    return { leases, zombies, breaking: pending.size, pins: pins.size, pinnedBlocks };
  }

  pinners(): PinInfo[] {
    const found: PinInfo[] = [];
    for (const { pins } of this.state.parties.values()) {
      for (const pin of pins) {
        found.push(pinInfo(pin));
        break;
      }
    }
    return found;
  }

  leases(file?: InodeNumber): LeaseInfo[] {
    return this.held(file).map(leaseInfo);
  }

  pins(file?: InodeNumber): PinInfo[] {
    return this.held(file).flatMap(lease => [...lease.pins].map(pinInfo));
  }

  *eachLease(file?: InodeNumber): Generator<LeaseInfo> {
    for (const lease of this.eachHeld(file)) yield leaseInfo(lease);
  }

  *eachPin(file?: InodeNumber): Generator<PinInfo> {
    for (const lease of this.eachHeld(file)) for (const pin of lease.pins) yield pinInfo(pin);
  }

  /** A record may come to be another file's between two steps. */
  private *eachHeld(file: InodeNumber | undefined): Generator<Lease> {
    const { files } = this.state;
    for (const ino of file === undefined ? files.keys() : [file]) {
      const record = files.get(ino);
      for (let n = 0; record !== undefined && n < record.leases.length && files.get(ino) === record; n++)
        yield record.leases[n]!;
    }
  }

  *pinsByAge(file: InodeNumber): Generator<PinInfo> {
    for (const pin of pinsByAge(this.held(file))) yield pinInfo(pin);
  }

  /** Of one file or of all, by file and age. */
  private held(file: InodeNumber | undefined): readonly Lease[] {
    const { files } = this.state;
    if (file !== undefined) return files.get(file)?.leases ?? [];
    return [...files.values()].flatMap(record => record.leases);
  }

  keepChanges(marked: () => void): Changes {
    this.state.changes = new Changes(marked);
    return this.state.changes;
  }

  leaseChanged(description: FileHandle): void {
    const lease = this.state.byDescription.get(description);
    if (lease !== undefined) this.state.changes?.lease(lease);
  }

  pinChanged(id: PinId): void {
    const pin = this.state.pins.get(id);
    if (pin !== undefined) this.state.changes?.pin(pin);
  }

  sweep(to: Notebook): Generator<void> {
    return sweepState(this.state, to);
  }

  get lastLease(): number {
    return this.state.lastLease;
  }

  get lastPin(): number {
    return this.state.lastPin;
  }

  restore(saved: Saved): void {
    restoreState(this.state, saved);
  }

  check(): void {
    checkState(this.state);
  }
}

function leaseInfo(lease: Lease): LeaseInfo {
  const { breaking } = lease;
  return {
    lease: lease.id,
    file: lease.file.ino,
    kind: lease.kind,
    owner: lease.owner,
    ownerDead: lease.ownerDead,
    description: lease.zombie ? 0 : lease.description,
    takenAt: lease.takenAt,
    breaking: breaking && { must: breaking.must, until: breaking.until },
    pins: lease.pins.size,
  };
}

function pinInfo(pin: Pin): PinInfo {
  return {
    pin: pin.id,
    file: pin.lease.file.ino,
    start: pin.start,
    end: pin.end,
    lease: pin.lease.id,
    process: pin.process,
    owner: pin.owner,
    uid: pin.uid,
    pinnedAt: pin.pinnedAt,
    zombie: pin.lease.zombie,
  };
}
