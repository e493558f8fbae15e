// The extent map as a program uses it alone: its answers, and what it says to wrong arguments.
import { inspect } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  EXTENT_FIELDS,
  EXTENT_LAST,
  EXTENT_UNWRITTEN,
  ExtentArena,
  ExtentMap,
  errno,
  errnoName,
  MAX_PGOFF,
  RangeIndex,
} from '../../src/extent/index.js';

const test = suite('leasefs/extent-map');

test('the example of the README', () => {
  const map = new ExtentMap();
  assert.is(map.map(0, 1000, 256), 0);
  assert.is(map.preallocate(256, 5000, 64), 0);
  assert.is(map.punch(10, 2), 0);
  assert.equal(
    [9, 10, 256].map(block => map.lookup(block)),
    [1009, 0, -5000],
  );
  assert.equal([map.translate(12), map.run], [1012, 244]);
  const out = new Float64Array(64 * EXTENT_FIELDS);
  assert.is(map.fiemap(0, 2 ** 41, out), 3);
  assert.equal(
    [...out.subarray(0, 3 * EXTENT_FIELDS)],
    [0, 1000, 10, 0, 12, 1012, 244, 0, 256, 5000, 64, EXTENT_UNWRITTEN | EXTENT_LAST],
  );
  assert.is(map.fiemap(0, 2 ** 41, new Float64Array(0)), 3);
  assert.is(map.count(), 3);
});

test('console.log of a map, an arena and an index is one line', () => {
  const arena = new ExtentArena(new ArrayBuffer(ExtentArena.bytesFor(100)));
  const map = new ExtentMap(arena);
  map.map(7, 100, 3);
  map.map(20, 200, 1);
  const pins = new RangeIndex();
  pins.insert(1, 0, 8);
  assert.is(inspect(map), `ExtentMap { extents: 2, blocks: 4, bytes: ${map.bytes}, seq: 2 }`);
  assert.is(inspect(arena), 'ExtentArena { small: 2, large: 0, pages: 0, room: 98 }');
  assert.is(inspect(pins), 'RangeIndex { size: 1 }');
});

test('a refused change answers a negative errno, has a name, and changes nothing', () => {
  const map = new ExtentMap();
  map.map(0, 1, 8);
  const { seq } = map;
  const wrong = [Number.NaN, -1, 0.5, Number.POSITIVE_INFINITY, 2 ** 53];
  for (const n of wrong) {
    for (const answer of [map.map(n, 1, 1), map.map(0, n, 1), map.map(0, 1, n), map.preallocate(n, 1, 1)])
      assert.is(answer, -errno.EINVAL, `${n}`);
    for (const answer of [map.punch(n, 1), map.markWritten(n, 1), map.truncate(n)])
      assert.is(answer, -errno.EINVAL, `${n}`);
  }
  assert.is(map.map(MAX_PGOFF - 1, 1, 2), -errno.EFBIG);
  assert.is(errnoName(map.map(Number.NaN, 1, 1)), 'EINVAL');
  assert.is(map.truncate(MAX_PGOFF), 0);
  const full = new ExtentMap(new ExtentArena(new ArrayBuffer(ExtentArena.bytesFor(4))));
  assert.is(errnoName(full.map(0, 1, 8)), 'ENOMEM');
  assert.equal([map.seq, map.blocks, map.lookup(7)], [seq, 8, 8]);
  map.check();
});

test('what is no argument is refused with words', () => {
  const map = new ExtentMap();
  const out = new Float64Array(EXTENT_FIELDS);
  // As from a program without types.
  const take = (value: unknown): never => value as never;
  assert.throws(() => new ExtentArena(take(10)), /an extent arena takes an ArrayBuffer of zeros, not number/);
  assert.throws(() => new ExtentArena(new ArrayBuffer(10)), /of 10 bytes: it needs 4224 at least/);
  assert.throws(() => new ExtentMap(take({})), /an extent map takes an ExtentArena/);
  for (const n of [Number.NaN, -1, 0.5]) {
    assert.throws(() => map.fiemap(n, 1, out), new RegExp(`extents of 1 blocks from ${n} on`));
    assert.throws(() => map.nextData(n), new RegExp(`block ${n}`));
    assert.throws(() => map.nextHole(n), new RegExp(`block ${n}`));
    assert.throws(() => map.nextMapped(n), new RegExp(`block ${n}`));
  }
  assert.throws(() => map.fiemap(0, Number.NaN, out), /extents of NaN blocks from 0 on/);
  assert.throws(() => map.fiemap(0, 1, new Float64Array(3)), /fiemap into 3 numbers: an extent takes 4/);
});

test.run();
