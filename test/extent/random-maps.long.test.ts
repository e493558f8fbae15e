// Random histories of the extent map against the naive one: short ones by fast-check, with every invariant after
// every step, and a long one. LEASEFS_EXTENT_STEPS=100000000 makes the long one long; LEASEFS_SEED repeats a run.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXTENT_FIELDS, ExtentArena, ExtentMap, MAX_BLK, MAX_PGOFF } from '../../src/extent/index.js';
import { NaiveMap, records } from './naive-map.js';
import { type Random, randomFrom, seedOfRun } from './random.js';

const WIDTH = 2048;
/** Block 0, the end of what a unit of 8 entries covers, of a page of entries, 2^31, 2^32, and the largest offset. */
const ORIGINS = [
  0,
  8 * 512 - 1024 + WIDTH,
  512 * 512 - 1024,
  2 ** 31 - 1024,
  2 ** 32 - 1024,
  MAX_PGOFF - WIDTH,
];

type Step =
  | { op: 'map' | 'preallocate'; pgoff: number; n: number; blk: number }
  | { op: 'punch' | 'markWritten'; pgoff: number; n: number }
  | { op: 'truncate'; pgoff: number };

function carryOut(step: Step, map: ExtentMap, naive: NaiveMap): void {
  const { seq, blocks } = map;
  switch (step.op) {
    case 'map':
    case 'preallocate':
      assert.is(map[step.op](step.pgoff, step.blk, step.n), 0);
      naive.set(step.pgoff, step.n, step.op === 'map' ? step.blk : -step.blk);
      assert.is(map.seq, seq + 1);
      break;
    case 'markWritten':
      assert.is(map.markWritten(step.pgoff, step.n), 0);
      naive.markWritten(step.pgoff, step.n);
      assert.is(map.blocks, blocks);
      break;
    case 'punch':
      assert.is(map.punch(step.pgoff, step.n), 0);
      naive.set(step.pgoff, step.n, 0);
      assert.is(map.seq === seq, map.blocks === blocks);
      break;
    case 'truncate':
      assert.is(map.truncate(step.pgoff), 0);
      naive.set(step.pgoff, MAX_PGOFF, 0);
      assert.is(map.seq === seq, map.blocks === blocks);
  }
}

const out = new Float64Array(3 * EXTENT_FIELDS);

/** Asks about one place in every way. */
function compareAt(map: ExtentMap, naive: NaiveMap, pgoff: number): void {
  const value = naive.value(pgoff);
  assert.is(map.lookup(pgoff), value);
  assert.is(map.translate(pgoff), value);
  const { run } = map;
  assert.ok(
    run >= 1 && Math.floor((pgoff + run - 1) / 512) === Math.floor(pgoff / 512),
    `run ${run} at ${pgoff}`,
  );
  const step = Math.sign(value);
  assert.is(naive.value(pgoff + run - 1), value + step * (run - 1));
  if ((pgoff + run) % 512 !== 0) assert.is.not(naive.value(pgoff + run), value + step * run);
}

function compareWalks(map: ExtentMap, naive: NaiveMap, pgoff: number, n: number): void {
  assert.equal(records(out, map.fiemap(pgoff, n, out)), naive.fiemap(pgoff, n, 3));
  assert.is(map.count(pgoff, n), naive.fiemap(pgoff, n, Number.POSITIVE_INFINITY).length);
  const data = map.nextData(pgoff);
  assert.is(
    data < 0 ? -1 : data,
    naive.find(pgoff, value => value > 0),
  );
  const mapped = map.nextMapped(pgoff);
  assert.is(
    mapped < 0 ? -1 : mapped,
    naive.find(pgoff, value => value !== 0),
  );
  const hole = map.nextHole(pgoff);
  assert.ok(naive.value(hole) <= 0);
  const naiveHole = naive.find(pgoff, value => value <= 0);
  if (naive.value(pgoff) > 0 && naiveHole >= 0) assert.ok(hole <= naiveHole);
  for (let at = pgoff; at < hole; at++)
    if (naive.value(at) <= 0) assert.unreachable(`hole at ${at}, not ${hole}`);
  const gap = map.nextGap(pgoff);
  assert.is(naive.value(gap), 0);
  for (let at = pgoff; at < Math.min(gap, pgoff + 2048); at++)
    if (naive.value(at) === 0) assert.unreachable(`gap at ${at}, not ${gap}`);
}

function compareAll(map: ExtentMap, naive: NaiveMap): void {
  for (const origin of naive.origins) {
    for (let i = 0; i < naive.width; i++) {
      if (map.lookup(origin + i) !== naive.value(origin + i)) compareAt(map, naive, origin + i);
    }
  }
  const all = naive.fiemap(0, MAX_PGOFF, Number.POSITIVE_INFINITY);
  const found = new Float64Array((all.length + 1) * EXTENT_FIELDS);
  assert.equal(records(found, map.fiemap(0, MAX_PGOFF, found)), all);
  assert.is(map.blocks, naive.blocks);
  map.check();
}

const test = suite('extent map, random histories');

test('short histories agree with the naive map, which holds its invariants after each step', () => {
  const WINDOWS = ORIGINS.length;
  // Places near the segments' edges are as likely as all others together.
  const place = fc
    .tuple(
      fc.nat({ max: WINDOWS - 1 }),
      fc.oneof(
        fc.nat({ max: WIDTH - 1 }),
        fc.nat({ max: 3 }).chain(s => fc.integer({ min: Math.max(0, s * 512 - 2), max: s * 512 + 2 })),
      ),
    )
    .map(([w, i]) => ORIGINS[w]! + i);
  const length = fc.oneof(
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: WIDTH }),
    fc.constantFrom(511, 512, 513, 1024),
  );
  const blk = fc.oneof(
    fc.integer({ min: 1, max: 64 }),
    fc.integer({ min: 1, max: MAX_BLK - WIDTH }),
    fc.constant(MAX_BLK - WIDTH),
  );
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        op: fc.constantFrom('map' as const, 'preallocate' as const),
        pgoff: place,
        n: length,
        blk,
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        op: fc.constantFrom('punch' as const, 'markWritten' as const),
        pgoff: place,
        n: length,
      }),
    },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('truncate' as const), pgoff: place }) },
  );
  const roomIn = (pgoff: number) => {
    const origin = ORIGINS.findLast(origin => origin <= pgoff)!;
    return origin + WIDTH - pgoff;
  };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const arena = new ExtentArena(new ArrayBuffer(ExtentArena.bytesFor(400)));
      const map = new ExtentMap(arena);
      const naive = new NaiveMap(ORIGINS, WIDTH);
      for (const step of steps) {
        const bounded = 'n' in step ? { ...step, n: Math.min(step.n, roomIn(step.pgoff)) } : step;
        carryOut(bounded, map, naive);
        map.check();
        arena.check();
        compareAt(map, naive, step.pgoff);
        compareWalks(map, naive, step.pgoff, 'n' in step ? step.n : 1);
      }
      compareAll(map, naive);
      assert.is(map.truncate(0), 0);
      arena.check();
      const { small, large, pages } = arena.use;
      assert.equal([small, large, pages, map.bytes], [0, 0, 0, 0]);
    }),
    { numRuns: 150 },
  );
});

/** Steps whose mix and lengths drift, so that segments go through all their forms, both ways. */
function randomStep(random: Random, i: number, width: number, origins: readonly number[]): Step {
  const { below } = random;
  const mood = (i >> 10) % 6;
  const origin = origins[below(4) === 0 ? below(origins.length) : 0]!;
  const at = below(3) === 0 ? Math.max(0, below(width / 512) * 512 - 2 + below(5)) : below(width);
  const pgoff = origin + at;
  const longest = mood === 5 ? width : mood >= 3 ? 700 : 16;
  const n = 1 + below(Math.min(longest, width - at));
  const what = below(1000);
  if (what < 2) return { op: 'truncate', pgoff };
  if (what < 60) return { op: 'markWritten', pgoff, n };
  const mapping = mood % 2 === 0 ? 650 : 350;
  if (what >= mapping) return { op: 'punch', pgoff, n };
  // Half of the store blocks lie so that they join on to neighbours.
  const blk = below(2) === 0 ? 1 + at : 1 + below(MAX_BLK - width);
  return { op: what % 8 === 0 ? 'preallocate' : 'map', pgoff, n, blk };
}

const STEPS = Number(process.env.LEASEFS_EXTENT_STEPS ?? 1_000_000);

test(`a history of ${STEPS} random steps agrees with the naive map`, () => {
  const seed = seedOfRun();
  const random = randomFrom(seed);
  const arena = new ExtentArena(new ArrayBuffer(ExtentArena.bytesFor(2000)));
  const map = new ExtentMap(arena);
  const naive = new NaiveMap(ORIGINS, WIDTH);
  let i = 0;
  let step: Step | undefined;
  try {
    for (; i < STEPS; i++) {
      step = randomStep(random, i, WIDTH, ORIGINS);
      carryOut(step, map, naive);
      const n = 'n' in step ? step.n : 1;
      compareAt(map, naive, step.pgoff);
      compareAt(map, naive, step.pgoff + n - 1);
      if (step.pgoff > 0) compareAt(map, naive, step.pgoff - 1);
      if (step.pgoff + n < MAX_PGOFF) compareAt(map, naive, step.pgoff + n);
      if (i % 128 === 0) compareWalks(map, naive, step.pgoff, n);
      if (i % 8192 === 0) compareAll(map, naive);
    }
    compareAll(map, naive);
    arena.check();
    map.truncate(0);
    const { small, large, pages } = arena.use;
    assert.equal([small, large, pages], [0, 0, 0]);
  } catch (error) {
    throw new Error(
      `seed ${seed}, step ${i} ${JSON.stringify(step)}: ${error instanceof Error ? error.message : error}`,
      {
        cause: error,
      },
    );
  }
});

test.run();
