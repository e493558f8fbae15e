// The rules of src/lease/README.md once more, naively: arrays, no index, no state but what the rules speak of,
// and after every event every waiter is judged again. What the machine does is compared with it.
import {
  EXCLUSIVE,
  EXCLUSIVE_BREAKABLE,
  type Kind,
  NONE,
  SHARED,
  SHARED_BREAKABLE,
} from '../../src/abi/kinds.js';
import { BLOCK, type FileHandle, type ProcessId, type WaiterId } from '../../src/base/units.js';
import type { ChangeAsk, LeaseAsk, Notice, PinAsk, UnpinAsk } from '../../src/lease/index.js';

export const BREAK_TIME = 45;

const unbreakable = (kind: Kind): boolean => kind === SHARED || kind === EXCLUSIVE;
const exclusive = (kind: Kind): boolean => kind === EXCLUSIVE_BREAKABLE || kind === EXCLUSIVE;

interface ModelLease {
  id: number;
  file: number;
  kind: Kind;
  owner: number;
  dead: boolean;
  description: number;
  zombie: boolean;
  signal: number;
  /** B2; `by`: who began or joined; `nth`: of all breaks. */
  broken: { must: Kind; until: number; by: number[]; nth: number } | undefined;
}

interface ModelPin {
  id: number;
  lease: ModelLease;
  start: number;
  end: number;
  process: number;
  owner: number;
  uid: number;
  bytes: number;
}

type Waiting = { id: number } & ({ lease: LeaseAsk } | { change: ChangeAsk });

const signalOf = (notice: Notice | undefined): number => notice?.signal ?? 0;

export class Model {
  leases: ModelLease[] = [];
  pins: ModelPin[] = [];
  waiting: Waiting[] = [];
  forced: number[] = [];
  log: string[] = [];
  private now = 0;
  private leaseIds = 0;
  private pinIds = 0;
  private waiterIds = 0;
  private breaks = 0;

  setLease(now: number, ask: LeaseAsk): string {
    this.now = now;
    const verdict = this.judgeLease(ask, false);
    return this.answered(verdict, { lease: ask });
  }

  change(now: number, ask: ChangeAsk): string {
    this.now = now;
    return this.answered(this.judgeChange(ask), { change: ask });
  }

  private answered(verdict: string, ask: { lease: LeaseAsk } | { change: ChangeAsk }): string {
    if (!verdict.startsWith('wait')) {
      this.judgeAgain();
      return verdict;
    }
    const id = ++this.waiterIds;
    this.judgeAgain();
    this.waiting.push({ id, ...ask });
    return `${verdict} ${id}`;
  }

  /** Every waiter, the oldest first; from the beginning after each answer. */
  private judgeAgain(): void {
    for (let i = 0; i < this.waiting.length; i++) {
      const waiter = this.waiting[i]!;
      const leasesBefore = this.leases.length;
      const verdict =
        'lease' in waiter ? this.judgeLease(waiter.lease, true) : this.judgeChange(waiter.change);
      const answered = !verdict.startsWith('wait');
      if (answered) {
        this.waiting.splice(i, 1);
        this.log.push(`woken ${waiter.id} ${verdict}`);
      }
      if (answered || this.leases.length !== leasesBefore) i = -1;
    }
  }

  private under(lease: ModelLease): ModelPin[] {
    return this.pins.filter(pin => pin.lease === lease);
  }

  private on(description: number): ModelLease | undefined {
    return this.leases.find(lease => lease.description === description && !lease.zombie);
  }

  // L

  private judgeLease(ask: LeaseAsk, waits: boolean): string {
    const lease = this.on(ask.description);
    if (ask.kind === NONE) return this.unlock(ask, lease);
    if (ask.process === 0) return 'EPERM W';
    const answer = lease?.broken !== undefined && lease.broken.must === ask.kind;
    if (!answer && !ask.regular) return 'EINVAL L7';
    if (!answer && !ask.mayLease) return 'EACCES L7';
    if (!answer && unbreakable(ask.kind) && !ask.writable) return 'EBADF L7';
    return lease === undefined ? this.take(ask, waits) : this.convert(ask, lease, answer);
  }

  private unlock(ask: LeaseAsk, lease: ModelLease | undefined): string {
    this.forced = this.forced.filter(d => d !== ask.description);
    if (lease === undefined) return 'EAGAIN L2';
    if (this.under(lease).length > 0) return 'EBUSY L5';
    this.leases = this.leases.filter(other => other !== lease);
    this.log.push(`ended ${lease.id} L2`);
    return 'ok L2';
  }

  private convert(ask: LeaseAsk, lease: ModelLease, answer: boolean): string {
    if (this.under(lease).length > 0 && !unbreakable(ask.kind)) return 'EBUSY L5';
    if (lease.broken !== undefined && !answer) return 'EAGAIN L4';
    const elsewhere = this.leases.filter(other => other.file === lease.file && other !== lease);
    const compatible = elsewhere.every(other => !exclusive(other.kind) && !exclusive(ask.kind));
    if (!compatible && !answer) return 'EAGAIN L4';
    if (lease.dead) {
      lease.owner = ask.process;
      lease.dead = false;
      this.log.push(`owner ${lease.id} ${ask.process}`);
    }
    if (lease.owner === ask.process) lease.signal = signalOf(ask.notice);
    lease.kind = ask.kind;
    lease.broken = undefined;
    this.log.push(`converted ${lease.id} ${ask.kind}`);
    return 'ok L4';
  }

  /** L3: what a lease elsewhere must become; undefined: it stays; 'no': it refuses. */
  private conflict(held: Kind, wanted: Kind): Kind | undefined | 'no' {
    if (held === EXCLUSIVE) return 'no';
    if (exclusive(wanted)) return unbreakable(held) ? 'no' : NONE;
    return held === EXCLUSIVE_BREAKABLE ? SHARED_BREAKABLE : undefined;
  }

  private take(ask: LeaseAsk, waits: boolean): string {
    const elsewhere = this.leases.filter(other => other.file === ask.file);
    const foreign = elsewhere.some(({ broken }) => broken?.by.some(process => process !== ask.process));
    if (foreign && !waits) return 'EAGAIN B3';
    if (elsewhere.some(other => this.conflict(other.kind, ask.kind) === 'no')) return 'EAGAIN L3';
    const conflicting = elsewhere.filter(other => this.conflict(other.kind, ask.kind) !== undefined);
    if (conflicting.some(other => other.owner === ask.process)) return 'EDEADLK L3';
    const must = exclusive(ask.kind) ? NONE : SHARED_BREAKABLE;
    const broken = this.break(conflicting, must, ask.process, ask.nonblock, 'L3');
    if (broken !== '') return broken;
    if (this.leases.filter(other => other.file === ask.file).length >= 1024) return 'ENOLCK L10';
    const id = ++this.leaseIds;
    this.leases.push({
      id,
      file: ask.file,
      kind: ask.kind,
      owner: ask.process,
      dead: false,
      description: ask.description,
      zombie: false,
      signal: signalOf(ask.notice),
      broken: undefined,
    });
    this.forced = this.forced.filter(d => d !== ask.description);
    this.log.push(`granted ${id} ${ask.kind}`);
    return 'ok L3';
  }

  getLease(description: number): number {
    this.forced = this.forced.filter(d => d !== description);
    const lease = this.on(description);
    return lease === undefined ? NONE : (lease.broken?.must ?? lease.kind);
  }

  // B

  /** '' when no holder is left to wait for. */
  private break(
    conflicting: ModelLease[],
    must: Kind,
    process: number,
    nonblock: boolean,
    rule: string,
  ): string {
    const living = conflicting.filter(lease => !lease.dead);
    if (living.length > 0 && !nonblock && this.circle(process, living)) return 'EDEADLK B7';
    for (const lease of conflicting) if (lease.dead) this.takeAway(lease, 'B5');
    for (const lease of living) {
      if (lease.broken === undefined) {
        lease.broken = { must, until: this.now + BREAK_TIME, by: [process], nth: ++this.breaks };
        this.log.push(`tell ${lease.id} ${must} ${lease.signal}`);
      } else {
        lease.broken.by.push(process);
        if (must === NONE && lease.broken.must === SHARED_BREAKABLE) {
          lease.broken.must = NONE;
          this.log.push(`tell ${lease.id} ${must} ${lease.signal}`);
        }
      }
    }
    if (living.length === 0) return '';
    return nonblock ? (process === 0 ? 'EAGAIN W' : 'EAGAIN B4') : `wait ${rule}`;
  }

  private takeAway(lease: ModelLease, rule: string): void {
    this.leases = this.leases.filter(other => other !== lease);
    this.forced.push(lease.description);
    this.log.push(`removed ${lease.id} ${rule}`);
  }

  /** B7, by the closure of the waits. */
  private circle(process: number, living: ModelLease[]): boolean {
    const waitsFor: [number, number][] = living.map(lease => [process, lease.owner]);
    for (const waiter of this.waiting) {
      const ask = 'lease' in waiter ? waiter.lease : waiter.change;
      for (const lease of this.leases) {
        if (lease.file !== ask.file || unbreakable(lease.kind) || lease.owner === ask.process) continue;
        const inTheWay =
          'lease' in waiter ? this.conflict(lease.kind, waiter.lease.kind) !== undefined : true;
        if (inTheWay && lease.broken !== undefined) waitsFor.push([ask.process, lease.owner]);
      }
    }
    let reached = [process];
    for (let i = 0; i < waitsFor.length; i++) {
      reached = waitsFor.filter(([from]) => reached.includes(from)).map(([, to]) => to);
      if (reached.includes(process)) return true;
    }
    return false;
  }

  tick(now: number): void {
    this.now = now;
    const due = this.leases.filter(lease => lease.broken !== undefined && lease.broken.until <= now);
    due.sort((a, b) => a.broken!.nth - b.broken!.nth);
    for (const lease of due) {
      if (lease.broken!.must === NONE) {
        this.takeAway(lease, 'B2');
        continue;
      }
      lease.kind = SHARED_BREAKABLE;
      lease.broken = undefined;
      this.forced.push(lease.description);
      this.log.push(`lowered ${lease.id}`);
    }
    this.judgeAgain();
  }

  cancel(waiter: WaiterId): void {
    this.waiting = this.waiting.filter(({ id }) => id !== waiter);
  }

  /** Answers all waiting calls for which `gone` holds. */
  private vanish(gone: (ask: LeaseAsk | ChangeAsk) => boolean, verdict: string): void {
    for (const waiter of [...this.waiting]) {
      if (!gone('lease' in waiter ? waiter.lease : waiter.change)) continue;
      this.waiting = this.waiting.filter(other => other !== waiter);
      this.log.push(`woken ${waiter.id} ${verdict}`);
    }
  }

  died(now: number, process: ProcessId): void {
    this.now = now;
    this.vanish(ask => ask.process === process, 'EINTR B5');
    for (const pin of this.pins) if (pin.process === process && pin.owner === 0) this.drop(pin, 'N4');
    for (const lease of this.leases) {
      if (lease.owner !== process) continue;
      lease.dead = true;
      if (lease.broken !== undefined) this.takeAway(lease, 'B5');
    }
    this.judgeAgain();
  }

  // N

  pin(_now: number, ask: PinAsk): string {
    if (ask.process === 0) return 'EPERM W';
    if (ask.start >= ask.end) return 'EINVAL N7';
    if (!ask.ownerHeld) return 'EBADF N4';
    const own = this.leases.filter(lease => lease.file === ask.file && lease.owner === ask.process);
    const licences = own.filter(lease => unbreakable(lease.kind) && !lease.zombie);
    const lease = licences.find(one => one.description === ask.description) ?? licences[0];
    if (lease === undefined) {
      const through = this.on(ask.description);
      if (through !== undefined && unbreakable(through.kind)) return 'EPERM N2';
      return own.some(one => one.zombie) ? 'EPERM N3' : 'EPERM N1';
    }
    if (ask.end > ask.sizeBlocks) return 'EFAULT N7';
    const bytes = (ask.end - ask.start) * BLOCK;
    const pinned = this.pins.filter(pin => pin.uid === ask.uid).reduce((sum, pin) => sum + pin.bytes, 0);
    if (!ask.uncounted && pinned + bytes > ask.memlock) return 'ENOMEM N9';
    const id = ++this.pinIds;
    const { start, end, process, owner, uid } = ask;
    this.pins.push({ id, lease, start, end, process, owner, uid, bytes: ask.uncounted ? 0 : bytes });
    this.log.push(`pinned ${id}`);
    return `ok N1 ${id}`;
  }

  unpin(_now: number, ask: UnpinAsk): string {
    if (ask.process === 0) return 'EPERM W';
    const pin = this.pins.find(({ id }) => id === ask.pin);
    if (pin === undefined) return 'ENOENT N8';
    const byOwner = pin.owner === 0 ? pin.process === ask.process : pin.owner === ask.description;
    if (!byOwner && pin.lease.owner !== ask.process) return 'EPERM N8';
    this.drop(pin, 'N8');
    this.judgeAgain();
    return 'ok N8';
  }

  private drop(pin: ModelPin, rule: string): void {
    this.pins = this.pins.filter(other => other !== pin);
    this.log.push(`unpinned ${pin.id} ${rule}`);
    if (!pin.lease.zombie || this.under(pin.lease).length > 0) return;
    this.leases = this.leases.filter(other => other !== pin.lease);
    this.log.push(`ended ${pin.lease.id} N5`);
  }

  release(now: number, description: FileHandle): void {
    this.now = now;
    this.forced = this.forced.filter(d => d !== description);
    for (const pin of this.pins) if (pin.owner === description) this.drop(pin, 'N4');
    const lease = this.on(description);
    if (lease !== undefined && this.under(lease).length > 0) {
      lease.zombie = true;
      this.log.push(`zombie ${lease.id}`);
    } else if (lease !== undefined) {
      this.leases = this.leases.filter(other => other !== lease);
      this.log.push(`ended ${lease.id} L2`);
    }
    this.vanish(ask => ask.description === description, 'EBADF L2');
    this.judgeAgain();
  }

  // X

  private judgeChange(ask: ChangeAsk): string {
    const { pinStart, pinEnd, empty } = ask.range;
    const leases = this.leases.filter(lease => lease.file === ask.file);
    const ours = this.pins.filter(pin => pin.lease.file === ask.file);
    const met = [...ours, ...(ask.kernelPins ?? [])].filter(pin => pin.start < pinEnd && pin.end > pinStart);
    if (met.some(pin => pin.process === ask.process)) return 'EDEADLK X1';
    if (met.length > 0 && pinStart < pinEnd) return 'ETXTBSY X1';
    if (empty) return 'ok X0';
    const hard = leases.filter(lease => unbreakable(lease.kind));
    if (hard.some(lease => lease.owner !== ask.process)) return 'ETXTBSY X2';
    if (hard.length > 0) return hard[0]!.kind === EXCLUSIVE ? 'ok X3' : 'EDEADLK X3';
    const others = leases.filter(lease => lease.owner !== ask.process);
    const through = others.find(lease => lease.description === ask.description && !lease.dead);
    if (through !== undefined) return 'EDEADLK B7';
    const broken = this.break(others, NONE, ask.process, ask.nonblock || ask.process === 0, 'X4');
    if (broken !== '') return broken;
    return leases.length > 0 ? 'ok X4' : 'ok X5';
  }
}
