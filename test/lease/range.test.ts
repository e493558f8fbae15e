// What an operation touches: the words Layout change, and X0, X1, X6 where they speak of ranges.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BLOCK, MAX_OFFSET } from '../../src/base/units.js';
import { type ChangeRange, fallocateRange, sizeRange, writeRange } from '../../src/lease/index.js';
import { File } from './world-files.js';

/** Which of the blocks 0 to 5, and the very last one, pins are asked about. */
const LAST = Math.floor(MAX_OFFSET / BLOCK);
const met = ({ pinStart, pinEnd }: ChangeRange): number[] =>
  [0, 1, 2, 3, 4, 5, LAST].filter(block => pinStart <= block && block < pinEnd);

const test = suite('layout changes');

test('X0: a size that is set to what it is changes nothing', () => {
  for (const size of [0, 1, BLOCK, MAX_OFFSET]) {
    const range = sizeRange(size, size);
    assert.ok(range.empty);
    assert.equal(met(range), []);
  }
});

test('a shrinking size touches the block that is cut and all blocks beyond', () => {
  assert.equal(met(sizeRange(4 * BLOCK, 2 * BLOCK)), [2, 3, 4, 5, LAST]);
  assert.equal(met(sizeRange(4 * BLOCK, 2 * BLOCK + 1)), [2, 3, 4, 5, LAST]);
  assert.equal(met(sizeRange(4 * BLOCK, 2 * BLOCK - 1)), [1, 2, 3, 4, 5, LAST]);
  assert.equal(met(sizeRange(4 * BLOCK, 0)), [0, 1, 2, 3, 4, 5, LAST]);
});

test('a growing size touches the blocks wholly beyond the old one, within one block too it is a change', () => {
  assert.equal(met(sizeRange(2 * BLOCK, 3 * BLOCK)), [2, 3, 4, 5, LAST]);
  assert.equal(met(sizeRange(BLOCK + 1, 3 * BLOCK)), [2, 3, 4, 5, LAST]);
  const within = sizeRange(100, 200);
  assert.not(within.empty);
  assert.equal(met(within), [1, 2, 3, 4, 5, LAST]);
});

/** Blocks 0, 1 and 3 are there; 16 KiB. */
const file = new File({ f: 1, blocks: [0, 1, 3] });
const fallocate = (act: 'allocate' | 'punch' | 'zero', off: number, len: number, keepSize = false) =>
  fallocateRange(act, file.size, off, len, keepSize, file);

test('X0: posix_fallocate over present blocks moves nothing and meets no pin', () => {
  const range = fallocate('allocate', 0, 2 * BLOCK);
  assert.ok(range.empty);
  assert.equal(met(range), []);
});

test('fallocate of a hole gives it blocks, which no pin can hold yet', () => {
  const range = fallocate('allocate', BLOCK, 2 * BLOCK);
  assert.not(range.empty);
  assert.equal(met(range), []);
});

test('fallocate beyond the end extends the file, with KEEP_SIZE it only gives blocks', () => {
  assert.equal(met(fallocate('allocate', 0, 4 * BLOCK + 1)), [4, 5, LAST]);
  const kept = fallocate('allocate', 3 * BLOCK, BLOCK + 1, true);
  assert.not(kept.empty);
  assert.equal(met(kept), []);
  assert.ok(fallocate('allocate', 3 * BLOCK, BLOCK, true).empty);
});

test('X0: a punch frees whole blocks that are there; of a hole, or within a block, it frees nothing', () => {
  assert.not(fallocate('punch', BLOCK, BLOCK).empty);
  assert.ok(fallocate('punch', 2 * BLOCK, BLOCK).empty);
  assert.ok(fallocate('punch', 1, BLOCK - 1).empty);
  assert.ok(fallocate('punch', 1, 2 * BLOCK - 2).empty);
  assert.not(fallocate('punch', 1, 2 * BLOCK - 1).empty);
});

test('X1: a punch meets the pins of every block that it zeroes in whole or part', () => {
  assert.equal(met(fallocate('punch', 1, BLOCK - 1)), [0]);
  assert.equal(met(fallocate('punch', BLOCK - 1, 2)), [0, 1]);
  assert.equal(met(fallocate('punch', BLOCK, 2 * BLOCK)), [1, 2]);
  assert.equal(met(fallocate('punch', 2 * BLOCK, BLOCK)), [2]);
});

test('X1: ZERO_RANGE keeps blocks and destroys what is in them: it meets pins and is empty where no hole is', () => {
  const present = fallocate('zero', 1, BLOCK);
  assert.ok(present.empty);
  assert.equal(met(present), [0, 1]);
  assert.not(fallocate('zero', BLOCK, 2 * BLOCK).empty);
});

test('ZERO_RANGE beyond the end meets what it zeroes and the blocks beyond the old size', () => {
  assert.equal(met(fallocate('zero', BLOCK, 4 * BLOCK)), [1, 2, 3, 4, 5, LAST]);
  assert.equal(met(fallocate('zero', 5 * BLOCK, BLOCK)), [4, 5, LAST]);
  assert.equal(met(fallocate('zero', BLOCK, 4 * BLOCK, true)), [1, 2, 3, 4]);
  assert.equal(met(fallocateRange('zero', 100, 200, 8, false, file)), [0, 1, 2, 3, 4, 5, LAST]);
});

test('X8: a write to a pooled file is a change where it fills a hole or extends', () => {
  const write = (off: number, len: number) => writeRange(file.size, off, len, file);
  assert.ok(write(0, 2 * BLOCK).empty);
  assert.ok(write(4 * BLOCK - 1, 1).empty);
  assert.not(write(2 * BLOCK - 1, 2).empty);
  assert.equal(met(write(2 * BLOCK, BLOCK)), []);
  assert.not(write(4 * BLOCK - 1, 2).empty);
  assert.equal(met(write(4 * BLOCK - 1, 2)), [4, 5, LAST]);
});

test.run();
