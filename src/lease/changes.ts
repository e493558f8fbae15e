// Which leases, pins and forced descriptions have changed since they were last written down: a journal keeps them for the
// next daemon. A mark costs a store or two, and is taken off when the thing is written; no mark leaves garbage.
import type { FileHandle, LeaseId, PinId } from '../base/units.js';
import type { Lease, Pin } from './records.js';

/** Takes down the present state of each thing that changed. */
export interface Notebook {
  lease(lease: Lease): void;
  leaseGone(lease: LeaseId): void;
  pin(pin: Pin): void;
  pinGone(pin: PinId): void;
  /** @param is its lease was removed or lowered by force, and no call has seen that yet. */
  forced(description: FileHandle, is: boolean): void;
}

/** Bits of `mark`. */
const MARKED = 1;
const GONE = 2;
/** Places that are kept for the next time. */
const KEPT = 1024;

/** Things with a mark. Places are used again. */
class Marked<T extends { mark: number }> {
  private things: (T | undefined)[] = [];
  private count = 0;

  add(thing: T): void {
    if ((thing.mark & MARKED) !== 0) return;
    thing.mark |= MARKED;
    this.things[this.count++] = thing;
  }

  /** Calls `write` for each, and takes its mark off. */
  take(write: (thing: T) => void): void {
    const { things, count } = this;
    if (count === 0) return;
    this.count = 0;
    for (let at = 0; at < count; at++) {
      const thing = things[at]!;
      things[at] = undefined;
      thing.mark &= ~MARKED;
      write(thing);
    }
    if (count > KEPT) this.things = [];
  }
}

export class Changes {
  private readonly leases = new Marked<Lease>();
  private readonly pins = new Marked<Pin>();
  private readonly forced = new Map<FileHandle, boolean>();
  private readonly marked: () => void;
  private readonly writeLease: (lease: Lease) => void;
  private readonly writePin: (pin: Pin) => void;
  private to!: Notebook;

  /** @param marked called with each change. */
  constructor(marked: () => void) {
    this.marked = marked;
    this.writeLease = lease => {
      if ((lease.mark & GONE) === 0) this.to.lease(lease);
      else this.to.leaseGone(lease.id);
    };
    this.writePin = pin => {
      if ((pin.mark & GONE) === 0) this.to.pin(pin);
      else this.to.pinGone(pin.id);
    };
  }

  lease(lease: Lease): void {
    this.leases.add(lease);
    this.marked();
  }

  leaseGone(lease: Lease): void {
    lease.mark |= GONE;
    this.lease(lease);
  }

  pin(pin: Pin): void {
    this.pins.add(pin);
    this.marked();
  }

  pinGone(pin: Pin): void {
    pin.mark |= GONE;
    this.pin(pin);
  }

  setForced(description: FileHandle, is: boolean): void {
    this.forced.set(description, is);
    this.marked();
  }

  /** Writes what has changed since the last call. */
  take(to: Notebook): void {
    this.to = to;
    this.leases.take(this.writeLease);
    this.pins.take(this.writePin);
    if (this.forced.size === 0) return;
    for (const [description, is] of this.forced) to.forced(description, is);
    this.forced.clear();
  }
}
