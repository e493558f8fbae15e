// What happened to leases and pins, as records (A1): the ring keeps the newest, numbered without gaps, for any reader. It
// waits for no reader: a slow one finds that records are gone, and how many. No I/O, no clock.
import type { EventFacts, EventName, EventProcess } from '../../abi/events.js';
import type { InodeNumber } from '../../base/units.js';
import type { Rule } from '../../lease/types.js';

export interface LeaseEvent {
  /** From 1, without gaps. */
  readonly seq: number;
  /** ms since 1970. */
  readonly time: number;
  readonly event: EventName;
  /** The rule of src/lease/README.md behind it. */
  readonly rule: Rule;
  /** Of the file; 0: the event is about a process. */
  readonly ino: InodeNumber | 0;
  /** Bytes, a char each, from the root of the mount; undefined when no name is left. */
  readonly path: string | undefined;
  readonly by: EventProcess;
  /** Asked for by `leasefs inject`. */
  readonly injected: boolean;
  readonly facts: EventFacts;
}

type Slot = { -readonly [Field in keyof LeaseEvent]: LeaseEvent[Field] };

export class EventRing {
  /** Of the next event; so many less one have happened. */
  next = 1;
  /** The first that is of this daemon. */
  private begin = 1;
  /** How many of each have happened since the daemon began. */
  readonly counts = new Map<EventName, number>();
  /** Called after an event was added; they must not throw. */
  readonly added: (() => void)[] = [];
  /** Slots are reused: long-lived allocations are the most expensive ones for the garbage collector. */
  private readonly slots: (Slot | undefined)[];

  /** @param capacity how many are kept. */
  constructor(capacity: number) {
    this.slots = Array(capacity);
  }

  /** The oldest that is kept. */
  get first(): number {
    return Math.max(this.begin, this.next - this.slots.length);
  }

  /** The last daemon's events are gone; their numbers are not used again. */
  goOn(next: number): void {
    this.next = next;
    this.begin = next;
  }

  add({ time, event, rule, ino, path, by, injected, facts }: Omit<LeaseEvent, 'seq'>): void {
    const seq = this.next++;
    const at = seq % this.slots.length;
    const slot = this.slots[at];
    if (slot === undefined) {
      this.slots[at] = { seq, time, event, rule, ino, path, by, injected, facts };
    } else {
      slot.seq = seq;
      slot.time = time;
      slot.event = event;
      slot.rule = rule;
      slot.ino = ino;
      slot.path = path;
      slot.by = by;
      slot.injected = injected;
      slot.facts = facts;
    }
    this.counts.set(event, (this.counts.get(event) ?? 0) + 1);
    for (const added of this.added) added();
  }

  /** The event of that number, until more are added; undefined when it is gone or has not happened. */
  at(seq: number): LeaseEvent | undefined {
    const event = this.slots[seq % this.slots.length];
    return event?.seq === seq ? event : undefined;
  }
}
