// Freed blocks that keep their pages for a while: joined where they meet, each returned once.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FreedRuns } from '../../src/store/freed-runs.js';

const test = suite('freed runs');

test('runs come out rising, joined where they meet, and once', () => {
  const freed = new FreedRuns();
  freed.add(20, 2);
  freed.add(10, 1);
  freed.add(22, 1);
  freed.add(11, 3);
  assert.is(freed.blocks, 7);
  assert.equal(
    [9, 10, 13, 14, 22, 23].map(blk => freed.has(blk)),
    [false, true, true, false, true, false],
  );
  const seen: number[][] = [];
  const each = (blk: number, n: number) => seen.push([blk, n]);
  freed.take(each);
  assert.equal(seen, [
    [10, 4],
    [20, 3],
  ]);
  freed.take(each);
  assert.is(seen.length, 2);
  assert.is(freed.blocks, 0);
  assert.not(freed.has(10));
});

test('it is full at 128 blocks, in any runs', () => {
  const freed = new FreedRuns();
  freed.add(0, 127);
  assert.not(freed.full);
  freed.add(200, 1);
  assert.ok(freed.full);
});

test.run();
