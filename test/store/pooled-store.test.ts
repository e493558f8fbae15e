// The pooled store against plain byte arrays: data and holes of several files, zeros when blocks come again, the
// capacity, the shape of extents, holds.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { Window } from '../../src/store/block-allocator.js';
import { FileStat, type StoredFile } from '../../src/store/file-store.js';
import { PooledSpace } from '../../src/store/pooled-space.js';
import { PooledStore } from '../../src/store/pooled-store.js';
import { checkExtents } from '../support/check-extents.js';
import { Naive } from '../support/naive-file.js';
import { newSeed, random } from '../support/random.js';

const BLOCK = 4096;
const KEEP = true;

const test = suite('pooled store');
const stat = new FileStat();

function content(file: StoredFile): Buffer {
  const out = new Uint8Array(file.size() + 2).fill(0xee);
  assert.is(file.read(0, file.size(), out.buffer, 1), file.size());
  assert.is(out[0], 0xee);
  assert.is(out.at(-1), 0xee);
  return Buffer.from(out.subarray(1, -1));
}

function fill(file: StoredFile, off: number, len: number, byte: number): void {
  assert.is(file.write(off, len, new Uint8Array(len).fill(byte).buffer, 0), len);
}

function byteOf(space: PooledSpace, blk: number): number {
  const out = new Uint8Array(1);
  space.segments.read(blk, 0, 1, out, 0);
  return out[0]!;
}

test('any sequence of operations on several files leaves what it would leave in byte arrays', () => {
  const seed = newSeed();
  const pick = random(seed);
  const total = 48;
  const store = new PooledStore(total * BLOCK);
  const files = Array.from({ length: 4 }, () => ({ file: store.create(), naive: new Naive() }));
  for (let step = 0; step < 6000; step++) {
    const one = files[pick(files.length)]!;
    const { file, naive } = one;
    const off = pick(2) === 0 ? pick(20) * BLOCK : pick(20 * BLOCK);
    const len = pick(2) === 0 ? (1 + pick(8)) * BLOCK : 1 + pick(4 * BLOCK);
    const keep = pick(2) === 0;
    const used = files.reduce((sum, { naive: { blocks } }) => sum + blocks.size, 0);
    const full = used + naive.missing(off, len) > total;
    const op = pick(7);
    const why = `seed ${seed}, step ${step}, op ${op} [${off}, ${off + len})`;
    if (op <= 1) {
      const byte = 1 + pick(255);
      const result = file.write(off, len, new Uint8Array(len).fill(byte).buffer, 0);
      const fits = naive.fitting(off, len, total - used);
      assert.is(result, fits === 0 ? -errno.ENOSPC : fits, why);
      if (fits > 0) {
        naive.grow(off + fits);
        naive.bytes.fill(byte, off, off + fits);
        naive.give(off, fits, true);
      }
    } else if (op === 2) {
      const size = pick(30 * BLOCK);
      assert.is(file.setSize(size), 0, why);
      if (size <= naive.bytes.length) naive.drop(Math.ceil(size / BLOCK), Number.POSITIVE_INFINITY);
      naive.resize(size);
    } else if (op === 3) {
      assert.is(file.punch(off, len, keep), 0, why);
      naive.clear(off, len);
      naive.drop(Math.ceil(off / BLOCK), Math.floor((off + len) / BLOCK));
    } else if (op <= 5) {
      const result = op === 4 ? file.zero(off, len, keep, true) : file.allocate(off, len, keep, false);
      assert.is(result, full ? -errno.ENOSPC : 0, why);
      if (!full) {
        naive.give(off, len, false);
        if (!keep) naive.grow(off + len);
        if (op === 4) naive.clear(off, len);
      }
    } else if (pick(8) === 0) {
      file.free();
      one.file = store.create();
      one.naive = new Naive();
    }
    checkFile(one.file, one.naive, pick, why);
    checkExtents(one.file, why);
    const now = files.reduce((sum, { naive: { blocks } }) => sum + blocks.size, 0);
    assert.is(store.capacity.used, now * BLOCK, why);
  }
  for (const { file } of files) file.free();
  assert.is(store.capacity.used, 0);
});

function checkFile(file: StoredFile, naive: Naive, pick: (below: number) => number, why: string): void {
  const { bytes, blocks } = naive;
  file.stat(stat);
  assert.is(stat.size, bytes.length, why);
  assert.is(stat.blocks, blocks.size * 8, why);
  assert.is(Buffer.compare(content(file), bytes), 0, why);
  const start = pick(30);
  const end = start + 1 + pick(10);
  const range = Array.from({ length: end - start }, (_, i) => start + i);
  assert.is(
    file.hasData(start, end),
    range.some(i => blocks.has(i)),
    why,
  );
  assert.is(file.hasHole(start, end), !range.every(i => blocks.has(i)), why);
  const at = pick(30 * BLOCK);
  for (const whence of [3, 4]) {
    let found = at;
    while (found < bytes.length && (blocks.get(Math.floor(found / BLOCK)) === true) !== (whence === 3)) {
      found = (Math.floor(found / BLOCK) + 1) * BLOCK;
    }
    const none = whence === 3 ? -errno.ENXIO : bytes.length;
    const expected = at >= bytes.length ? -errno.ENXIO : found >= bytes.length ? none : found;
    assert.is(file.seek(at, whence), expected, why);
  }
}

test('a write takes what fits; where nothing does it is ENOSPC and leaves size, blocks and bytes as they were', () => {
  const store = new PooledStore(4 * BLOCK);
  const file = store.create();
  const other = store.create();
  fill(file, 0, 3 * BLOCK, 1);
  assert.is(
    other.write(BLOCK - 10, 4 * BLOCK, new ArrayBuffer(4 * BLOCK), 0),
    10,
    'up to the end of a block',
  );
  other.free();
  assert.is(other.write(0, 1, new ArrayBuffer(1), 0), 1);
  const before = content(file);
  assert.is(file.write(3 * BLOCK, 4 * BLOCK, new ArrayBuffer(4 * BLOCK), 0), -errno.ENOSPC);
  assert.equal(content(file), before);
  other.free();
  assert.is(store.capacity.used, 3 * BLOCK);
  assert.is(file.allocate(0, 5 * BLOCK, KEEP, true), -errno.ENOSPC);
  assert.is(file.allocate(0, 2 ** 53 - 1, KEEP, true), -errno.ENOSPC);
  assert.is(file.allocate(0, 4 * BLOCK, KEEP, true), 0, 'holes alone count');
  fill(file, 0, 4 * BLOCK, 2);
  file.free();
  assert.is(store.capacity.used, 0);
});

test('ranges at the end of what a file can be', () => {
  const file = new PooledStore(64 * BLOCK).create();
  const last = 2 ** 53 - 1;
  assert.is(file.setSize(last), 0);
  fill(file, last - 5000, 5000, 7);
  const out = new Uint8Array(6000);
  assert.is(file.read(last - 5500, 6000, out.buffer, 0), 5500);
  assert.is(out[499], 0);
  assert.is(out[500], 7);
  assert.is(out[5499], 7);
  assert.is(file.seek(0, 3), Math.floor((last - 5000) / BLOCK) * BLOCK);
  assert.is(file.punch(0, last, true), 0);
  assert.is(file.setSize(0), 0);
  file.stat(stat);
  assert.is(stat.blocks, 0);
});

test('data that crosses the border of two segments', () => {
  const space = new PooledSpace(2 ** 30 + 64 * BLOCK);
  const border = 2 ** 18;
  assert.is(space.segments.populate(border - 2, 4), 0);
  const data = Uint8Array.from({ length: 4 * BLOCK - 10 }, (_, i) => i % 251);
  space.segments.write(border - 2, 10, data.length, data, 0);
  const out = new Uint8Array(data.length);
  space.segments.read(border - 2, 10, data.length, out, 0);
  assert.equal(out, data);
  space.segments.zero(border - 1, 0, 2 * BLOCK);
  space.segments.read(border - 2, 10, data.length, out, 0);
  assert.is(out[2 * BLOCK - 11 - BLOCK], data[2 * BLOCK - 11 - BLOCK]);
  assert.ok(out.subarray(BLOCK - 10, 3 * BLOCK - 10).every(byte => byte === 0));
  space.segments.punch(border - 2, 4);
  assert.is(byteOf(space, border - 2), 0);
  assert.is(byteOf(space, border + 1), 0);
});

test('the size set to what it is frees what was preallocated beyond the end, as on tmpfs', () => {
  const store = new PooledStore(1 << 20);
  const file = store.create();
  assert.is(file.allocate(0, 100 * BLOCK, KEEP, false), 0);
  fill(file, 0, 5000, 7);
  assert.is(file.setSize(5000), 0);
  assert.is(store.capacity.used, 2 * BLOCK);
  assert.ok(content(file).equals(Buffer.alloc(5000, 7)));
});

test('a user has a quarter of the memory of extent maps for files with far blocks, and others go on: ENOSPC', () => {
  const store = new PooledStore(64 << 20);
  const files: StoredFile[] = [];
  /** A block far behind all others takes four pages of 4096. */
  const far = (uid: number): number => {
    const file = store.create(uid);
    files.push(file);
    return file.write(2 ** 50, 1, new ArrayBuffer(1), 0);
  };
  let count = 0;
  while (far(1001) === 1) count++;
  assert.ok(count > 200 && count <= 256, `${count} of 1024`);
  assert.ok(store.isShort(1001));
  assert.is(files.at(-1)!.fits(0, BLOCK), false);
  assert.not.ok(store.isShort(1002));
  assert.is(far(1002), 1);
  assert.is(far(0), 1);
  files[0]!.free();
  assert.is(far(1001), 1, 'what is freed is there again');
  // Blocks that are there take no more.
  assert.is(files[1]!.write(2 ** 50, 1, new ArrayBuffer(1), 0), 1);
});

test('free space in long runs is no more than --size leaves, though there are more blocks', () => {
  const store = new PooledStore(16 << 20, 1 << 30);
  assert.is(store.freeInLongRuns, 16 << 20);
  fill(store.create(), 0, 4 << 20, 1);
  assert.is(store.freeInLongRuns, 12 << 20);
});

test('times: every change moves mtime and ctime, reading moves nothing', () => {
  const file = new PooledStore(16 * BLOCK).create();
  file.stat(stat);
  const { mtime, mtimeNsec, atime, atimeNsec } = stat;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  content(file);
  file.stat(stat);
  assert.equal([stat.mtime, stat.mtimeNsec], [mtime, mtimeNsec]);
  fill(file, 0, 1, 1);
  file.stat(stat);
  assert.ok(stat.mtime > mtime || stat.mtimeNsec > mtimeNsec);
  assert.equal([stat.ctime, stat.ctimeNsec], [stat.mtime, stat.mtimeNsec]);
  assert.equal([stat.atime, stat.atimeNsec], [atime, atimeNsec]);
});

test('a held block that is freed goes to no file until its hold ends, and then it is zero', () => {
  const space = new PooledSpace(8 * BLOCK);
  const window = new Window();
  const blk = space.take(window, 0, 4);
  assert.is(space.run, 4);
  space.segments.populate(blk, 4);
  space.segments.write(blk, 0, 4 * BLOCK, new Uint8Array(4 * BLOCK).fill(9), 0);
  const hold = space.hold(blk + 1, 2);
  const other = space.hold(blk + 2, 1);
  space.give(blk, 4);
  assert.is(space.available, 6, 'the two that were never held are free');
  assert.is(byteOf(space, blk), 0);
  assert.is(byteOf(space, blk + 1), 9, 'what is held is left alone');
  assert.is(space.capacity.used, 2 * BLOCK);
  assert.is(space.release(hold), 0);
  assert.is(space.release(hold), -errno.ENOENT);
  assert.is(space.available, 6, 'the segment is still held, its guard cannot be lifted for new pages');
  assert.is(space.release(other), 0);
  assert.is(space.available, 8);
  assert.is(space.capacity.used, 0);
  assert.is(byteOf(space, blk + 1), 0);
});

test('a block that was held once gets new pages before it goes to another file', () => {
  const space = new PooledSpace(8 * BLOCK);
  const window = new Window();
  const blk = space.take(window, 0, 8);
  space.segments.populate(blk, 8);
  space.release(space.hold(blk, 1));
  const other = space.hold(blk + 5, 1);
  space.give(blk, 2);
  assert.is(space.available, 1, 'the first waits');
  space.release(other);
  assert.is(space.available, 2);
  const again = space.hold(blk + 5, 1);
  space.give(blk + 2, 1);
  assert.is(space.available, 3);
  space.release(again);
});

test('freed blocks are available at once, and zero before they are used, lent or held', () => {
  const space = new PooledSpace(512 * BLOCK);
  const window = new Window();
  const dirty = (n: number): number => {
    const blk = space.take(window, 0, n);
    assert.is(space.run, n);
    space.segments.populate(blk, n);
    space.segments.write(blk, 0, n * BLOCK, new Uint8Array(n * BLOCK).fill(9), 0);
    return blk;
  };
  const blk = dirty(3);
  const free = (at: number) => {
    space.give(at, 1);
    assert.is(byteOf(space, at), 9, 'its pages are not freed yet');
  };
  free(blk + 2);
  free(blk);
  assert.equal([space.available, space.capacity.used], [511, BLOCK]);
  assert.is(space.take(window, blk, 1), blk, 'the same block again');
  assert.equal([byteOf(space, blk), byteOf(space, blk + 2)], [0, 0]);
  const other = dirty(2);
  free(other);
  space.release(space.hold(other + 1, 1));
  assert.is(byteOf(space, other), 0);
  const third = dirty(2);
  free(third);
  assert.ok(space.lend(0) >= 0);
  assert.is(byteOf(space, third), 0);
  assert.ok(space.segments.reclaim(0));
  const last = dirty(1);
  while (space.available > 0) space.take(window, 0, space.available);
  free(last);
  assert.is(space.take(window, 0, 1), last, 'nothing else is left');
  assert.is(byteOf(space, last), 0);
});

test('many freed blocks are returned to the kernel', () => {
  const space = new PooledSpace(512 * BLOCK);
  const blk = space.take(new Window(), 0, 256);
  space.segments.populate(blk, 256);
  space.segments.write(blk, 0, 256 * BLOCK, new Uint8Array(256 * BLOCK).fill(9), 0);
  for (let i = 0; i < 256; i++) space.give(blk + ((i * 97) % 256), 1);
  assert.is(space.available, 512);
  for (let i = 0; i < 256; i++) assert.is(byteOf(space, blk + i), 0);
});

test.run();
