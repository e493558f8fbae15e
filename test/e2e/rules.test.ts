// The rules that are about real processes and the kernel, through a real mount: threads, fork, exec, SCM_RIGHTS,
// SIGKILL, signals with a value, poll(2), io_uring pins, MADV_REMOVE.
import { readFileSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { type Actor, eventually, isParked, sleepsIn, waitsForBreak } from '../support/actors.js';
import { bothStores, HASTY, Mounted, PATIENT } from '../support/mounted.js';
import {
  EXCLUSIVE,
  EXCLUSIVE_BREAKABLE,
  MADV_REMOVE,
  O_NONBLOCK,
  O_RDWR,
  O_TRUNC,
  SHARED,
  SHARED_BREAKABLE,
  SIGRTMIN,
  UNLCK,
} from '../support/numbers.js';
import { mountedSuite } from '../support/suites.js';

const MIB = 1 << 20;

for (const store of bothStores) {
  const options = { store, args: PATIENT };
  mountedSuite(`rules by real processes, ${store} store`, options, ({ test, mount, stage }) => {
    let made = 0;
    let path = '';
    let a: Actor;
    let b: Actor;

    test.before.each(async () => {
      path = mount.file(`f${made++}`);
      writeFileSync(path, Buffer.alloc(4 * MIB, 1));
      [a, b] = await stage.pair(path);
    });

    /** `a` holds an exclusive lease and pins the first MiB. */
    const pinned = async (): Promise<number> => {
      await a.setLease(EXCLUSIVE);
      return a.pin(0, MIB);
    };

    test('X1: a pinned range is refused to others with ETXTBSY, to its own process with EDEADLK, from any thread', async () => {
      await pinned();
      assert.is(await b.try.punch(0, 4096), 'ETXTBSY');
      assert.is(await b.try.truncate(path, 0), 'ETXTBSY');
      // Every command of an actor runs in a thread of its own (F6).
      assert.is(await a.try.punch(0, 4096), 'EDEADLK');
      assert.is(await a.try.ftruncate(100), 'EDEADLK');
      assert.is(statSync(path).size, 4 * MIB);
    });

    test('X6: the exclusive owner cuts the tail while the head is pinned', async () => {
      await pinned();
      assert.is(await a.try.ftruncate(MIB), 'ok');
      assert.is(statSync(path).size, MIB);
      assert.is(await a.try.ftruncate(MIB - 1), 'EDEADLK');
    });

    test('X1: a punch of an unpinned range under a lease reads as zeros and leaves the pinned pages alone', async () => {
      await pinned();
      assert.is(await a.try.punch(2 * MIB, MIB), 'ok');
      assert.is(await a.pread(2 * MIB), 0);
      assert.is(await a.pread(0), 1);
    });

    // On the pooled store mappings are of the page cache, which the kernel cannot pin for io_uring (F7).
    if (store === 'direct') {
      test('X1: a fixed read into a registered io_uring buffer lands in the file, since its punch was refused', async () => {
        await pinned();
        await a.mmap(MIB);
        await a.registerBuffer(65536);
        assert.is(await b.try.punch(0, 65536), 'ETXTBSY');
        assert.is(await a.fixedRead(0, 4096, 77), 4096);
        assert.is(await b.pread(0), 77);
      });

      test('X1: MADV_REMOVE, which never reaches us, is refused by the kernel itself', async () => {
        await b.mmap(MIB);
        assert.is(await b.try.madvise(0, 4096, MADV_REMOVE), 'EPERM');
        await pinned();
        assert.is(await b.try.madvise(0, 4096, MADV_REMOVE), 'EPERM');
        assert.is(await a.pread(0), 1);
      });

      test('the direct path: mmap, pread and pwrite are coherent across processes, and no READ or WRITE reaches us', async () => {
        const before = mount.report('status').requests;
        await a.mmap(MIB);
        await b.mmap(MIB);
        await a.store(100, 1, 42);
        assert.is(await b.load(100), 42);
        assert.is(await b.pread(100), 42);
        await b.pwrite(101, 1, 43);
        assert.is(await a.load(101), 43);
        const after = mount.report('status').requests;
        assert.is(after.READ ?? 0, before.READ ?? 0);
        assert.is(after.WRITE ?? 0, before.WRITE ?? 0);
        assert.is(after.READ ?? 0, 0);
        assert.ok((after.OPEN ?? 0) > 0, 'requests are counted');
      });
    }

    test('L1: a child shares the lease and may release it, but not pin (N2)', async () => {
      await a.setLease(EXCLUSIVE);
      const child = await a.fork(`child${made}`);
      assert.is((await child.lease()).kind, EXCLUSIVE);
      assert.is(await child.try.pin(0, 4096), 'EPERM');
      assert.is(await child.try.setLease(UNLCK), 'ok');
      assert.is((await a.lease()).kind, UNLCK);
    });

    test('L2: exec is not the death of the owner; the last close ends the lease; a mapping keeps it where it holds the description', async () => {
      const c = await stage.actor(`exec${made}`);
      await c.open(path, O_RDWR);
      await c.setLease(EXCLUSIVE);
      // The duplicate is not close-on-exec.
      await c.dup(0, 1);
      c.begin.exec(30);
      await eventually('sleep runs', () => readFileSync(`/proc/${c.pid}/comm`, 'utf8') === 'sleep\n');
      assert.is(await b.try.truncate(path, 0), 'ETXTBSY');
      process.kill(c.pid, 'SIGKILL');
      await eventually('the lease is gone', async () => (await b.try.truncate(path, 0)) === 'ok');

      await a.ftruncate(MIB);
      await a.mmap(MIB);
      await a.setLease(EXCLUSIVE);
      await a.close();
      if (store === 'pooled') {
        assert.is(await b.try.truncate(path, 0), 'ETXTBSY');
        await a.munmap();
      }
      assert.is(await b.try.truncate(path, 0), 'ok');
    });

    test('N4: a pin of a description lives while anybody holds it, also after SCM_RIGHTS and the death of who pinned', async () => {
      await a.setLease(EXCLUSIVE);
      await a.pin(0, 4096, { byDescription: true });
      await a.send(b.name);
      await b.receive({ slot: 5 });
      await a.kill();
      assert.is(await b.try.truncate(path, 0), 'ETXTBSY');
      await b.close({ slot: 5 });
      assert.is(await b.try.truncate(path, 0), 'ok');
    });

    test('N5: close leaves a zombie, which refuses a second exclusive lease (L3); the last unpin ends it', async () => {
      const id = await pinned();
      await a.close();
      assert.is(await b.try.setLease(EXCLUSIVE), 'EAGAIN');
      assert.is(await b.try.truncate(path, 0), 'ETXTBSY');
      assert.ok(mount.report('leases').leases.some(lease => lease.state === 'zombie'));
      // N8: through any descriptor of the mount.
      await a.open(path, O_RDWR, { slot: 1 });
      assert.is(await a.unpin(id, { slot: 1 }), 1);
      assert.is(await b.try.truncate(path, 0), 'ok');
    });

    test('N8: unpinning the pin of another process is EPERM, an unknown one ENOENT, and ids are not used again', async () => {
      const id = await pinned();
      assert.is(await b.try.unpin(id), 'EPERM');
      await a.unpin(id);
      assert.is(await a.try.unpin(id), 'ENOENT');
      assert.ok((await a.pin(0, 4096)) > id);
    });

    test('N7: a pin fills the holes of its range; beyond the block of the last byte it is EFAULT', async () => {
      truncateSync(path, 0);
      truncateSync(path, 3 * 4096 + 1);
      await a.setLease(EXCLUSIVE);
      assert.is(await a.try.pin(0, 5 * 4096), 'EFAULT');
      await a.pin(0, 4 * 4096);
      assert.is(await a.blocks(), 4 * 8);
    });

    test('N9: pins beyond RLIMIT_MEMLOCK are ENOMEM for an ordinary user', async () => {
      const own = mount.file(`own${made}`);
      writeFileSync(own, Buffer.alloc(65536));
      const { chownSync } = await import('node:fs');
      chownSync(own, 1000, 1000);
      const c = await stage.actor(`user${made}`, { uid: 1000, memlock: 8192 });
      await c.open(own, O_RDWR);
      await c.setLease(EXCLUSIVE);
      assert.is(await c.try.pin(0, 12288), 'ENOMEM');
      await c.pin(0, 8192);
      assert.is(await c.try.pin(0, 4096), 'ENOMEM');
    });

    test('A2, A3: SIGKILL of the owner frees its pins and zombies', async () => {
      await pinned();
      await a.close();
      await a.kill();
      await eventually('the truncate goes', async () => (await b.try.truncate(path, 0)) === 'ok');
    });

    test('A2: an unlinked file stays while it is pinned, listed as deleted, and goes with its last pin', async () => {
      await pinned();
      await a.close();
      await b.close();
      unlinkSync(path);
      assert.ok(mount.report('pins').pins.every(pin => pin.deleted));
      await a.kill();
      await eventually('the pin is gone', () => mount.report('pins').pins.length === 0);
    });

    test('B1: a break is notified by the break descriptor, which wakes a poll that waits, and by the signal with its cookie', async () => {
      await a.setLease(SHARED_BREAKABLE, { signal: SIGRTMIN + 1, cookie: 123456789012345n });
      await a.watch();
      const polling = a.begin.awaitBreak();
      assert.ok(await sleepsIn(a, 'poll', polling));
      const breaking = b.begin.truncate(path, 0);
      assert.is((await polling.result).value, UNLCK);
      await eventually('the signal', async () => (await a.signals()) === `${SIGRTMIN + 1}:123456789012345`);
      assert.ok(await waitsForBreak(mount, path, breaking));
      assert.is((await a.lease()).kind, UNLCK);
      await a.setLease(UNLCK);
      assert.is((await breaking.result).verdict, 'ok');
      assert.is(await a.awaitBreak(0), 0);
    });

    test('B1: no signal to an owner whom the uids of the lease call may not kill any more', async () => {
      const own = mount.file(`own${made}`);
      writeFileSync(own, 'x');
      (await import('node:fs')).chownSync(own, 1000, 1000);
      const c = await stage.actor(`user${made}`, { uid: 1000, caps: 1n << 7n });
      await c.open(own, O_RDWR);
      await c.setLease(SHARED_BREAKABLE, { signal: SIGRTMIN + 1, cookie: 5 });
      const d = await stage.actor(`root${made}`);
      // The same lease, converted by another sharer: it changes neither signal nor cookie.
      await c.send(d.name);
      await d.receive();
      await d.setLease(SHARED_BREAKABLE, { signal: SIGRTMIN + 2, cookie: 6 });
      const breaking = b.begin.truncate(own, 0);
      await eventually('the signal', async () => (await c.signals()) === `${SIGRTMIN + 1}:5`);
      assert.is(await d.signals(), '');
      await c.setLease(UNLCK);
      assert.is((await breaking.result).verdict, 'ok');
    });

    test('B2: a lease that is not released in time is ended', () =>
      Mounted.during(['--store', store, ...HASTY], async hasty => {
        const own = hasty.file('f');
        writeFileSync(own, 'abc');
        await a.open(own, O_RDWR, { slot: 1 });
        await a.setLease(EXCLUSIVE_BREAKABLE, { slot: 1 });
        assert.is(await b.try.truncate(own, 0), 'ok');
        assert.match(hasty.log(), 'break: lease');
        assert.is(await a.try.setLease(UNLCK, { slot: 1 }), 'EAGAIN');
        await stage.clear();
      }));

    test('B4: with O_NONBLOCK the break begins and the call answers EWOULDBLOCK at once', async () => {
      await a.setLease(SHARED_BREAKABLE);
      assert.is(await b.try.open(path, O_RDWR | O_TRUNC | O_NONBLOCK, { slot: 1 }), 'EAGAIN');
      assert.is(await a.awaitBreak(), UNLCK);
      assert.is(await b.try.setLease(EXCLUSIVE, { nonblock: true }), 'EAGAIN');
    });

    test('B5: while a breaker waits others are served; a signal makes it EINTR, the death of the owner lets it go on', async () => {
      await a.setLease(SHARED_BREAKABLE);
      const breaking = b.begin.truncate(path, 0);
      assert.ok(await waitsForBreak(mount, path, breaking));
      writeFileSync(mount.file(`other${made}`), 'served');
      assert.is(await b.try.interrupt(breaking), 'ok');
      assert.is((await breaking.result).verdict, 'EINTR');
      assert.is(statSync(path).size, 4 * MIB);

      const again = b.begin.truncate(path, 0);
      assert.ok(await isParked(mount, again));
      await a.kill();
      assert.is((await again.result).verdict, 'ok');
    });

    test('B5: a waiting breaker can be killed', async () => {
      await a.setLease(SHARED_BREAKABLE);
      assert.ok(await isParked(mount, b.begin.truncate(path, 0)));
      await b.kill();
      await a.setLease(UNLCK);
      assert.is(statSync(path).size, 4 * MIB);
    });

    test("B6: behind a waiting truncate the holder's write waits, its ioctl and close do not", async () => {
      await a.setLease(SHARED_BREAKABLE);
      const breaking = b.begin.truncate(path, 4096);
      assert.ok(await waitsForBreak(mount, path, breaking));
      const writing = a.begin.pwrite(0, 1, 9);
      assert.ok(await sleepsIn(a, 'pwrite', writing));
      await a.setLease(UNLCK);
      assert.is((await breaking.result).verdict, 'ok');
      assert.is((await writing.result).verdict, 'ok');
    });

    test('B7: two processes that would wait for each other: the second gets EDEADLK', async () => {
      const other = mount.file(`other${made}`);
      writeFileSync(other, 'abc');
      await a.open(other, O_RDWR, { slot: 1 });
      await a.setLease(SHARED_BREAKABLE, { slot: 1 });
      await b.setLease(SHARED_BREAKABLE);
      const first = a.begin.truncate(path, 0);
      assert.ok(await waitsForBreak(mount, path, first));
      assert.is(await b.try.truncate(other, 0), 'EDEADLK');
      await b.setLease(UNLCK);
      assert.is((await first.result).verdict, 'ok');
    });

    test('L3: a second exclusive lease breaks a breakable one and waits; a shared unbreakable one refuses it', async () => {
      await a.setLease(SHARED_BREAKABLE);
      const second = b.begin.setLease(EXCLUSIVE);
      assert.ok(await waitsForBreak(mount, path, second));
      await a.close();
      assert.is((await second.result).verdict, 'ok');
      await b.setLease(SHARED);
      await a.open(path, O_RDWR);
      assert.is(await a.try.setLease(EXCLUSIVE), 'EAGAIN');
      assert.is(await a.try.setLease(SHARED), 'ok');
    });

    test('A1: the report names file, kind, state, owner and range', async () => {
      const id = await pinned();
      const { leases } = mount.report('leases');
      const lease = leases.find(one => `/${path.split('/').at(-1)}` === one.path);
      assert.is(lease?.kind, 'exclusive');
      assert.is(lease?.state, 'held');
      assert.is(lease?.owner.pid, a.pid);
      const { pins } = mount.report('pins');
      const pin = pins.find(one => one.id === id);
      assert.is(pin?.len, MIB);
      assert.is(pin?.pid, a.pid);
    });

    test('refusals and breaks are one line each in the log, with the rule and who holds', async () => {
      await pinned();
      const before = mount.log().length;
      await b.try.punch(0, 4096);
      const lines = mount.log().slice(before).trim().split('\n');
      assert.is(lines.length, 1);
      assert.match(lines[0]!, 'punch [0, 4096)');
      assert.match(lines[0]!, `by ${b.pid} (actor)`);
      assert.match(lines[0]!, 'ETXTBSY');
      assert.match(lines[0]!, '[X1]');
      assert.match(lines[0]!, `of ${a.pid} (actor)`);
    });

    test('GETPINS lists pins in order and goes on after an id', async () => {
      await a.setLease(EXCLUSIVE);
      await a.pinMany(300, 64);
      const { count, total, first } = await a.pinsAfter(0);
      assert.is(count, 128);
      assert.is(total, 300);
      assert.is((await a.pinsAfter(first + 299)).count, 0);
      assert.is(await a.unpinAll(), 300);
    });
  });
}
