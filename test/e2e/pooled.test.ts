// What the pooled store adds to the rules: writes that change the layout (X8), a size that is a promise, mappings of the
// page cache. The rest of the rules run on both stores in rules.test.ts.
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import * as assert from 'uvu/assert';
import { native } from '../../src/native/binding.js';
import { type Actor, eventually, waitsForBreak } from '../support/actors.js';
import { PATIENT } from '../support/mounted.js';
import { BLOCK, EXCLUSIVE, O_NONBLOCK, O_RDWR, SHARED, SHARED_BREAKABLE, UNLCK } from '../support/numbers.js';
import { mountedSuite, needing } from '../support/suites.js';

const MIB = 1 << 20;
const SIZE = 64 * MIB;

const options = { store: 'pooled', args: ['--size', '64m', ...PATIENT] } as const;
mountedSuite('pooled store, mounted', options, ({ test, mount, stage }) => {
  let made = 0;
  let path = '';
  let a: Actor;
  let b: Actor;

  test.before.each(async () => {
    path = mount.file(`f${made++}`);
    // A block of data, a hole of three.
    const fd = openSync(path, 'w');
    writeSync(fd, Buffer.alloc(BLOCK, 1));
    ftruncateSync(fd, 4 * BLOCK);
    closeSync(fd);
    [a, b] = await stage.pair(path);
  });
  test.after.each(async () => {
    await stage.clear();
    unlinkSync(path);
  });

  test('X8: a write into present blocks asks no lease, one into a hole or beyond the end is refused', async () => {
    await a.setLease(SHARED);
    await b.pwrite(0, 100, 5);
    assert.is(await b.try.pwrite(BLOCK, 1, 5), 'ETXTBSY');
    assert.is(await b.try.pwrite(4 * BLOCK, 1, 5), 'ETXTBSY');
    assert.is(await a.try.pwrite(0, BLOCK + 1, 5), 'EDEADLK', 'X3');
    const { size, blocks } = statSync(path);
    assert.equal([size, blocks], [4 * BLOCK, 8]);
    assert.match(mount.log(), `write [${BLOCK}, ${BLOCK + 1})`);
  });

  test('X8: such a write breaks a breakable lease, waits for it, and then is done', async () => {
    await a.setLease(SHARED_BREAKABLE);
    const writing = b.begin.pwrite(2 * BLOCK + 10, 1, 7);
    assert.ok(await waitsForBreak(mount, path, writing));
    assert.is(statSync(path).blocks, 8);
    await a.setLease(UNLCK);
    assert.is((await writing.result).verdict, 'ok');
    assert.is(readFileSync(path)[2 * BLOCK + 10], 7);
  });

  test('X8, B4: with O_NONBLOCK it answers EWOULDBLOCK at once', async () => {
    await a.setLease(SHARED_BREAKABLE);
    await b.open(path, O_RDWR | O_NONBLOCK, { slot: 1 });
    assert.is(await b.try.pwrite(4 * BLOCK, 1, 7, { slot: 1 }), 'EAGAIN');
  });

  test('X8: the exclusive owner extends beside its pins', async () => {
    await a.setLease(EXCLUSIVE);
    await a.pin(0, BLOCK);
    await a.pwrite(4 * BLOCK, BLOCK, 3);
    await a.pwrite(BLOCK, BLOCK, 3);
    assert.is(await b.try.pwrite(5 * BLOCK, 1, 3), 'ETXTBSY');
  });

  test('X8: writeback of a mapping never waits and is never refused', async () => {
    await b.mmap(4 * BLOCK);
    await a.setLease(SHARED);
    await b.store(3 * BLOCK, 1, 9);
    await b.munmap();
    await b.close();
    await eventually('it is in the store', () => statSync(path).blocks === 16);
    assert.is(readFileSync(path)[3 * BLOCK], 9);
  });

  // Before, copy_file_range of a pooled file that is open for writing goes by read and write, which allocates.
  needing(test, 'mmap-of-direct-io')(
    'X8: copy_file_range that would allocate is refused, and a hole is copied onto a hole for nothing',
    async () => {
      await a.setLease(SHARED);
      const from = openSync(path, 'r');
      const to = openSync(path, 'r+');
      const ETXTBSY = 26;
      assert.is(native.copyFileRange(from, 0, to, 2 * BLOCK, BLOCK), -ETXTBSY);
      assert.is(native.copyFileRange(from, BLOCK, to, 2 * BLOCK, BLOCK), BLOCK);
      assert.is(native.copyFileRange(from, BLOCK, to, 4 * BLOCK, BLOCK), -ETXTBSY);
      assert.is(fstatSync(to).blocks, 8);
      await a.setLease(UNLCK);
      assert.is(native.copyFileRange(from, BLOCK, to, 4 * BLOCK, BLOCK), BLOCK);
      assert.equal([fstatSync(to).size, fstatSync(to).blocks], [5 * BLOCK, 8]);
      assert.is(native.copyFileRange(from, 0, to, 2 * BLOCK, BLOCK), BLOCK);
      assert.is(readFileSync(path)[2 * BLOCK], 1);
      closeSync(from);
      closeSync(to);
    },
  );

  test('the size is a promise: write, fallocate and pin answer ENOSPC, what is freed can be had again', async () => {
    const big = mount.file('big');
    for (let round = 0; round < 3; round++) {
      const fd = openSync(big, 'w');
      let written = 0;
      for (const piece of [MIB, BLOCK]) {
        assert.throws(
          () => {
            for (;;) written += writeSync(fd, Buffer.alloc(piece, round));
          },
          (error: NodeJS.ErrnoException) => error.code === 'ENOSPC',
        );
      }
      assert.is(written, SIZE - BLOCK, 'all but the block of the other file');
      assert.is(statfsSync(mount.path).bavail, 0);
      assert.is(await b.try.pwrite(BLOCK, 1, 3), 'ENOSPC');
      assert.is(await b.try.pwrite(0, 1, 3), 'ok');
      assert.is(await b.try.fallocate(0, BLOCK, BLOCK), 'ENOSPC');
      await a.setLease(EXCLUSIVE);
      assert.is(await a.try.pin(0, 2 * BLOCK), 'ENOSPC');
      assert.is(mount.report('pins').pins.length, 0);
      await a.setLease(UNLCK);
      closeSync(fd);
      unlinkSync(big);
      await eventually('it is free again', () => statfsSync(mount.path).bavail === (SIZE - BLOCK) / BLOCK);
    }
  });

  test('mappings of two processes see one another, and read(2)', async () => {
    for (const actor of [a, b]) await actor.mmap(4 * BLOCK);
    await a.store(BLOCK + 1, 1, 42);
    assert.is(await b.load(BLOCK + 1), 42);
    assert.is(await b.pread(BLOCK + 1), 42);
    await b.pwrite(2, 1, 43);
    assert.is(await a.load(2), 43);
  });

  test('many small files and their ends leave nothing behind', async () => {
    const before = mount.report('status').used;
    for (let i = 0; i < 300; i++) writeFileSync(mount.file(`small${i}`), Buffer.alloc(1 + i * 50, i));
    for (let i = 0; i < 300; i++) {
      const read = readFileSync(mount.file(`small${i}`));
      assert.is(read.length, 1 + i * 50);
      assert.is(read[i], i < 256 ? i : i - 256);
    }
    for (let i = 0; i < 300; i++) unlinkSync(mount.file(`small${i}`));
    // The RELEASE and FORGET of the last ones come asynchronously.
    await eventually('their blocks are free', () => mount.report('status').used === before);
  });

  test('status says which store and why', () => {
    const { store, storeReason, reason } = mount.report('status');
    assert.equal([store, storeReason, reason], ['pooled', '--store=pooled', '--store=pooled']);
  });
});
