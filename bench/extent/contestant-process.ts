// One contestant with one file, in a process of its own: loads, then measures what it is asked for, when it is asked for
// (run.ts interleaves the rounds). Its changes are checked in another process before: they would teach the compiler what
// tiny files are like.

import { answering } from '../shared/answering.js';
import { median } from '../shared/numbers.js';
import { type Batch, garbageOf, heapOf, MOST_OPERATIONS, Timed } from '../shared/timing.js';
import type { Answer, Ask, Garbage, TimedAxis } from './axes.js';
import { patternOf, TIMED } from './axes.js';
import { Changes } from './changes.js';
import { type Contestant, type ContestantName, create, FIELDS } from './contestant.js';
import { checkChanges, checkLoaded } from './differential.js';
import { tailOf } from './tail.js';
import {
  type Below,
  type Extents,
  extentsOf,
  piecesOf,
  queriesOf,
  randomFrom,
  type Shape,
  shuffled,
} from './workload.js';

const CHECKED = 4096;
/** Fewer into a new map would measure the kernel's first pages. */
const FEWEST_INSERTS = 1000;
/** Inserts before the first that count, and how often. */
const WARM_INSERTS = 8192;
const WARM_MAPS = 8;
/** Tails, and all inserts into one map, that take longer than this are cut off, ms. */
const TAIL_PATIENCE = 4000;
const INSERT_PATIENCE = 10_000;
/** What garbage is counted in takes at most about so long, ms: some changes of a million extents take a millisecond each. */
const GARBAGE_MS = 500;
const FEWEST_WITH_GARBAGE = 64;

class Stand {
  private readonly make: () => Contestant;
  private readonly contestant: Contestant;
  private readonly extents: Extents;
  private readonly below: Below;
  private readonly timed = new Map<TimedAxis, Timed>();
  private readonly few: Changes;
  private readonly many: Changes;
  private warmMaps = 0;
  readonly bytesAnExtent: number;

  constructor(make: () => Contestant, shape: Shape, count: number, seed: number) {
    this.make = make;
    this.below = randomFrom(seed);
    this.extents = extentsOf(shape, count, randomFrom(seed + 1));
    this.contestant = make();
    this.contestant.load(this.extents);
    this.bytesAnExtent = (this.contestant.bytes?.() ?? heapOf(() => this.loaded())) / count;
    this.few = new Changes(this.contestant, piecesOf(false, this.extents, randomFrom(11)));
    this.many = new Changes(this.contestant, piecesOf(true, this.extents, randomFrom(12)));
    this.verify();
  }

  private loaded(): Contestant {
    const another = this.make();
    another.load(this.extents);
    return another;
  }

  get axes(): readonly TimedAxis[] {
    const { translate, map, fiemap } = this.contestant;
    return TIMED.filter(axis => {
      if (axis.startsWith('translate')) return translate !== undefined;
      if (axis.startsWith('mix')) return map !== undefined;
      if (axis === 'insert random') return map !== undefined && this.extents.count >= FEWEST_INSERTS;
      return axis !== 'fiemap 64' || fiemap !== undefined;
    });
  }

  verify(): void {
    checkLoaded(this.contestant, this.extents, queriesOf('random', this.extents, this.below), CHECKED);
  }

  async time(axis: TimedAxis, ms: number): Promise<Answer> {
    if (axis === 'insert random') return this.inserts(ms);
    let timed = this.timed.get(axis);
    if (timed === undefined) {
      timed = new Timed(this.batchOf(axis));
      this.timed.set(axis, timed);
    }
    const ns = await timed.measure(ms);
    this.restore();
    return { ns };
  }

  garbage(): Garbage {
    const of = (axis: TimedAxis) => (this.axes.includes(axis) ? garbageIn(this.batchOf(axis)) : undefined);
    const translate = of('translate random');
    const mix = of('mix');
    const fiemap = of('fiemap 64');
    this.restore();
    return {
      lookup: garbageIn(this.batchOf('lookup random')),
      ...(translate === undefined ? {} : { translate }),
      ...(mix === undefined ? {} : { mix }),
      ...(fiemap === undefined ? {} : { fiemap }),
    };
  }

  tail(changes: number): Answer {
    if (this.contestant.map === undefined) return { cannot: 'no changes' };
    const tail = tailOf(() => this.few.carryOut(1), changes, TAIL_PATIENCE);
    this.restore();
    return { tail, clock: tailOf(() => {}, changes, TAIL_PATIENCE) };
  }

  private restore(): void {
    if (this.contestant.map === undefined) return;
    this.few.restore();
    this.many.restore();
  }

  private batchOf(axis: TimedAxis): Batch {
    const { contestant } = this;
    const { translate } = contestant;
    if (axis.startsWith('mix')) {
      const changes = axis === 'mix' ? this.few : this.many;
      return n => changes.carryOut(n);
    }
    const queries = queriesOf(patternOf(axis), this.extents, randomFrom(7));
    let cursor = 0;
    const from = (n: number) => {
      const at = cursor + n <= queries.length ? cursor : 0;
      cursor = at + n;
      return at;
    };
    if (axis === 'fiemap 64') {
      const out = new Float64Array(64 * FIELDS);
      return n => {
        const first = from(n);
        let sum = 0;
        for (let i = first; i < first + n; i++) sum += contestant.fiemap!(queries[i]!, out);
        return sum;
      };
    }
    if (axis.startsWith('lookup')) return n => lookups(contestant, queries, from(n), n);
    if (translate === undefined) throw new Error(`${axis} is asked of a contestant that cannot`);
    return n => translations(contestant as Translating, queries, from(n), n);
  }

  /** All extents in random order into empty contestants, one after the other for about `ms`; their growth included. */
  private inserts(ms: number): Answer {
    const { count, start, end } = this.extents;
    const order = shuffled(count, randomFrom(13));
    const none = new Int32Array(0);
    const empty = () => {
      const fresh = this.make();
      fresh.load({ count: 0, start: none, length: none, blk: none, end });
      return fresh;
    };
    for (; this.warmMaps < WARM_MAPS; this.warmMaps++)
      inserts(empty(), this.extents, order.subarray(0, WARM_INSERTS), INSERT_PATIENCE / WARM_MAPS);
    const figures: number[] = [];
    globalThis.gc?.();
    for (let spent = 0; spent < ms; ) {
      const fresh = empty();
      const from = performance.now();
      if (!inserts(fresh, this.extents, order, INSERT_PATIENCE))
        return { cannot: `${count} inserts take longer than ${INSERT_PATIENCE / 1000} s` };
      const took = performance.now() - from;
      spent += took;
      figures.push((took * 1e6) / count);
      if (figures.length === 1) checkLoaded(fresh, this.extents, start, Math.min(count, 64));
    }
    return { ns: median(figures) };
  }
}

type Translating = Contestant & { translate(pgoff: number): number; run: number };

// Functions of their own, so that each is compiled for its one loop. `| 0` tells the compiler before the loop what it
// checks at every turn of it otherwise.
function lookups(contestant: Contestant, queries: Int32Array, first: number, n: number): number {
  let sum = 0;
  const end = (first + n) | 0;
  for (let i = first | 0; i < end; i = (i + 1) | 0) sum = (sum + contestant.lookup(queries[i]!)) | 0;
  return sum;
}

function translations(contestant: Translating, queries: Int32Array, first: number, n: number): number {
  let sum = 0;
  const end = (first + n) | 0;
  for (let i = first | 0; i < end; i = (i + 1) | 0)
    sum = (sum + contestant.translate(queries[i]!) + contestant.run) | 0;
  return sum;
}

/** Bytes an operation, of as many as GARBAGE_MS allow. */
function garbageIn(batch: Batch): number {
  const from = performance.now();
  batch(FEWEST_WITH_GARBAGE);
  const took = performance.now() - from;
  let operations = MOST_OPERATIONS;
  while (operations > FEWEST_WITH_GARBAGE && (took * operations) / FEWEST_WITH_GARBAGE > GARBAGE_MS)
    operations /= 2;
  return garbageOf(batch, operations);
}

/** Answers false when it took longer than `ms` and was not done. */
function inserts(into: Contestant, { start, length, blk }: Extents, order: Int32Array, ms: number): boolean {
  const stop = performance.now() + ms;
  for (let i = 0; i < order.length; i++) {
    const e = order[i]!;
    into.map!(start[e]!, blk[e]!, length[e]!);
    if ((i & 0xfff) === 0xfff && performance.now() > stop) return false;
  }
  return true;
}

let stand: Stand | undefined;

async function answer(ask: Ask): Promise<Answer> {
  if (ask.ask === 'check') {
    const make = await create(ask.name as ContestantName);
    checkChanges(make(), randomFrom(ask.seed));
    return { right: true };
  }
  if (ask.ask === 'load') {
    const make = await create(ask.name as ContestantName);
    try {
      stand = new Stand(make, ask.shape as Shape, ask.count, ask.seed);
    } catch (error) {
      if (error instanceof RangeError) return { cannot: error.message };
      throw error;
    }
    return { axes: stand.axes, bytesAnExtent: stand.bytesAnExtent };
  }
  if (stand === undefined) throw new Error('nothing is loaded');
  switch (ask.ask) {
    case 'time':
      return stand.time(ask.axis, ask.ms);
    case 'garbage':
      return { garbage: stand.garbage() };
    case 'tail':
      return stand.tail(ask.changes);
    case 'verify':
      stand.verify();
      return { right: true };
  }
}

answering<Ask>(answer);
