// The state: leases, pins and waiters, and the tables that find them by file, description, process and id. It decides
// nothing; grant, pin, change and break decide, and change it by the few verbs of LeaseState.
//
//   FileRecord ── leases, oldest first ── Lease ── pins ── Pin        a pin's lease is on the pin's file
//        ├─────── waiters, oldest first
//        └─────── pinned ranges, of all and by process (RangeIndex)
//   Party: a process: the leases that it owns, the pins that it made, its parked calls
import type { Kind } from '../abi/kinds.js';
import { Quota } from '../base/quota.js';
import type { FileHandle, InodeNumber, LeaseId, PinId, ProcessId, WaiterId } from '../base/units.js';
import { RangeIndex } from '../extent/range-index.js';
import type { Changes } from './changes.js';
import { isUnbreakable } from './compatible.js';
import { type Break, FileRecord, type Lease, type Pin, type Waiter } from './records.js';
import type { Effect, LeaseOptions, Notice, Rule, Verdict } from './types.js';
import type { Judgement } from './verdicts.js';

class Party {
  readonly leases = new Set<Lease>();
  readonly pins = new Set<Pin>();
  readonly waiters = new Set<Waiter>();
}

/** Of all leases that never had any. */
const NO_PINS: Set<Pin> = new Set();

const NO_EFFECTS: readonly Effect[] = [];

/** Not splice, which makes an array. */
function removeFrom(leases: Lease[], lease: Lease): void {
  for (let at = leases.indexOf(lease); at < leases.length - 1; at++) leases[at] = leases[at + 1]!;
  leases.pop();
}

export class LeaseState {
  readonly options: LeaseOptions;
  /** Files that have a lease or a waiter; every pin is under a lease, so no others have pins. */
  readonly files = new Map<InodeNumber, FileRecord>();
  readonly parties = new Map<ProcessId, Party>();
  /** Leases with a description; a zombie has none. */
  readonly byDescription = new Map<FileHandle, Lease>();
  readonly pins = new Map<PinId, Pin>();
  /** Pins by the description that owns them (N4). */
  readonly ownedPins = new Map<FileHandle, Set<Pin>>();
  /** Bytes pinned by user (N9). */
  readonly charges = new Map<number, number>();
  readonly waiters = new Map<WaiterId, Waiter>();
  /** Leases without a description, and blocks of all pins, overlaps counted each. */
  zombies = 0;
  pinnedBlocks = 0;
  /** Leases with a break pending. All breaks take the same time, so the first one ends first. */
  readonly pending = new Set<Lease>();
  /** Descriptions whose lease was removed or lowered by force, until a call about it comes through them. */
  readonly forced = new Set<FileHandle>();
  /** The last ids that were given. */
  lastLease = 0;
  lastPin = 0;
  /** Marks what changes; undefined: nothing keeps it. */
  changes: Changes | undefined;

  /** Undefined: none. An array that push() makes long has room for 17. */
  private effects: Effect[] | undefined;
  /** The files that have `changed`; undefined: none. */
  private changed: FileRecord[] | undefined;
  /** Empty ones, for the next process and the next file. */
  private spare: Party | undefined;
  private spareFile: FileRecord | undefined;
  private lastWaiter = 0;
  private readonly newWaiter: () => WaiterId;

  /** Pins, by the user that has made them (N9). */
  readonly pinRoom: Quota;

  constructor(options: LeaseOptions, newWaiter = () => ++this.lastWaiter as WaiterId) {
    this.options = options;
    this.pinRoom = new Quota(options.pins ?? Number.MAX_SAFE_INTEGER);
    this.newWaiter = newWaiter;
  }

  emit(effect: Effect): void {
    if (this.effects === undefined) this.effects = [effect];
    else this.effects.push(effect);
  }

  drain(): readonly Effect[] {
    const { effects } = this;
    this.effects = undefined;
    return effects ?? NO_EFFECTS;
  }

  /** The record of a file, created on first use. */
  record(ino: InodeNumber): FileRecord {
    let file = this.files.get(ino);
    if (file === undefined) {
      file = this.spareFile ?? new FileRecord(ino);
      this.spareFile = undefined;
      file.ino = ino;
      this.files.set(ino, file);
    }
    return file;
  }

  addLease(
    now: number,
    file: FileRecord,
    description: FileHandle,
    kind: Kind,
    owner: ProcessId,
    notice: Notice | undefined,
    id = ++this.lastLease as LeaseId,
  ): Lease {
    const lease: Lease = {
      id,
      file,
      description,
      takenAt: now,
      kind,
      owner,
      ownerDead: false,
      notice,
      zombie: false,
      breaking: undefined,
      pins: NO_PINS,
      mark: 0,
    };
    file.leases.push(lease);
    this.byDescription.set(description, lease);
    this.party(owner).leases.add(lease);
    this.changes?.lease(lease);
    this.unsetForced(description);
    this.hasChanged(file);
    return lease;
  }

  /** Precondition: no pins are under it. */
  removeLease(lease: Lease): void {
    const { file } = lease;
    removeFrom(file.leases, lease);
    if (lease.zombie) this.zombies--;
    else this.byDescription.delete(lease.description);
    this.pending.delete(lease);
    this.disown(lease);
    this.changes?.leaseGone(lease);
    this.hasChanged(file);
  }

  setOwner(lease: Lease, owner: ProcessId): void {
    this.disown(lease);
    lease.owner = owner;
    lease.ownerDead = false;
    this.party(owner).leases.add(lease);
    this.changes?.lease(lease);
  }

  /** Sets the lease's kind, and ends its pending break. */
  setKind(lease: Lease, kind: Kind): void {
    lease.kind = kind;
    lease.breaking = undefined;
    this.pending.delete(lease);
    this.changes?.lease(lease);
    this.hasChanged(lease.file);
  }

  beginBreak(lease: Lease, breaking: Break): void {
    lease.breaking = breaking;
    this.pending.add(lease);
    this.changes?.lease(lease);
  }

  /** Precondition: a break is pending. @param joined by another process than began it. @param must the kind, or a weaker one */
  joinBreak(lease: Lease, joined: boolean, must: Kind): void {
    const breaking = lease.breaking!;
    if (joined) breaking.joined = true;
    breaking.must = must;
    this.changes?.lease(lease);
  }

  setOwnerDead(lease: Lease): void {
    lease.ownerDead = true;
    this.changes?.lease(lease);
  }

  setForced(description: FileHandle): void {
    this.forced.add(description);
    this.changes?.setForced(description, true);
  }

  /** A call about its lease came through the description, or it is gone. */
  unsetForced(description: FileHandle): void {
    if (this.forced.size > 0 && this.forced.delete(description)) this.changes?.setForced(description, false);
  }

  /** The description is closed, and pins remain under the lease (N5). */
  makeZombie(lease: Lease): void {
    lease.zombie = true;
    this.zombies++;
    this.byDescription.delete(lease.description);
    this.changes?.lease(lease);
  }

  addPin(
    { lease, start, end, process, owner, uid, charged, pinnedAt }: Omit<Pin, 'id' | 'mark'>,
    id = ++this.lastPin as PinId,
  ): Pin {
    const pin: Pin = { id, lease, start, end, process, owner, uid, charged, pinnedAt, mark: 0 };
    const { file } = pin.lease;
    this.pins.set(pin.id, pin);
    this.pinnedBlocks += end - start;
    this.pinRoom.charge(uid, 1);
    if (lease.pins === NO_PINS) lease.pins = new Set();
    lease.pins.add(pin);
    file.pins.insert(pin.id, pin.start, pin.end);
    let own = file.pinsBy.get(pin.process);
    if (own === undefined) {
      own = file.spare ?? new RangeIndex();
      file.spare = undefined;
      file.pinsBy.set(pin.process, own);
    }
    own.insert(pin.id, pin.start, pin.end);
    this.party(pin.process).pins.add(pin);
    if (pin.owner !== 0) {
      const owned = this.ownedPins.get(pin.owner);
      if (owned === undefined) this.ownedPins.set(pin.owner, new Set([pin]));
      else owned.add(pin);
    }
    if (pin.charged > 0) this.charge(pin.uid, pin.charged);
    this.changes?.pin(pin);
    return pin;
  }

  /** A zombie goes with its last pin (N5). */
  removePin(pin: Pin, rule: Rule): void {
    const { lease, process, owner } = pin;
    const { file } = lease;
    this.pins.delete(pin.id);
    this.pinnedBlocks -= pin.end - pin.start;
    this.pinRoom.give(pin.uid);
    lease.pins.delete(pin);
    file.pins.remove(pin.id);
    const own = file.pinsBy.get(process)!;
    own.remove(pin.id);
    if (own.size === 0) {
      file.pinsBy.delete(process);
      file.spare = own;
    }
    const party = this.party(process);
    party.pins.delete(pin);
    this.dropParty(process, party);
    if (owner !== 0) {
      const owned = this.ownedPins.get(owner)!;
      owned.delete(pin);
      if (owned.size === 0) this.ownedPins.delete(owner);
    }
    if (pin.charged > 0) this.charge(pin.uid, -pin.charged);
    this.changes?.pinGone(pin);
    this.tellPin('unpinned', pin, rule);
    if (lease.zombie && lease.pins.size === 0) this.endLease(lease, 'N5');
  }

  tellPin(
    effect: 'pinned' | 'unpinned',
    { id: pin, lease, process, start, end, owner }: Pin,
    rule: Rule,
  ): void {
    const file = lease.file.ino;
    this.emit({ effect, pin, lease: lease.id, file, process, start, end, byDescription: owner !== 0, rule });
  }

  /** By unlock or release (L2), or a zombie by its last pin (N5). */
  endLease(lease: Lease, rule: Rule): void {
    this.removeLease(lease);
    const { id, file, description } = lease;
    this.emit({ effect: 'ended', lease: id, file: file.ino, description, rule });
  }

  /**
   * The answer to a call that was judged. A call that must wait is parked, or stays parked with its id and age. A call
   * with another verdict is no waiter any more.
   */
  conclude(
    ask: { process: ProcessId; description: FileHandle | 0; file: InodeNumber; waiter: WaiterId },
    judgement: Judgement,
  ): Verdict {
    let waiter = this.waiters.get(ask.waiter);
    if (judgement.kind !== 'wait') {
      if (waiter !== undefined) this.forget(waiter);
      this.settle();
      return judgement;
    }
    // Settle before the call is parked, so that its own changes do not wake it.
    this.settle();
    waiter ??= this.park(ask.process, ask.description, this.record(ask.file), judgement.rule);
    waiter.woken = false;
    return { kind: 'wait', rule: judgement.rule, waiter: waiter.id };
  }

  private park(process: ProcessId, description: FileHandle | 0, file: FileRecord, rule: Rule): Waiter {
    const id = this.newWaiter();
    const waiter: Waiter = { id, process, description, file, rule, woken: false };
    this.waiters.set(id, waiter);
    file.waiters.add(waiter);
    this.party(process).waiters.add(waiter);
    return waiter;
  }

  forget(waiter: Waiter): void {
    const { file, process } = waiter;
    this.waiters.delete(waiter.id);
    file.waiters.delete(waiter);
    const party = this.party(process);
    party.waiters.delete(waiter);
    this.dropParty(process, party);
    this.dropFile(file);
  }

  /** Ends a call that changed something: wakes the waiters of each file whose leases changed, oldest first. */
  settle(): void {
    const { changed } = this;
    if (changed === undefined) return;
    this.changed = undefined;
    let due: Waiter[] | undefined;
    for (const file of changed) {
      file.changed = false;
      if (file.waiters.size > 0) {
        due ??= [];
        for (const waiter of file.waiters) if (!waiter.woken) due.push(waiter);
      }
      this.dropFile(file);
    }
    if (due === undefined) return;
    due.sort((a, b) => a.id - b.id);
    for (const waiter of due) {
      waiter.woken = true;
      this.emit({ effect: 'wake', waiter: waiter.id, file: waiter.file.ino, rule: waiter.rule });
    }
  }

  private hasChanged(file: FileRecord): void {
    if (file.changed) return;
    file.changed = true;
    if (this.changed === undefined) this.changed = [file];
    else this.changed.push(file);
  }

  private charge(uid: number, bytes: number): void {
    const sum = (this.charges.get(uid) ?? 0) + bytes;
    if (sum === 0) this.charges.delete(uid);
    else this.charges.set(uid, sum);
  }

  private party(process: ProcessId): Party {
    let party = this.parties.get(process);
    if (party === undefined) {
      party = this.spare ?? new Party();
      this.spare = undefined;
      this.parties.set(process, party);
    }
    return party;
  }

  private disown(lease: Lease): void {
    const party = this.party(lease.owner);
    party.leases.delete(lease);
    this.dropParty(lease.owner, party);
  }

  private dropParty(process: ProcessId, party: Party): void {
    const { leases, pins, waiters } = party;
    if (leases.size > 0 || pins.size > 0 || waiters.size > 0) return;
    this.parties.delete(process);
    this.spare = party;
  }

  private dropFile(file: FileRecord): void {
    if (file.leases.length > 0 || file.waiters.size > 0 || !this.files.delete(file.ino)) return;
    this.spareFile = file;
  }

  /** Whether the file has an unbreakable lease; every pin is under one (L5). */
  hasUnbreakable(ino: InodeNumber): boolean {
    return this.files.get(ino)?.leases.some(lease => isUnbreakable(lease.kind)) ?? false;
  }
}
