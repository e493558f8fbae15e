// The pins of a process or description that has ended, some at a time. Between two calls those that are left are pins as
// any: they protect their range.
import type { InodeNumber, ProcessId } from '../base/units.js';
import type { Pin } from './records.js';
import type { LeaseState } from './state.js';
import type { Rest } from './types.js';

/** What ends the pins: the end of `process`, or of another thing that `has` says. */
interface Ending {
  /** Of that process or description alone: a set of pins may come to be another's between two calls. */
  readonly has: (pin: Pin) => boolean;
  /** The process that made them; undefined: several may have. */
  readonly process: ProcessId | undefined;
}

export class RestOfPins implements Rest {
  private readonly state: LeaseState;
  private readonly ending: Ending;
  private readonly source: Iterator<Pin>;
  /** At the end of all. */
  private readonly done: () => void;
  private next: IteratorResult<Pin>;

  constructor(state: LeaseState, pins: Iterable<Pin>, ending: Ending, done: () => void) {
    this.state = state;
    this.ending = ending;
    this.done = done;
    this.source = pins[Symbol.iterator]();
    this.next = this.source.next();
  }

  get uid(): number {
    return this.next.done ? 0 : this.next.value.uid;
  }

  mayPin(ino: InodeNumber): boolean {
    const file = this.state.files.get(ino);
    if (file === undefined || file.pins.size === 0) return false;
    return this.ending.process === undefined || file.pinsBy.has(this.ending.process);
  }

  end(most: number): boolean {
    const isLeft = this.step(most);
    this.state.settle();
    return isLeft;
  }

  /** The same as a part of a call, which settles at its end. */
  step(most: number): boolean {
    const { state, ending } = this;
    for (let left = most; left > 0 && !this.next.done; this.next = this.source.next()) {
      const pin = this.next.value;
      // It may have ended since.
      if (state.pins.get(pin.id) !== pin || !ending.has(pin)) continue;
      state.removePin(pin, 'N4');
      left--;
    }
    if (this.next.done) this.done();
    return !this.next.done;
  }
}
