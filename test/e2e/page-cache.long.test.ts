// What only the kernel's page cache holds of a pooled file: stores through mappings. No reply of the daemon may lose
// one of them, though the kernel drops or rewrites pages when it has the reply.
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { type Actor, eventually, Stage } from '../support/actors.js';
import { Mounted, PATIENT } from '../support/mounted.js';
import { BLOCK, EXCLUSIVE, SHARED, SHARED_BREAKABLE, UNLCK } from '../support/numbers.js';
import { needing, suiteNeeding } from '../support/suites.js';

const MIB = 1 << 20;
const sources = fileURLToPath(new URL('../../../', import.meta.url));

suiteNeeding('pages of pooled files', ['mount', 'gcc'], test => {
  const pastTheCache = needing(test, 'mmap-of-direct-io');
  let mount: Mounted;
  const stage = new Stage();
  const built = mkdtempSync(join(tmpdir(), 'leasefs-racer-'));
  const racer = join(built, 'racer');
  let made = 0;
  let path = '';
  let a: Actor;
  let b: Actor;

  test.before(async () => {
    const { status, stderr } = spawnSync(
      'gcc',
      [
        '-Wall',
        '-Wextra',
        '-Werror',
        '-O1',
        '-I',
        join(sources, 'native/include'),
        join(sources, 'test/support/racer.c'),
        '-o',
        racer,
      ],
      { encoding: 'utf8' },
    );
    assert.is(status, 0, stderr);
    mount = await Mounted.start('--store', 'pooled', '--size', '64m', ...PATIENT);
  });
  test.before.each(async () => {
    path = mount.file(`f${made++}`);
    // A hole, a block of data, a hole.
    const fd = openSync(path, 'w');
    writeSync(fd, Buffer.alloc(BLOCK, 1), 0, BLOCK, BLOCK);
    ftruncateSync(fd, 3 * BLOCK);
    closeSync(fd);
    [a, b] = await stage.pair(path);
    await a.mmap(3 * BLOCK);
  });
  test.after.each(async () => {
    await stage.clear();
    unlinkSync(path);
  });
  test.after(async () => {
    await stage.close();
    await mount.stop();
    rmSync(built, { recursive: true });
  });

  /** What `a` has stored is there, by its mapping and by reads, and what `b` would write is not. */
  async function storesStay(...offsets: readonly number[]): Promise<void> {
    for (const off of offsets) {
      assert.is(await a.load(off), 0xaa, `the mapping, ${off}`);
      assert.is(await b.pread(off), 0xaa, `a read, ${off}`);
      assert.is(await a.load(off + 1), off < BLOCK || off >= 2 * BLOCK ? 0 : 1, `${off + 1}`);
    }
  }

  pastTheCache('X: a write that a lease refuses loses no store, nor are its bytes seen', async () => {
    await a.setLease(SHARED);
    await a.pin(BLOCK, BLOCK);
    await a.store(BLOCK + 100, 1, 0xaa);
    assert.is(await b.try.pwrite(0, 2 * BLOCK, 7), 'ETXTBSY', 'a hole in front');
    await storesStay(BLOCK + 100);
    await a.store(BLOCK + 200, 1, 0xaa);
    assert.is(await b.try.pwrite(BLOCK, 2 * BLOCK, 7), 'ETXTBSY', 'a hole behind');
    await storesStay(BLOCK + 100, BLOCK + 200);
  });

  pastTheCache('X, B5: a write that waits for a lease break and is interrupted loses no store', async () => {
    const c = await stage.actor(`c${made}`);
    await c.open(path, 2);
    await c.setLease(SHARED_BREAKABLE);
    await a.store(BLOCK + 100, 1, 0xaa);
    const writing = b.begin.pwrite(0, 2 * BLOCK, 7);
    await eventually('it waits', () => mount.report('status').waiters === 1);
    await a.store(BLOCK + 300, 1, 0xaa);
    await b.interrupt(writing);
    assert.is((await writing.result).verdict, 'EINTR');
    await storesStay(BLOCK + 100, BLOCK + 300);
  });

  pastTheCache('X: a write that finds no space loses no store', async () => {
    const big = mount.file('big');
    const fd = openSync(big, 'w');
    for (const piece of [MIB, BLOCK]) {
      assert.throws(
        () => {
          for (;;) writeSync(fd, Buffer.alloc(piece, 3));
        },
        (error: NodeJS.ErrnoException) => error.code === 'ENOSPC',
      );
    }
    await a.store(BLOCK + 100, 1, 0xaa);
    assert.is(await b.try.pwrite(0, 2 * BLOCK, 7), 'ENOSPC');
    await storesStay(BLOCK + 100);
    closeSync(fd);
    unlinkSync(big);
  });

  test('a write that waits and a store into its page while it waits are both there', async () => {
    const c = await stage.actor(`c${made}`);
    await c.open(path, 2);
    await c.setLease(SHARED_BREAKABLE);
    const writing = b.begin.pwrite(50, 10, 7);
    await eventually('it waits', () => mount.report('status').waiters === 1);
    await a.store(1000, 1, 0xaa);
    await a.store(55, 1, 0xbb);
    await c.setLease(UNLCK);
    assert.is((await writing.result).verdict, 'ok');
    for (const [off, byte] of [
      [50, 7],
      [54, 7],
      [55, 0xbb],
      [59, 7],
      [1000, 0xaa],
    ] as const) {
      assert.is(await b.pread(off), byte, `a read, ${off}`);
      assert.is(await a.load(off), byte, `the mapping, ${off}`);
    }
  });

  test('N7: the blocks that a pin fills are in st_blocks at once', async () => {
    assert.is(statSync(path).blocks, 8);
    await a.setLease(EXCLUSIVE);
    await a.pin(0, 3 * BLOCK);
    assert.is(statSync(path).blocks, 24);
  });

  for (const [how, what] of [
    ['punch', 'a punch that was answered before the pin drops no store that was made after it'],
    ['zero', 'a zero range that was answered before the pin drops no store that was made after it'],
    ['truncate', 'a truncate that was answered before the pin drops no store that was made after it'],
    ['open', 'an open with O_TRUNC that was answered before the pin drops no store that was made after it'],
    ['copy', 'copy_file_range drops no store into the rest of its pages, and is not lost itself'],
    ['write', 'write drops no store into the rest of its pages, and is not lost itself'],
  ] as const) {
    test(what, () => {
      const { status, stdout, stderr } = spawnSync(racer, [`${path}.${how}`, how, '200'], {
        encoding: 'utf8',
      });
      assert.is(status, 0, stderr);
      assert.is(stdout, 'stores lost: 0, writes lost: 0\n');
    });
  }
});
