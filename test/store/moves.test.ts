// A direct file's way into the pool and back: nothing of it changes, and what is in use stays.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { native, PROT_READ, PROT_WRITE } from '../../src/native/binding.js';
import { DirectStore } from '../../src/store/direct-store.js';
import { FileStat, type StoredFile } from '../../src/store/file-store.js';
import { newSeed, random } from '../support/random.js';

const BLOCK = 4096;
const SIZE = 64 << 20;
const O_RDWR = 2;

const test = suite('moves');
const stat = new FileStat();

function content(file: StoredFile): Buffer {
  const out = Buffer.alloc(file.size());
  assert.is(file.read(0, out.length, out.buffer as ArrayBuffer, out.byteOffset), out.length);
  return out;
}

function fill(file: StoredFile, off: number, len: number, byte: number): void {
  assert.is(file.write(off, len, new Uint8Array(len).fill(byte).buffer, 0), len);
}

function moved(what: StoredFile | number): StoredFile {
  if (typeof what === 'number') throw new Error(`not moved: ${what}`);
  return what;
}

test('size, bytes, holes and blocks are the same after each of many moves', () => {
  const seed = newSeed();
  const pick = random(seed);
  for (let round = 0; round < 60; round++) {
    const store = new DirectStore(SIZE);
    let file = store.create('test');
    const naive = Buffer.alloc(40 * BLOCK);
    let size = 0;
    for (let step = 0; step < 12; step++) {
      const off = pick(30 * BLOCK);
      const len = 1 + pick(9 * BLOCK);
      const what = pick(5);
      if (what <= 1) {
        fill(file, off, len, step + 1);
        naive.fill(step + 1, off, off + len);
        size = Math.max(size, off + len);
      } else if (what === 2) {
        assert.is(file.punch(off, len, true), 0);
        naive.fill(0, off, Math.max(off, Math.min(off + len, size)));
      } else if (what === 3) {
        assert.is(file.setSize(off), 0);
        naive.fill(0, off);
        size = off;
      } else {
        file.stat(stat);
        const { blocks } = stat;
        const out = file.backing >= 0;
        file = moved(out ? store.moves.out(file) : store.moves.in(file, 'test'));
        assert.is(file.backing < 0, out);
        file.stat(stat);
        assert.is(stat.blocks, blocks, `seed ${seed}`);
        assert.is(store.moves.descriptors, out ? 0 : 1);
        assert.is(store.capacity.used, blocks * 512, `seed ${seed}`);
      }
      assert.is(Buffer.compare(content(file), naive.subarray(0, size)), 0, `seed ${seed} round ${round}`);
    }
    file.free();
    assert.is(store.capacity.used, 0);
    assert.is(store.moves.descriptors, 0);
  }
});

test('EAGAIN while a process maps it or has it open', () => {
  const store = new DirectStore(SIZE);
  const file = store.create('test');
  fill(file, 0, BLOCK, 1);
  const other = native.open(`/proc/self/fd/${file.backing}`, 0);
  const memory = native.map(other.fd, 0, BLOCK, PROT_READ);
  assert.is(store.moves.out(file), -errno.EAGAIN);
  other.close();
  assert.is(store.moves.out(file), -errno.EAGAIN);
  assert.is(native.unmap(memory), 0);
  moved(store.moves.out(file)).free();
});

test('EBUSY while the kernel has a page pinned; the file is what it was, and moves when the pin is gone', () => {
  const store = new DirectStore(SIZE);
  const file = store.create('test');
  fill(file, 0, 3 * BLOCK, 1);
  // As the mapping of an application: through a description of its own.
  native.setImmutable(file.backing, false);
  const other = native.open(`/proc/self/fd/${file.backing}`, O_RDWR);
  native.setImmutable(file.backing, true);
  const memory = native.map(other.fd, 0, 3 * BLOCK, PROT_READ | PROT_WRITE);
  const ring = native.uring(1);
  assert.is(ring.register(memory, BLOCK, BLOCK), 0);
  native.unmap(memory);
  other.close();
  assert.is(store.moves.out(file), -errno.EBUSY);
  fill(file, 0, BLOCK, 2);
  assert.is(content(file)[0], 2);
  assert.is(content(file)[BLOCK], 1);
  assert.is(ring.unregister(), 0);
  const there = moved(store.moves.out(file));
  assert.is(content(there)[BLOCK], 1);
  there.free();
  ring.close();
});

test('blocks beyond the end do not move', () => {
  const store = new DirectStore(SIZE);
  const file = store.create('test');
  assert.is(file.allocate(0, 8 * BLOCK, true, true), 0);
  assert.is(store.moves.out(file), -errno.EBUSY);
  file.stat(stat);
  assert.is(stat.blocks, 64);
  file.free();
});

test('ENOSPC when the pool is full of what passthrough wrote beyond --size', () => {
  const store = new DirectStore(4 * BLOCK);
  const first = store.create('first');
  const second = store.create('second');
  for (const file of [first, second]) {
    native.ftruncate(file.backing, 3 * BLOCK);
    native.pwrite(file.backing, new ArrayBuffer(3 * BLOCK), 0, 3 * BLOCK, 0);
  }
  const there = moved(store.moves.out(first));
  assert.is(store.moves.out(second), -errno.ENOSPC);
  fill(second, 0, 1, 7);
  assert.is(content(second)[0], 7);
  moved(store.moves.in(there, 'first')).free();
  second.free();
  assert.is(store.capacity.used, 0);
});

test.run();
