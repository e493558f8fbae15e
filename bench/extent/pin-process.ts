// One index of pinned ranges in a process of its own. Pins are 1 to 64 blocks long, a tenth of them 4,096, and overlap
// here and there; the lower half of the file is pinned, the upper half is not.

import IntervalTree from '@flatten-js/interval-tree';
import { RangeIndex } from '../../src/extent/index.js';
import { answering } from '../shared/answering.js';
import { type Batch, Timed } from '../shared/timing.js';
import type { PinAnswer, PinAsk, PinAxis, PinContestant } from './pin-axes.js';
import { type Below, randomFrom, shuffled } from './workload.js';

interface Pins {
  insert(id: number, start: number, end: number): void;
  remove(id: number, start: number, end: number): void;
  overlaps(start: number, end: number): boolean;
}

class Ours implements Pins {
  private readonly index = new RangeIndex();

  insert(id: number, start: number, end: number): void {
    this.index.insert(id, start, end);
  }
  remove(id: number): void {
    if (!this.index.remove(id)) throw new Error(`no pin ${id}`);
  }
  overlaps(start: number, end: number): boolean {
    return this.index.overlaps(start, end);
  }
}

class Flatten implements Pins {
  private readonly tree = new IntervalTree<number>();

  insert(id: number, start: number, end: number): void {
    this.tree.insert([start, end - 1], id);
  }
  remove(id: number, start: number, end: number): void {
    if (this.tree.remove([start, end - 1], id) === undefined) throw new Error(`no pin ${id}`);
  }
  overlaps(start: number, end: number): boolean {
    return this.tree.intersect_any([start, end - 1]);
  }
}

const MAKE: Readonly<Record<PinContestant, () => Pins>> = {
  leasefs: () => new Ours(),
  'flatten-interval-tree': () => new Flatten(),
};

const QUERIES = 2 ** 16;
/** Blocks of the file a pin. */
const SPREAD = 64;

class Stand {
  private readonly pins: Pins;
  private readonly start: Int32Array;
  private readonly end: Int32Array;
  private readonly half: number;
  private readonly below: Below = randomFrom(3);
  private readonly timed = new Map<PinAxis, Timed>();
  readonly insertNs: number;
  readonly bytesAPin: number;

  constructor(pins: Pins, count: number) {
    const { below } = this;
    this.pins = pins;
    this.half = count * SPREAD;
    this.start = Int32Array.from({ length: count }, () => below(this.half));
    this.end = this.start.map(start => start + 1 + (below(10) === 0 ? 4095 : below(64)));
    const order = shuffled(count, below);
    const inUse = () => {
      globalThis.gc?.();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const before = inUse();
    const from = performance.now();
    for (const i of order) pins.insert(i + 1, this.start[i]!, this.end[i]!);
    this.insertNs = ((performance.now() - from) * 1e6) / count;
    this.bytesAPin = (inUse() - before) / count;
    this.check();
  }

  time(axis: PinAxis, ms: number): Promise<number> {
    let timed = this.timed.get(axis);
    if (timed === undefined) {
      timed = new Timed(this.batchOf(axis));
      this.timed.set(axis, timed);
    }
    return timed.measure(ms);
  }

  /** Against the plain list of pins, some places. */
  private check(): void {
    for (let i = 0; i < 200; i++) {
      const start = this.below(this.half + 8192);
      const end = start + 1 + this.below(32);
      const expected = this.start.some((first, pin) => first < end && start < this.end[pin]!);
      if (this.pins.overlaps(start, end) !== expected)
        throw new Error(`the differential check failed: pins meet [${start}, ${end}): ${expected}`);
    }
  }

  private batchOf(axis: PinAxis): Batch {
    const { pins, start, end, half, below } = this;
    if (axis === 'remove and insert') {
      const order = shuffled(start.length, below);
      let next = 0;
      return n => {
        for (let i = 0; i < n; i++) {
          const pin = order[next]!;
          next = next + 1 === order.length ? 0 : next + 1;
          pins.remove(pin + 1, start[pin]!, end[pin]!);
          pins.insert(pin + 1, start[pin]!, end[pin]!);
        }
        return next;
      };
    }
    // Met: a range that begins in a pin. Not met: in the half without pins.
    const met = axis === 'overlaps, met';
    const queries = Int32Array.from({ length: QUERIES }, () =>
      met ? start[below(start.length)]! : half + 8192 + below(half),
    );
    let cursor = 0;
    return n => {
      let sum = 0;
      for (let i = 0; i < n; i++) {
        const from = queries[cursor]!;
        cursor = (cursor + 1) & (QUERIES - 1);
        sum += pins.overlaps(from, from + 8) ? 1 : 0;
      }
      if (sum !== (met ? n : 0)) throw new Error(`${sum} of ${n} met`);
      return sum;
    };
  }
}

let stand: Stand | undefined;

async function answer(ask: PinAsk): Promise<PinAnswer> {
  if (ask.ask === 'load') {
    stand = new Stand(MAKE[ask.name](), ask.pins);
    return { insertNs: stand.insertNs, bytesAPin: stand.bytesAPin };
  }
  if (stand === undefined) throw new Error('nothing is loaded');
  return { ns: await stand.time(ask.axis, ask.ms) };
}

answering<PinAsk>(answer);
