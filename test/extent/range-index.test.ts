// The pin index against a plain array of pins that is searched from end to end.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type PinnedRange, RangeIndex } from '../../src/extent/range-index.js';
import { randomFrom, seedOfRun } from './random.js';

class NaivePins {
  private pins: PinnedRange[] = [];

  insert(id: number, start: number, end: number): void {
    this.pins.push({ id, start, end });
    this.pins.sort((a, b) => a.start - b.start || a.id - b.id);
  }

  remove(id: number): boolean {
    const at = this.pins.findIndex(pin => pin.id === id);
    if (at >= 0) this.pins.splice(at, 1);
    return at >= 0;
  }

  overlapping(start: number, end: number): number[] {
    if (start >= end) return [];
    return this.pins.filter(pin => pin.start < end && pin.end > start).map(pin => pin.id);
  }

  all(): PinnedRange[] {
    return this.pins;
  }
}

function overlapping(index: RangeIndex, start: number, end: number): number[] {
  const ids: number[] = [];
  index.forEachOverlap(start, end, id => {
    ids.push(id);
    return true;
  });
  return ids;
}

function sameAnswers(index: RangeIndex, naive: NaivePins, start: number, end: number): void {
  const expected = naive.overlapping(start, end);
  assert.is(index.firstOverlap(start, end), expected[0] ?? 0);
  assert.is(index.overlaps(start, end), expected.length > 0);
  assert.equal(overlapping(index, start, end), expected);
}

const TOP = 2 ** 41;
const test = suite('pin index');

test('an empty index holds nothing and answers so', () => {
  const index = new RangeIndex();
  index.check();
  assert.is(index.size, 0);
  assert.is(index.overlaps(0, TOP), false);
  assert.is(index.firstOverlap(0, TOP), 0);
  assert.is(index.remove(1), false);
  assert.equal([...index], []);
});

test('ranges are half open: neighbours do not meet, an empty range meets nothing', () => {
  const index = new RangeIndex();
  index.insert(7, 10, 20);
  assert.is(index.firstOverlap(0, 10), 0);
  assert.is(index.firstOverlap(20, 30), 0);
  assert.is(index.firstOverlap(19, 20), 7);
  assert.is(index.firstOverlap(10, 11), 7);
  assert.is(index.firstOverlap(15, 15), 0);
  assert.is(index.firstOverlap(16, 15), 0);
  assert.is(index.firstOverlap(0, TOP), 7);
});

test('overlapping and equal ranges are pins of their own', () => {
  const index = new RangeIndex();
  for (const id of [5, 3, 4]) index.insert(id, 1, 9);
  index.insert(1, 0, 2);
  assert.equal(overlapping(index, 1, 2), [1, 3, 4, 5]);
  assert.ok(index.remove(3));
  assert.not.ok(index.remove(3));
  assert.equal(overlapping(index, 2, 3), [4, 5]);
  assert.is(index.size, 3);
});

test('a long pin at the head is found from far behind it, past short ones', () => {
  const index = new RangeIndex();
  index.insert(1, 0, TOP);
  for (let id = 2; id < 500; id++) index.insert(id, id, id + 1);
  assert.is(index.firstOverlap(TOP - 1, TOP), 1);
  index.remove(1);
  assert.is(index.firstOverlap(TOP - 1, TOP), 0);
  index.check();
});

test('the largest ids and blocks are kept exactly', () => {
  const index = new RangeIndex();
  const id = Number.MAX_SAFE_INTEGER;
  for (let i = 0; i < 100; i++) index.insert(id - i, TOP - 1, TOP);
  assert.equal(
    [...index].map(pin => pin.id),
    Array.from({ length: 100 }, (_, i) => id - 99 + i),
  );
  assert.is(index.firstOverlap(TOP - 1, TOP), id - 99);
  assert.is(index.firstOverlap(TOP, TOP + 1), 0);
  assert.ok(index.remove(id));
  index.check();
});

test('a bad id, an id twice, and an empty range are refused and change nothing', () => {
  const index = new RangeIndex();
  index.insert(1, 2, 3);
  for (const id of [0, -1, 1.5, Number.NaN, 2 ** 53, 1]) assert.throws(() => index.insert(id, 2, 3), /pin/);
  for (const [start, end] of [
    [3, 3],
    [4, 3],
    [-1, 3],
    [0, 0.5],
    [0, Number.POSITIVE_INFINITY],
  ] as const) {
    assert.throws(() => index.insert(2, start, end), /pinned range/);
  }
  index.check();
  assert.equal([...index], [{ id: 1, start: 2, end: 3 }]);
});

test('the visitor stops the walk', () => {
  const index = new RangeIndex();
  for (let id = 1; id <= 300; id++) index.insert(id, 0, 10);
  let seen = 0;
  index.forEachOverlap(0, 10, () => ++seen < 123);
  assert.is(seen, 123);
});

test('short histories of all operations agree with the naive index, which holds its invariants after each', () => {
  const block = fc.nat({ max: 12 });
  const operation = fc.oneof(
    { weight: 3, arbitrary: fc.record({ op: fc.constant('insert' as const), at: block, n: block }) },
    {
      weight: 2,
      arbitrary: fc.record({ op: fc.constant('remove' as const), at: fc.nat({ max: 200 }), n: block }),
    },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('query' as const), at: block, n: block }) },
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), operations => {
      const index = new RangeIndex();
      const naive = new NaivePins();
      let id = 0;
      for (const { op, at, n } of operations) {
        if (op === 'insert') {
          index.insert(++id, at, at + n + 1);
          naive.insert(id, at, at + n + 1);
        } else if (op === 'remove') {
          const old = at % (id + 1);
          assert.is(index.remove(old), naive.remove(old));
        } else {
          sameAnswers(index, naive, at, at + n);
        }
        index.check();
      }
      assert.equal([...index], naive.all());
    }),
    { numRuns: 200 },
  );
});

/** Grows and shrinks the index in waves, in the given order of starts. */
function waves(nextStart: (i: number) => number, top: number, steps: number, seed: number): void {
  const { below } = randomFrom(seed);
  const index = new RangeIndex();
  const naive = new NaivePins();
  const live: number[] = [];
  for (let i = 1; i <= steps; i++) {
    const growing = Math.floor(i / (steps / 6)) % 2 === 0;
    if (live.length === 0 || below(10) < (growing ? 8 : 2)) {
      const start = nextStart(i);
      const end = start + 1 + below(below(20) === 0 ? top : 8);
      index.insert(i, start, end);
      naive.insert(i, start, end);
      live.push(i);
    } else {
      const [id] = live.splice(below(live.length), 1);
      assert.ok(index.remove(id!));
      assert.ok(naive.remove(id!));
    }
    if (i % 16 === 0) sameAnswers(index, naive, below(top), below(top));
    if (i % 256 === 0) index.check();
  }
  assert.equal([...index], naive.all());
  for (const id of live) assert.ok(index.remove(id));
  index.check();
  assert.is(index.size, 0);
}

test('long histories agree: random, rising, falling and equal starts', () => {
  const seed = seedOfRun();
  const { below } = randomFrom(seed);
  try {
    waves(() => below(TOP), TOP, 6000, seed);
    waves(() => below(500), 500, 6000, seed + 1);
    waves(i => i, 6000, 6000, seed + 2);
    waves(i => 6000 - i, 6000, 6000, seed + 3);
    waves(() => 77, 100, 3000, seed + 4);
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
});

test('queries make no garbage', () => {
  const { below } = randomFrom(1);
  const index = new RangeIndex();
  for (let id = 1; id <= 1000; id++) index.insert(id, below(1e6), 1e6 + 1 + below(1e6));
  const ask = () => {
    let hits = 0;
    for (let i = 0; i < 200_000; i++) if (index.overlaps(i, i + 8)) hits++;
    return hits;
  };
  ask();
  ask();
  const before = process.memoryUsage().heapUsed;
  ask();
  const grown = process.memoryUsage().heapUsed - before;
  assert.ok(grown < 200_000, `${grown} bytes for 200,000 queries`);
});

test.run();
