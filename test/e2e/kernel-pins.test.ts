// N10: pins of the kernel that were not registered, by real processes with real registered buffers of io_uring.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { Calls } from '../../src/client/calls.js';
import { LeaseFile } from '../../src/client/index.js';
import { openSegment, readLayout } from '../../src/client/layout.js';
import { native } from '../../src/native/binding.js';
import { isInExec } from '../../src/process/proc-text.js';
import { type Actor, eventually, isParked } from '../support/actors.js';
import { USER } from '../support/hostile.js';
import { cli, Mounted } from '../support/mounted.js';
import { BLOCK, EXCLUSIVE, O_RDWR, O_TRUNC, SHARED_BREAKABLE, UNLCK } from '../support/numbers.js';
import { publicCli } from '../support/public-copy.js';
import { whileInExec } from '../support/stuck-in-exec.js';
import { mountedSuite, needing } from '../support/suites.js';

const O_NOATIME = 0o1000000;
const ZERO = 16;
const SETUP_SQPOLL = 2;

// The kernel pins memory of direct files alone.
mountedSuite('kernel pins that were not registered', { store: 'direct' }, ({ test, mount, stage }) => {
  let files = 0;

  /** A file of eight blocks; a process that maps it and has its first two pinned by a ring, both in slot 0. */
  const scene = async (
    setup = 0,
    table = 0,
  ): Promise<{ path: string; holder: Actor; other: Actor; truncate: () => Promise<string> }> => {
    const path = mount.file(`f${++files}`);
    writeFileSync(path, Buffer.alloc(8 * BLOCK, 1));
    const holder = await stage.actor(`holder${files}`);
    const other = await stage.actor(`other${files}`);
    await holder.open(path, O_RDWR);
    await holder.mmap(8 * BLOCK);
    await holder.close();
    await holder.registerBuffer(2 * BLOCK, { setup, table });
    return { path, holder, other, truncate: () => other.try.truncate(path, 0) };
  };
  const searches = (): number => mount.report('status').kernelPinSearches;

  test('N10: each call that frees or clears a pinned block is refused, the rest of the file goes on', async () => {
    const { path, holder, other, truncate } = await scene();
    assert.is(await truncate(), 'ETXTBSY');
    assert.is(await other.try.open(path, O_RDWR | O_TRUNC, { slot: 1 }), 'ETXTBSY');
    await other.open(path, O_RDWR, { slot: 1 });
    assert.is(await other.try.ftruncate(BLOCK, { slot: 1 }), 'ETXTBSY');
    assert.is(await other.try.punch(BLOCK, BLOCK, { slot: 1 }), 'ETXTBSY');
    assert.is(await other.try.punch(100, 100, { slot: 1 }), 'ETXTBSY');
    assert.is(await other.try.fallocate(ZERO, 0, 4 * BLOCK, { slot: 1 }), 'ETXTBSY');
    assert.is(await holder.try.truncate(path, 0), 'EDEADLK');
    assert.is(await other.try.punch(2 * BLOCK, 2 * BLOCK, { slot: 1 }), 'ok');
    assert.is(await other.try.ftruncate(4 * BLOCK, { slot: 1 }), 'ok');
    assert.is(await other.try.ftruncate(16 * BLOCK, { slot: 1 }), 'ok');
    // What a device writes arrives.
    await holder.fixedRead(0, BLOCK, 7);
    assert.is(await other.pread(0, { slot: 1 }), 7);
  });

  test('N10: the log names the process, the ring, the range and the rule', async () => {
    const { holder, truncate } = await scene();
    const before = mount.log().length;
    await truncate();
    const line = mount.log().slice(before);
    assert.match(line, 'ETXTBSY (Text file busy) [X1]; kernel pin [0, 8192)');
    assert.match(line, new RegExp(`of ${holder.pid} \\(actor\\) by io_uring \\d+, .*\\[N10\\]`));
  });

  test('N10: unregistering, closing the ring and the death of its process each end it', async () => {
    const one = await scene();
    await one.holder.unregisterBuffer();
    assert.is(await one.truncate(), 'ok');
    const two = await scene();
    await two.holder.closeRing();
    await eventually('the ring to be gone', async () => (await two.truncate()) === 'ok');
    const three = await scene();
    assert.is(await three.truncate(), 'ETXTBSY');
    await three.holder.kill();
    await eventually('the process to be gone', async () => (await three.truncate()) === 'ok');
  });

  test('N10: a forked child keeps the ring, and with it the pin', async () => {
    const { path, holder, truncate } = await scene();
    const child = await holder.fork(`child${files}`);
    assert.is(await holder.try.truncate(path, 0), 'EDEADLK');
    assert.is(await child.try.truncate(path, 0), 'ETXTBSY', 'it is not its own doing');
    await holder.kill();
    assert.is(await truncate(), 'ETXTBSY');
    assert.is(await child.try.truncate(path, 0), 'ETXTBSY');
    await child.kill();
    await eventually('the child to be gone', async () => (await truncate()) === 'ok');
  });

  test('N10: rings with a thread of their own and sparse tables of buffers are seen', async () => {
    assert.is(await (await scene(SETUP_SQPOLL)).truncate(), 'ETXTBSY');
    assert.is(await (await scene(0, 40)).truncate(), 'ETXTBSY');
    assert.is(await (await scene(SETUP_SQPOLL, 1)).truncate(), 'ETXTBSY');
  });

  test('N10: a ring that is in use all the time does not hide its buffers', async () => {
    const { holder, truncate } = await scene();
    const spinning = [1, 2].map(() => holder.begin.spinRing(600));
    for (let i = 0; i < 20; i++) assert.is(await truncate(), 'ETXTBSY');
    for (const { result } of spinning) assert.is((await result).verdict, 'ok');
  });

  test('N10: others are served while a search goes on', async () => {
    const { holder, truncate } = await scene();
    const spinning = [1, 2].map(() => holder.begin.spinRing(2000));
    await eventually('a change that is parked', async () => {
      const asked = truncate();
      let parked = false;
      for (let i = 0; i < 10 && !parked; i++) {
        // This takes turns with the actor, whose command has just been sent.
        await new Promise(resolve => setImmediate(resolve));
        parked = mount.report('status').waiters > 0;
      }
      assert.is(await asked, 'ETXTBSY');
      return parked;
    });
    await holder.kill();
    await Promise.all(spinning.map(({ result }) => result));
  });

  test('N10: memory that was unmapped or moved since is not seen: such a pin protects nothing', async () => {
    const one = await scene();
    await one.holder.move();
    assert.is(await one.truncate(), 'ok');
    const two = await scene();
    await two.holder.munmap();
    assert.is(await two.truncate(), 'ok');
  });

  test('N10: without a descriptor to look with the change is refused, and changes nothing', async () => {
    const { path, other } = await scene();
    await other.open(path, O_RDWR, { slot: 1 });
    const limits = `/proc/${mount.pid}/limits`;
    const [, soft, hard] = /^Max open files +(\d+) +(\d+)/m.exec(readFileSync(limits, 'utf8'))!;
    const limit = (count: number | string) => {
      assert.is(spawnSync('prlimit', ['--pid', `${mount.pid}`, `--nofile=${count}:${hard}`]).status, 0);
    };
    // Twice: with and without the thread that looks.
    for (let round = 0; round < 2; round++) {
      limit(3);
      const verdict = await other.try.ftruncate(0, { slot: 1 });
      limit(soft!);
      assert.ok(verdict === 'EAGAIN' || verdict === 'ETXTBSY', verdict);
      assert.is(statSync(path).size, 8 * BLOCK);
      assert.is(await other.try.ftruncate(0, { slot: 1 }), 'ETXTBSY');
    }
  });

  const held = needing(test, 'gcc', 'flush-at-close');
  held('N10: a process in exec(2) that its own server holds up is left out of the search', async () => {
    const { path, other, truncate } = await scene();
    await other.open(path, O_RDWR, { slot: 1 });
    await whileInExec(async pid => {
      assert.is(await truncate(), 'ETXTBSY');
      assert.is(await other.try.punch(4 * BLOCK, BLOCK, { slot: 1 }), 'ok');
      assert.ok(isInExec(pid), 'the search did not wait for it');
    });
  });

  test('N10: a kernel pin breaks no lease and refuses none', async () => {
    const { path, holder, other, truncate } = await scene();
    await other.open(path, O_RDWR, { slot: 1 });
    await other.setLease(SHARED_BREAKABLE, { slot: 1 });
    assert.is(await holder.try.truncate(path, 0), 'EDEADLK');
    const { kind, breakMs } = await other.lease({ slot: 1 });
    assert.equal([kind, breakMs], [SHARED_BREAKABLE, 0]);
    assert.is(await truncate(), 'ETXTBSY');
  });

  test('N10: a pin that comes while a change waits for a lease is found when the wait is over', async () => {
    const { path, holder, other } = await scene();
    await holder.unregisterBuffer();
    await holder.open(path, O_RDWR, { slot: 1 });
    await holder.setLease(SHARED_BREAKABLE, { slot: 1 });
    const waiting = other.begin.truncate(path, 0);
    assert.ok(await isParked(mount, waiting));
    await holder.closeRing();
    await holder.registerBuffer(BLOCK);
    await holder.setLease(UNLCK, { slot: 1 });
    assert.is((await waiting.result).verdict, 'ETXTBSY');
    assert.is(statSync(path).size, 8 * BLOCK);
  });

  test('N10: no search while no process has the file, where no block is freed, and in new blocks', async () => {
    const { other } = await scene();
    const path = mount.file('alone');
    writeFileSync(path, Buffer.alloc(8 * BLOCK, 1));
    readFileSync(path);
    // RELEASE of the last close comes asynchronously.
    await eventually('the file to be closed', async () => {
      const before = searches();
      await other.truncate(path, statSync(path).size - 1);
      return searches() === before;
    });
    const fd = openSync(path, 'r+');
    const after = searches();
    spawnSync('truncate', ['-s', '1m', path]);
    spawnSync('truncate', ['-s', '64k', path]);
    spawnSync('fallocate', ['-p', '-o', '40k', '-l', '4k', path]);
    assert.is(searches(), after);
    spawnSync('truncate', ['-s', '4k', path]);
    assert.is(searches(), after + 1);
    closeSync(fd);
  });

  test('N10: no search while no process has ever mapped or read the file', async () => {
    const { other } = await scene();
    const path = mount.file('unmapped');
    writeFileSync(path, Buffer.alloc(8 * BLOCK, 1));
    await other.open(path, O_RDWR, { slot: 1 });
    const before = searches();
    await other.ftruncate(6 * BLOCK, { slot: 1 });
    // Our own mapping, which fills the holes, does not count.
    await other.fallocate(0, 0, 16 * BLOCK, { slot: 1 });
    await other.punch(8 * BLOCK, BLOCK, { slot: 1 });
    assert.is(searches(), before);
    assert.is(await other.pread(0, { slot: 1 }), 1);
    await other.ftruncate(4 * BLOCK, { slot: 1 });
    assert.is(searches(), before + 1);
  });

  test('N10: a mapping by a descriptor that was opened with O_NOATIME is searched for like any other', async () => {
    const path = mount.file('unseen');
    writeFileSync(path, Buffer.alloc(8 * BLOCK, 1));
    const holder = await stage.actor('unseen');
    await holder.open(path, O_RDWR | O_NOATIME);
    await holder.mmap(8 * BLOCK);
    await holder.registerBuffer(BLOCK);
    await holder.open(path, O_RDWR, { slot: 1 });
    assert.is(await holder.try.ftruncate(0, { slot: 1 }), 'EDEADLK');
  });

  test('N10: pins and status list them, until their process registers them', async () => {
    const { path, holder } = await scene();
    const run = (...args: string[]): string => {
      const { stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' });
      assert.is(stderr, '');
      return stdout;
    };
    assert.match(
      run('pins', path),
      new RegExp(
        `kernel pins without a lease:\n.*\nactor +${holder.pid} +io_uring \\d+ +\\[0,8k\\) +${path}\n`,
      ),
    );
    assert.match(
      run('status', mount.path),
      new RegExp(`pins.*1 of the kernel's without a lease: ${holder.pid} actor`),
    );
    const [pin] = JSON.parse(run('pins', '--json', path)).unleased;
    assert.equal([pin.pid, pin.off, pin.len, pin.busy, pin.path], [holder.pid, 0, 8192, false, path]);
    assert.equal(JSON.parse(run('pins', '--json', mount.path)).unleased, [pin]);
    await holder.open(path, O_RDWR, { slot: 1 });
    await holder.setLease(EXCLUSIVE, { slot: 1 });
    await holder.pin(0, 2 * BLOCK, { slot: 1 });
    assert.equal(JSON.parse(run('pins', '--json', path)).unleased, []);
  });

  test('N10, A1: a user who may not look into a process that has pinned learns that there may be more', () =>
    Mounted.during(['--store', 'direct', '-o', 'allow_other'], async there => {
      const path = there.file('f');
      writeFileSync(path, Buffer.alloc(2 * BLOCK, 1));
      const holder = await stage.actor('hidden');
      await holder.open(path, O_RDWR);
      await holder.mmap(2 * BLOCK);
      await holder.registerBuffer(2 * BLOCK);
      const said = (...words: string[]): string =>
        spawnSync(process.execPath, [publicCli(), ...words, there.path], {
          encoding: 'utf8',
          cwd: '/',
          uid: USER,
          gid: USER,
        }).stdout;
      assert.match(said('pins'), /there may be more kernel pins: process \d+: EACCES/);
      assert.match(said('status'), /pins +0; there may be more of the kernel's: process \d+: EACCES/);
      assert.match(JSON.parse(said('pins', '--json')).unseen, 'EACCES');
      assert.match(JSON.parse(said('status', '--json')).unseen, 'EACCES');
      await holder.end();
    }));

  test('F7: a pooled file cannot be pinned through its own mapping, and there is no search', async () => {
    const pooled = await Mounted.start('--store', 'pooled');
    try {
      const path = pooled.file('f');
      writeFileSync(path, Buffer.alloc(BLOCK, 1));
      const actor = await stage.actor('pooled');
      await actor.open(path, O_RDWR);
      await actor.mmap(BLOCK);
      assert.is(await actor.try.registerBuffer(BLOCK), 'EFAULT');
      assert.is(await actor.try.ftruncate(0), 'ok');
      assert.is(pooled.report('status').kernelPinSearches, 0);
      await stage.clear();
    } finally {
      await pooled.stop();
    }
  });

  test('N10: of a pooled file, what a client pins of a segment that it had by a layout', async () => {
    const pooled = await Mounted.start('--store', 'pooled');
    const paths = ['before', 'f'].map(name => pooled.file(name));
    for (const path of paths) writeFileSync(path, Buffer.alloc(8 * BLOCK, 1));
    const other = await stage.actor('other-pooled');
    const truncate = (size: number): Promise<string> => other.try.truncate(paths[1]!, size);
    const file = LeaseFile.open(paths[1]!);
    const ring = native.uring(4);
    try {
      file.setLeaseSync('shared,breakable');
      const { extents, segments } = readLayout(new Calls(file.fd), 0, 8 * BLOCK, false);
      const segment = openSegment(segments[0]!);
      const memory = native.map(segment.fd, extents[0]!.store, 8 * BLOCK, 3);
      segment.close();
      assert.is(ring.register(memory, BLOCK, 2 * BLOCK), 0);
      // The layout is released, the mapping and the pin are not.
      file.setLeaseSync('none');
      assert.is(await truncate(2 * BLOCK), 'ETXTBSY');
      assert.match(pooled.log(), `kernel pin [4096, 12288) of ${process.pid}`);
      assert.is(await truncate(3 * BLOCK), 'ok');
      assert.is(await other.try.truncate(paths[0]!, 0), 'ok');
      assert.is(ring.unregister(), 0);
      assert.is(await truncate(BLOCK), 'ok');
      native.unmap(memory);
    } finally {
      ring.close();
      file.close();
      await stage.clear();
      await pooled.stop();
    }
  });
});
