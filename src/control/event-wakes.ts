// Wakes the readers of `.leasefs/events`. An event costs the call that made it the same however many readers there are:
// only those that wait are listed, and they are woken later, some at a time.
import { attempt, type Log } from '../base/guarded.js';
import type { EventRing } from '../fs/trace/event-ring.js';

/** Readers that are woken before the event loop serves others. */
const AT_ONCE = 32;

export class EventWakes {
  /** For the next event. */
  private waiting = new Set<() => void>();
  /** An event has come: these are being woken. */
  private woken = new Set<() => void>();
  /** Another event came since those were taken. */
  private more = false;
  private due: NodeJS.Immediate | undefined;
  private readonly log: Log;

  constructor(ring: EventRing, log: Log) {
    this.log = log;
    ring.added.push(() => {
      if (this.waiting.size === 0) return;
      this.more = true;
      this.due ??= setImmediate(() => this.wakeSome());
    });
  }

  /** Readers that wait. */
  get size(): number {
    return this.waiting.size + this.woken.size;
  }

  /** Calls `wake` once, soon after the next event, and not within it. */
  add(wake: () => void): void {
    this.waiting.add(wake);
  }

  delete(wake: () => void): void {
    this.waiting.delete(wake);
    this.woken.delete(wake);
  }

  private wakeSome(): void {
    this.due = undefined;
    if (this.woken.size === 0) {
      [this.waiting, this.woken] = [this.woken, this.waiting];
      this.more = false;
    }
    let left = AT_ONCE;
    for (const wake of this.woken) {
      if (left-- === 0) break;
      this.woken.delete(wake);
      // It is woken by the next event at the latest.
      if (!attempt(this.log, 'event wake', wake)) this.add(wake);
    }
    if (this.woken.size > 0 || this.more) this.due ??= setImmediate(() => this.wakeSome());
  }
}
