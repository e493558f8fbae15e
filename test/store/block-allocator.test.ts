// The block allocator against a plain array of owners, and the shape of what it hands out.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BlockAllocator, Window } from '../../src/store/block-allocator.js';
import { BlockBitmap } from '../../src/store/block-bitmap.js';
import { newSeed, random } from '../support/random.js';

const test = suite('block allocator');

test('the bitmap finds what an array of bits finds', () => {
  const seed = newSeed();
  const pick = random(seed);
  for (const length of [1, 31, 32, 33, 1024, 1025, 40_000]) {
    const bitmap = new BlockBitmap(length);
    const naive = new Uint8Array(length);
    for (let step = 0; step < 400; step++) {
      const from = pick(length);
      const to = from + pick(Math.min(length - from, step % 3 === 0 ? length : 70) + 1);
      if (pick(5) < 3) {
        bitmap.set(from, to);
        naive.fill(1, from, to);
      } else {
        bitmap.clear(from, to);
        naive.fill(0, from, to);
      }
      const at = pick(length);
      assert.is(bitmap.nextClear(at), naive.indexOf(0, at), `seed ${seed}`);
      const most = pick(100);
      const end = naive.subarray(0, at + most).indexOf(1, at);
      assert.is(
        bitmap.clearRun(at, most),
        (end < 0 ? Math.min(at + most, length) : end) - at,
        `seed ${seed}`,
      );
      assert.is(bitmap.has(at), naive[at] === 1);
    }
  }
});

test('no block is handed out twice, and the last one can be had', () => {
  const seed = newSeed();
  const pick = random(seed);
  for (const total of [1, 5, 511, 512, 3000]) {
    const allocator = new BlockAllocator(total);
    const owned = new Uint8Array(total + 1);
    const files = Array.from({ length: 4 }, () => ({ window: new Window(), runs: [] as [number, number][] }));
    let used = 0;
    for (let step = 0; step < 4000; step++) {
      const file = files[pick(files.length)]!;
      const why = `seed ${seed}, total ${total}, step ${step}`;
      const what = pick(10);
      if (what < 6) {
        const last = file.runs.at(-1);
        const goal = last === undefined || pick(4) === 0 ? pick(total + 3) : last[0] + last[1];
        const want = 1 + pick(step % 7 === 0 ? total : 20);
        const blk = allocator.take(file.window, goal, want);
        if (blk === 0) assert.is(used, total, why);
        else {
          assert.ok(allocator.run >= 1 && allocator.run <= want, why);
          assert.ok(blk >= 1 && blk + allocator.run - 1 <= total, why);
          assert.not(owned.subarray(blk, blk + allocator.run).includes(1), why);
          owned.fill(1, blk, blk + allocator.run);
          used += allocator.run;
          file.runs.push([blk, allocator.run]);
        }
      } else if (what < 9 && file.runs.length > 0) {
        const [[blk, n]] = file.runs.splice(pick(file.runs.length), 1) as [[number, number]];
        const part = 1 + pick(n);
        allocator.give(blk, part);
        owned.fill(0, blk, blk + part);
        used -= part;
        if (part < n) file.runs.push([blk + part, n - part]);
      } else {
        allocator.close(file.window);
      }
      assert.is(allocator.available, total - used, why);
    }
    for (const { window } of files) allocator.close(window);
    for (let blk = 1; blk <= total; blk++) assert.is(allocator.isTaken(blk), owned[blk] === 1);
  }
});

/** Appends `n` blocks in pieces to each of several files in turn; the extents of each. */
function interleaved(allocator: BlockAllocator, files: number, n: number, piece: number): number[] {
  const windows = Array.from({ length: files }, () => new Window());
  const ends = new Array<number>(files).fill(0);
  const extents = new Array<number>(files).fill(0);
  for (let done = 0; done < n; done += piece) {
    windows.forEach((window, i) => {
      for (let left = piece; left > 0; left -= allocator.run) {
        const blk = allocator.take(window, ends[i]!, left);
        if (blk !== ends[i]) extents[i]!++;
        ends[i] = blk + allocator.run;
      }
    });
  }
  for (const window of windows) allocator.close(window);
  return extents;
}

const GIB = 2 ** 18;

test('a file of 1 GiB written in order is one extent', () => {
  assert.equal(interleaved(new BlockAllocator(2 * GIB), 1, GIB, 256), [1]);
  assert.equal(interleaved(new BlockAllocator(2 * GIB), 1, GIB, 1), [1]);
});

test('files that grow side by side have few extents', () => {
  for (const extents of interleaved(new BlockAllocator(4 * GIB), 3, GIB, 256))
    assert.ok(extents <= 48, `${extents}`);
  for (const extents of interleaved(new BlockAllocator(GIB), 8, 4096, 1))
    assert.ok(extents <= 16, `${extents}`);
});

test('small files lie side by side', () => {
  const allocator = new BlockAllocator(GIB);
  for (let i = 1; i <= 1000; i++) assert.is(allocator.take(new Window(), 0, 1), i);
});

test('a full store still finds its one free block', () => {
  const allocator = new BlockAllocator(8 * GIB);
  const window = new Window();
  while (allocator.available > 0) allocator.take(window, 0, GIB);
  for (let i = 0; i < 10_000; i++) {
    allocator.give(5 * GIB + 7, 1);
    assert.is(allocator.take(window, 0, 1), 5 * GIB + 7);
  }
});

test.run();
