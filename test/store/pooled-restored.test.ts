// The pooled store across the death of its daemon: each rule of what is freed, lent and exposed by itself.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { BLOCK } from '../../src/base/units.js';
import { native } from '../../src/native/binding.js';
import { Extent, type StoredFile } from '../../src/store/file-store.js';
import { PooledStore } from '../../src/store/pooled-store.js';
import { PooledWorld } from '../support/pooled-world.js';
import { bytesOf, extentsOf, statOf, write } from '../support/stored-file.js';
import { needing } from '../support/suites.js';

const MIB = 1 << 20;
const test = suite('pooled store across deaths');

test('many extents are swept in steps while files change, come and go', () => {
  const world = new PooledWorld({ size: 64 * MIB, small: 1000 });
  const files = Array.from({ length: 6 }, () => world.store.create());
  for (let i = 0; i < 3000; i++) {
    const n = i % files.length;
    const file = files[n]!;
    write(file, ((i * 7) % 1000) * 2 * BLOCK, BLOCK, 1 + (i % 200));
    if (i % 3 === 0) assert.is(file.punch(((i * 11) % 1000) * 2 * BLOCK, BLOCK, true), 0);
    if (i % 500 === 499) {
      file.free();
      files[n] = world.store.create();
    }
    world.commit();
  }
  assert.ok(world.journal.rewritten > 5, `${world.journal.rewritten}`);
  const { used } = world.store.capacity;
  const next = world.died();
  for (const file of files) {
    const now = next.restored(file);
    assert.equal(statOf(now), statOf(file));
    assert.equal(extentsOf(now), extentsOf(file));
    assert.ok(bytesOf(now).equals(bytesOf(file)));
  }
  assert.is(next.store.freeUnclaimed(), 0);
  assert.is(next.store.capacity.used, used);
});

test('numbers are never used again', () => {
  const world = new PooledWorld({ size: MIB, small: 100 });
  const numbers = new Set<number>();
  for (let i = 0; i < 50; i++) {
    const file = world.store.create();
    numbers.add(file.number);
    world.commit();
    file.free();
    world.commit();
  }
  assert.is(numbers.size, 50);
  assert.ok(world.journal.rewritten > 0);
  assert.ok(!numbers.has(world.died().store.create().number));
});

for (const change of ['truncate', 'punch'] as const) {
  test(`a ${change} before whose commit the daemon dies has freed nothing; behind it, all`, () => {
    for (const blocks of [1, 200, 3000]) {
      const world = new PooledWorld({ size: 64 * MIB });
      const frees = (file: StoredFile): void => {
        while ((change === 'punch' ? file.punch(0, blocks * BLOCK, true) : file.setSize(0)) !== 0);
      };
      const file = world.store.create();
      write(file, 0, blocks * BLOCK, 7);
      world.commit();
      frees(file);
      assert.is(world.store.capacity.used, 0);
      while (world.store.tidy());
      world.store.freeInLongRuns;
      const next = world.died();
      const now = next.restored(file);
      assert.ok(bytesOf(now).equals(Buffer.alloc(blocks * BLOCK, 7)), `${blocks} blocks`);
      frees(now);
      next.commit();
      assert.is(next.died().populated, 0);
    }
  });
}

test('a deleted file is freed at once, and a death on the way frees the rest', () => {
  for (const blocks of [1, 200, 3000]) {
    const world = new PooledWorld({ size: 64 * MIB });
    const file = world.store.create();
    write(file, 0, blocks * BLOCK, 7);
    world.commit();
    file.free();
    assert.is(world.store.capacity.used, 0);
    const next = world.died();
    assert.is(next.store.capacity.used, blocks * BLOCK);
    assert.is(next.store.freeUnclaimed(), 1);
    assert.is(next.store.capacity.used, 0);
    next.commit();
    const last = next.died();
    assert.is(last.store.freeUnclaimed(), 0);
    assert.is(last.populated, 0);
  }
});

test('what a commit frees is freed bit by bit', () => {
  const world = new PooledWorld({ size: 64 * MIB });
  let calls = 0;
  world.store['space'].onLeft = () => calls++;
  const file = world.store.create();
  write(file, 0, 3000 * BLOCK, 7);
  world.commit();
  while (file.setSize(0) !== 0);
  assert.not(world.store.tidy(), 'nothing may be freed before the commit');
  assert.is(world.populated, 3000);
  world.commit();
  assert.is(calls, 1);
  assert.ok(world.populated > 2000);
  while (world.store.tidy());
  world.store.freeInLongRuns;
  assert.is(world.populated, 0);
});

test('what is freed and not committed is used where nothing else is left', () => {
  const world = new PooledWorld({ size: 4 * MIB });
  const big = world.store.create();
  write(big, 0, 4 * MIB, 7);
  world.commit();
  while (big.setSize(0) !== 0);
  const file = world.store.create();
  write(file, 0, 4 * MIB, 8);
  world.commit();
  const next = world.died();
  assert.ok(bytesOf(next.restored(file)).equals(Buffer.alloc(4 * MIB, 8)));
  assert.is(next.store.capacity.used, 4 * MIB);
});

test('a write without its commit leaves no byte in free blocks', () => {
  const world = new PooledWorld({ size: 4 * MIB });
  const file = world.store.create();
  write(file, 0, 10 * BLOCK, 7);
  world.commit();
  write(file, 10 * BLOCK, 500 * BLOCK, 8);
  write(world.store.create(), 0, 100 * BLOCK, 9);
  const next = world.died();
  assert.is(next.populated, 10);
  const other = next.store.create();
  assert.is(other.allocate(0, 900 * BLOCK, false, true), 0);
  assert.is(other.commit(0, 900 * BLOCK), 0);
  assert.ok(bytesOf(other).every(byte => byte === 0));
});

test('a file that two have, a segment that is missing or cut, a file that is not known: refused', () => {
  const world = new PooledWorld({ size: 4 * MIB });
  const file = world.store.create();
  write(file, 0, 10 * BLOCK, 7);
  world.commit();
  assert.throws(() => world.store.restored(77, 0), /no file 77/);
  assert.throws(
    () => new PooledStore(MIB).adoptSegment(0, native.memfdCreate('cut')),
    /segment 0 has 0 bytes/,
  );
  world['segments'].clear();
  assert.throws(() => world.died(), /segment 0 of the store is missing/);
  const twice = new PooledWorld({ size: 4 * MIB });
  const other = twice.store.create();
  write(other, 0, 10 * BLOCK, 7);
  twice.store['space'].records!.blocks(99, 0, 5, 1);
  twice.commit();
  assert.throws(() => twice.died(), /two files/);
});

/** Maps what a client was lent. */
function mapped(fd: number, { store, len }: Extent): ArrayBuffer {
  const own = native.dup(fd);
  const memory = native.map(own.fd, store, len, 3);
  own.close();
  return memory;
}

for (const freedBefore of [true, false]) {
  for (const small of [100, MIB]) {
    const when = freedBefore ? 'before' : 'after';
    const journal = small === MIB ? '' : ', with a journal written anew';
    test(`granted blocks that are freed ${when} the death wait for the client's last mapping${journal}`, () => {
      const world = new PooledWorld({ size: 4 * MIB, small });
      let file = world.store.create();
      write(file, 0, MIB, 5);
      const [extent] = extentsOf(file);
      const memory = mapped(world.store.newGrant(0).add(extent!), extent!);
      world.commit();
      if (freedBefore) file.free();
      for (let i = 0; i < 100; i++) {
        write(world.store.create(), 0, 1, 1);
        world.commit();
      }
      assert.is(world.journal.rewritten > 0, small !== MIB);
      const next = world.died();
      if (!freedBefore) {
        file = next.restored(file);
        file.free();
        next.commit();
      }
      next.store.freeUnclaimed();
      next.commit();
      assert.is(next.store.lent().kept, MIB);
      assert.is(next.store.capacity.used, MIB);
      const other = next.store.create();
      write(other, 0, 3 * MIB, 1);
      next.commit();
      assert.is(other.write(3 * MIB, 1, new ArrayBuffer(1), 0), -errno.ENOSPC);
      new Uint8Array(memory).fill(9);
      native.unmap(memory);
      assert.is(other.write(3 * MIB, 1, new ArrayBuffer(1), 0), 1);
      assert.is(next.store.capacity.used, 3 * MIB + BLOCK);
      other.setSize(3 * MIB + BLOCK);
      assert.is(bytesOf(other)[3 * MIB + 1], 0, 'what the client has written since is gone');
      next.commit();
      assert.is(next.died().store.lent().kept, 0);
    });
  }
}

test('a grant goes on: it holds its blocks, and its client is granted more of the segment', () => {
  const world = new PooledWorld({ size: 4 * MIB });
  const file = world.store.create();
  write(file, 0, MIB, 5);
  const [extent] = extentsOf(file);
  const part = Object.assign(new Extent(), extent, { len: MIB / 2 });
  const held: number[] = [];
  const grant = world.store.newGrant(0, (blk, n) => held.push(blk, n));
  const memory = mapped(grant.add(part), part);
  assert.ok(grant.add(part) > 0, 'which changes nothing');
  world.commit();
  const next = world.died();
  const now = next.restored(file);
  const restored = next.store.newGrant(0);
  restored.restore(held[0]!, held[1]!);
  assert.equal([restored.bytes, restored.runs, held.length], [grant.bytes, grant.runs, 2]);
  now.setSize(0);
  next.commit();
  assert.is(next.store.capacity.used, MIB / 2, 'what is held waits');
  native.unmap(memory);
  write(now, 0, MIB, 6);
  assert.is(next.store.capacity.used, MIB + MIB / 2);
  assert.ok(restored.add(extentsOf(now)[0]!) >= 0);
  restored.release();
  now.setSize(0);
  next.commit();
  assert.is(next.store.capacity.used, 0);
});

needing(test, 'root')(
  'the client of a grant that goes on maps the guarded segment and is granted more',
  () => {
    const world = new PooledWorld({ size: 4 * MIB });
    const file = world.store.create();
    write(file, 0, MIB, 5);
    const [extent] = extentsOf(file);
    const grant = world.store.newGrant(0);
    const memory = mapped(grant.add(extent!), extent!);
    world.commit();
    const next = world.died();
    next.restored(file);
    assert.is(next.store.newGrant(0).add(extent!), -errno.EBUSY);
    const restored = next.store.newGrant(0);
    restored.restore(grant.runs[0]!, grant.runs[1]!);
    assert.ok(restored.add(extent!) >= 0);
    native.unmap(memory);
  },
);

test('what a segment that is lent has in free blocks is zero, and they are used', () => {
  const world = new PooledWorld({ size: 4 * MIB });
  const file = world.store.create();
  write(file, 0, BLOCK, 5);
  const [extent] = extentsOf(file);
  const memory = mapped(world.store.newGrant(0).add(extent!), extent!);
  world.commit();
  write(world.store.create(), 0, 2 * MIB, 6);
  const next = world.died();
  assert.is(next.store.capacity.used, BLOCK);
  next.restored(file);
  const other = next.store.create();
  assert.is(other.allocate(0, 4 * MIB - BLOCK, false, true), 0);
  assert.is(other.commit(0, 4 * MIB - BLOCK), 0);
  assert.ok(bytesOf(other).every(byte => byte === 0));
  native.unmap(memory);
});

test('a block that a client had gets new pages after a death too', () => {
  const world = new PooledWorld({ size: 4 * MIB, small: 100 });
  const file = world.store.create();
  write(file, 0, MIB, 5);
  const [extent] = extentsOf(file);
  const grant = world.store.newGrant(0);
  grant.add(extent!);
  grant.release();
  for (let i = 0; i < 50; i++) {
    write(file, 0, 1, 1);
    world.commit();
  }
  assert.ok(world.journal.rewritten > 0);
  const next = world.died();
  const space = next.store['space'];
  const blk = extent!.store / BLOCK;
  assert.ok(space.exposed!.has(blk) && space.exposed!.has(blk + 255) && !space.exposed!.has(blk + 256));
  assert.is(next.store.lent().byIno.size, 0, 'no client has the segment');
  next.restored(file).free();
  next.commit();
  next.store.freeInLongRuns;
  assert.not(space.exposed!.has(blk));
  next.commit();
  assert.not(next.died().store['space'].exposed?.has(blk) ?? false);
});

test('what was freed and awaits its commit when a segment is lent waits by the rules for it', () => {
  const world = new PooledWorld({ size: 4 * MIB });
  const file = world.store.create();
  write(file, 0, MIB, 5);
  const gone = world.store.create();
  write(gone, 0, 2 * MIB, 6);
  world.commit();
  while (gone.setSize(0) !== 0);
  assert.is(world.store.capacity.used, MIB);
  const [extent] = extentsOf(file);
  assert.ok(world.store.newGrant(0).add(extent!) >= 0);
  assert.is(world.store.capacity.used, 3 * MIB, 'until the commit');
  world.commit();
  assert.is(world.store.capacity.used, MIB);
  write(file, MIB, 3 * MIB, 7);
});

test('the first hold of all is refused, and a block of the segment is freed', () => {
  const store = new PooledStore(4 * MIB, 4 * MIB, 0);
  const file = store.create();
  write(file, 0, MIB, 5);
  const [extent] = extentsOf(file);
  assert.is(store.newGrant(1000).add(extent!), -errno.ENOLCK);
  assert.is(file.punch(0, BLOCK, true), 0);
});

test.run();
