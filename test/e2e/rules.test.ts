// The rules that are about real processes and the kernel, through a real mount: threads, fork, exec, SCM_RIGHTS,
// SIGKILL, signals with a value, poll(2), io_uring pins, MADV_REMOVE.
import { readFileSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { type Actor, eventually, isParked, waits, waitsForBreak } from '../support/actors.js';
import { bothStores, HASTY, Mounted, PATIENT } from '../support/mounted.js';
import {
  EXCLUSIVE,
  EXCLUSIVE_BREAKABLE,
  MADV_REMOVE,
  O_NONBLOCK,
  O_RDWR,
  O_TRUNC,
  PUNCH,
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
      await a.must('setlease', 0, EXCLUSIVE, 0, 0, 0);
      return a.must('pin', 0, 0, MIB, 0, 0);
    };

    test('X1: a pinned range is refused to others with ETXTBSY, to its own process with EDEADLK, from any thread', async () => {
      await pinned();
      assert.is(await b.verdict('fallocate', 0, PUNCH, 0, 4096), 'ETXTBSY');
      assert.is(await b.verdict('truncate', path, 0), 'ETXTBSY');
      // Every command of an actor runs in a thread of its own (F6).
      assert.is(await a.verdict('fallocate', 0, PUNCH, 0, 4096), 'EDEADLK');
      assert.is(await a.verdict('ftruncate', 0, 100), 'EDEADLK');
      assert.is(statSync(path).size, 4 * MIB);
    });

    test('X6: the exclusive owner cuts the tail while the head is pinned', async () => {
      await pinned();
      assert.is(await a.verdict('ftruncate', 0, MIB), 'ok');
      assert.is(statSync(path).size, MIB);
      assert.is(await a.verdict('ftruncate', 0, MIB - 1), 'EDEADLK');
    });

    test('X1: a punch of an unpinned range under a lease reads as zeros and leaves the pinned pages alone', async () => {
      await pinned();
      assert.is(await a.verdict('fallocate', 0, PUNCH, 2 * MIB, MIB), 'ok');
      assert.is(await a.must('pread', 0, 2 * MIB), 0);
      assert.is(await a.must('pread', 0, 0), 1);
    });

    // On the pooled store mappings are of the page cache, which the kernel cannot pin for io_uring (F7).
    if (store === 'direct') {
      test('X1: a fixed read into a registered io_uring buffer lands in the file, since its punch was refused', async () => {
        await pinned();
        await a.must('mmap', 0, 0, 0, MIB);
        await a.must('uring_register', 0, 0, 0, 65536);
        assert.is(await b.verdict('fallocate', 0, PUNCH, 0, 65536), 'ETXTBSY');
        assert.is(await a.must('uring_read', 0, 0, 0, 4096, 77), 4096);
        assert.is(await b.must('pread', 0, 0), 77);
      });

      test('X1: MADV_REMOVE, which never reaches us, is refused by the kernel itself', async () => {
        await b.must('mmap', 0, 0, 0, MIB);
        assert.is(await b.verdict('madvise', 0, 0, 4096, MADV_REMOVE), 'EPERM');
        await pinned();
        assert.is(await b.verdict('madvise', 0, 0, 4096, MADV_REMOVE), 'EPERM');
        assert.is(await a.must('pread', 0, 0), 1);
      });

      test('the direct path: mmap, pread and pwrite are coherent across processes, and no READ or WRITE reaches us', async () => {
        const before = mount.report('status').requests;
        await a.must('mmap', 0, 0, 0, MIB);
        await b.must('mmap', 0, 0, 0, MIB);
        await a.must('store', 0, 100, 1, 42);
        assert.is(await b.must('load', 0, 100), 42);
        assert.is(await b.must('pread', 0, 100), 42);
        await b.must('pwrite', 0, 101, 1, 43);
        assert.is(await a.must('load', 0, 101), 43);
        const after = mount.report('status').requests;
        assert.is(after.READ ?? 0, before.READ ?? 0);
        assert.is(after.WRITE ?? 0, before.WRITE ?? 0);
        assert.is(after.READ ?? 0, 0);
        assert.ok((after.OPEN ?? 0) > 0, 'requests are counted');
      });
    }

    test('L1: a child shares the lease and may release it, but not pin (N2)', async () => {
      await a.must('setlease', 0, EXCLUSIVE, 0, 0, 0);
      const child = await a.fork(`child${made}`);
      assert.is((await child.do('getlease', 0)).text.split(' ')[0], String(EXCLUSIVE));
      assert.is(await child.verdict('pin', 0, 0, 4096, 0, 0), 'EPERM');
      assert.is(await child.verdict('setlease', 0, UNLCK, 0, 0, 0), 'ok');
      assert.is((await a.do('getlease', 0)).text.split(' ')[0], String(UNLCK));
    });

    test('L2: exec is not the death of the owner; the last close ends the lease; a mapping keeps it where it holds the description', async () => {
      const c = await stage.actor(`exec${made}`);
      await c.must('open', 0, path, O_RDWR);
      await c.must('setlease', 0, EXCLUSIVE, 0, 0, 0);
      // The duplicate is not close-on-exec.
      await c.must('dup', 0, 1);
      c.start('exec', 30);
      await eventually('sleep runs', () => readFileSync(`/proc/${c.pid}/comm`, 'utf8') === 'sleep\n');
      assert.is(await b.verdict('truncate', path, 0), 'ETXTBSY');
      process.kill(c.pid, 'SIGKILL');
      await eventually('the lease is gone', async () => (await b.verdict('truncate', path, 0)) === 'ok');

      await a.must('ftruncate', 0, MIB);
      await a.must('mmap', 0, 0, 0, MIB);
      await a.must('setlease', 0, EXCLUSIVE, 0, 0, 0);
      await a.must('close', 0);
      if (store === 'pooled') {
        assert.is(await b.verdict('truncate', path, 0), 'ETXTBSY');
        await a.must('munmap', 0);
      }
      assert.is(await b.verdict('truncate', path, 0), 'ok');
    });

    test('N4: a pin of a description lives while anybody holds it, also after SCM_RIGHTS and the death of who pinned', async () => {
      await a.must('setlease', 0, EXCLUSIVE, 0, 0, 0);
      await a.must('pin', 0, 0, 4096, 1, 0);
      await a.must('send', 0, b.name);
      await b.must('receive', 5);
      await a.kill();
      assert.is(await b.verdict('truncate', path, 0), 'ETXTBSY');
      await b.must('close', 5);
      assert.is(await b.verdict('truncate', path, 0), 'ok');
    });

    test('N5: close leaves a zombie, which refuses a second exclusive lease (L3); the last unpin ends it', async () => {
      const id = await pinned();
      await a.must('close', 0);
      assert.is(await b.verdict('setlease', 0, EXCLUSIVE, 0, 0, 0), 'EAGAIN');
      assert.is(await b.verdict('truncate', path, 0), 'ETXTBSY');
      assert.ok(mount.report('leases').leases.some(lease => lease.state === 'zombie'));
      // N8: through any descriptor of the mount.
      await a.must('open', 1, path, O_RDWR);
      assert.is(await a.must('unpin', 1, id, 0), 1);
      assert.is(await b.verdict('truncate', path, 0), 'ok');
    });

    test("N8: unpinning somebody else's pin is EPERM, an unknown one ENOENT, and ids are not used again", async () => {
      const id = await pinned();
      assert.is(await b.verdict('unpin', 0, id, 0), 'EPERM');
      await a.must('unpin', 0, id, 0);
      assert.is(await a.verdict('unpin', 0, id, 0), 'ENOENT');
      assert.ok((await a.must('pin', 0, 0, 4096, 0, 0)) > id);
    });

    test('N7: a pin fills the holes of its range; beyond the block of the last byte it is EFAULT', async () => {
      truncateSync(path, 0);
      truncateSync(path, 3 * 4096 + 1);
      await a.must('setlease', 0, EXCLUSIVE, 0, 0, 0);
      assert.is(await a.verdict('pin', 0, 0, 5 * 4096, 0, 0), 'EFAULT');
      await a.must('pin', 0, 0, 4 * 4096, 0, 0);
      assert.is((await a.do('stat', 0)).text.split(' ')[1], String(4 * 8));
    });

    test('N9: pins beyond RLIMIT_MEMLOCK are ENOMEM for an ordinary user', async () => {
      const own = mount.file(`own${made}`);
      writeFileSync(own, Buffer.alloc(65536));
      const { chownSync } = await import('node:fs');
      chownSync(own, 1000, 1000);
      const c = await stage.actor(`user${made}`, { uid: 1000, memlock: 8192 });
      await c.must('open', 0, own, O_RDWR);
      await c.must('setlease', 0, EXCLUSIVE, 0, 0, 0);
      assert.is(await c.verdict('pin', 0, 0, 12288, 0, 0), 'ENOMEM');
      await c.must('pin', 0, 0, 8192, 0, 0);
      assert.is(await c.verdict('pin', 0, 0, 4096, 0, 0), 'ENOMEM');
    });

    test('A2, A3: SIGKILL of the owner frees its pins and zombies', async () => {
      await pinned();
      await a.must('close', 0);
      await a.kill();
      await eventually('the truncate goes', async () => (await b.verdict('truncate', path, 0)) === 'ok');
    });

    test('A2: an unlinked file stays while it is pinned, listed as deleted, and goes with its last pin', async () => {
      await pinned();
      await a.must('close', 0);
      await b.must('close', 0);
      unlinkSync(path);
      assert.ok(mount.report('pins').pins.every(pin => pin.deleted));
      await a.kill();
      await eventually('the pin is gone', () => mount.report('pins').pins.length === 0);
    });

    test('B1: a break is told by the break descriptor, which wakes a poll that waits, and by the signal with its cookie', async () => {
      await a.must('setlease', 0, SHARED_BREAKABLE, 0, SIGRTMIN + 1, 123456789012345n);
      await a.must('watch', 0);
      const polling = a.start('break', 0, -1);
      assert.ok(await waits(polling));
      const breaking = b.start('truncate', path, 0);
      assert.is((await polling.result).value, UNLCK);
      await eventually(
        'the signal',
        async () => (await a.do('signals')).text === `${SIGRTMIN + 1}:123456789012345`,
      );
      assert.ok(await waitsForBreak(mount, path, breaking));
      assert.is((await a.do('getlease', 0)).text.split(' ')[0], String(UNLCK));
      await a.must('setlease', 0, UNLCK, 0, 0, 0);
      assert.is((await breaking.result).verdict, 'ok');
      assert.is(await a.must('break', 0, 0), 0);
    });

    test('B1: no signal to an owner whom the uids of the lease call may not kill any more', async () => {
      const own = mount.file(`own${made}`);
      writeFileSync(own, 'x');
      (await import('node:fs')).chownSync(own, 1000, 1000);
      const c = await stage.actor(`user${made}`, { uid: 1000, caps: 1n << 7n });
      await c.must('open', 0, own, O_RDWR);
      await c.must('setlease', 0, SHARED_BREAKABLE, 0, SIGRTMIN + 1, 5);
      const d = await stage.actor(`root${made}`);
      // The same lease, converted by another sharer: it changes neither signal nor cookie.
      await c.must('send', 0, d.name);
      await d.must('receive', 0);
      await d.must('setlease', 0, SHARED_BREAKABLE, 0, SIGRTMIN + 2, 6);
      const breaking = b.start('truncate', own, 0);
      await eventually('the signal', async () => (await c.do('signals')).text === `${SIGRTMIN + 1}:5`);
      assert.is((await d.do('signals')).text, '');
      await c.must('setlease', 0, UNLCK, 0, 0, 0);
      assert.is((await breaking.result).verdict, 'ok');
    });

    test('B2: what is not given back in time is taken', () =>
      Mounted.during(['--store', store, ...HASTY], async hasty => {
        const own = hasty.file('f');
        writeFileSync(own, 'abc');
        await a.must('open', 1, own, O_RDWR);
        await a.must('setlease', 1, EXCLUSIVE_BREAKABLE, 0, 0, 0);
        assert.is(await b.verdict('truncate', own, 0), 'ok');
        assert.match(hasty.log(), 'break: lease');
        assert.is(await a.verdict('setlease', 1, UNLCK, 0, 0, 0), 'EAGAIN');
        await stage.clear();
      }));

    test('B4: with O_NONBLOCK the break begins and the call answers EWOULDBLOCK at once', async () => {
      await a.must('setlease', 0, SHARED_BREAKABLE, 0, 0, 0);
      assert.is(await b.verdict('open', 1, path, O_RDWR | O_TRUNC | O_NONBLOCK), 'EAGAIN');
      assert.is(await a.must('break', 0, -1), UNLCK);
      assert.is(await b.verdict('setlease', 0, EXCLUSIVE, 1, 0, 0), 'EAGAIN');
    });

    test('B5: while a breaker waits others are served; a signal makes it EINTR, the death of the owner lets it go on', async () => {
      await a.must('setlease', 0, SHARED_BREAKABLE, 0, 0, 0);
      const breaking = b.start('truncate', path, 0);
      assert.ok(await waitsForBreak(mount, path, breaking));
      writeFileSync(mount.file(`other${made}`), 'served');
      assert.is(await b.verdict('interrupt', breaking.id), 'ok');
      assert.is((await breaking.result).verdict, 'EINTR');
      assert.is(statSync(path).size, 4 * MIB);

      const again = b.start('truncate', path, 0);
      assert.ok(await isParked(mount, again));
      await a.kill();
      assert.is((await again.result).verdict, 'ok');
    });

    test('B5: a waiting breaker can be killed', async () => {
      await a.must('setlease', 0, SHARED_BREAKABLE, 0, 0, 0);
      assert.ok(await isParked(mount, b.start('truncate', path, 0)));
      await b.kill();
      await a.must('setlease', 0, UNLCK, 0, 0, 0);
      assert.is(statSync(path).size, 4 * MIB);
    });

    test("B6: behind a waiting truncate the holder's write waits, its ioctl and close do not", async () => {
      await a.must('setlease', 0, SHARED_BREAKABLE, 0, 0, 0);
      const breaking = b.start('truncate', path, 4096);
      assert.ok(await waitsForBreak(mount, path, breaking));
      const writing = a.start('pwrite', 0, 0, 1, 9);
      assert.ok(await waits(writing, 50));
      await a.must('setlease', 0, UNLCK, 0, 0, 0);
      assert.is((await breaking.result).verdict, 'ok');
      assert.is((await writing.result).verdict, 'ok');
    });

    test('B7: two processes that would wait for each other: the second gets EDEADLK', async () => {
      const other = mount.file(`other${made}`);
      writeFileSync(other, 'abc');
      await a.must('open', 1, other, O_RDWR);
      await a.must('setlease', 1, SHARED_BREAKABLE, 0, 0, 0);
      await b.must('setlease', 0, SHARED_BREAKABLE, 0, 0, 0);
      const first = a.start('truncate', path, 0);
      assert.ok(await waitsForBreak(mount, path, first));
      assert.is(await b.verdict('truncate', other, 0), 'EDEADLK');
      await b.must('setlease', 0, UNLCK, 0, 0, 0);
      assert.is((await first.result).verdict, 'ok');
    });

    test('L3: a second exclusive lease breaks a breakable one and waits; a shared unbreakable one refuses it', async () => {
      await a.must('setlease', 0, SHARED_BREAKABLE, 0, 0, 0);
      const second = b.start('setlease', 0, EXCLUSIVE, 0, 0, 0);
      assert.ok(await waitsForBreak(mount, path, second));
      await a.must('close', 0);
      assert.is((await second.result).verdict, 'ok');
      await b.must('setlease', 0, SHARED, 0, 0, 0);
      await a.must('open', 0, path, O_RDWR);
      assert.is(await a.verdict('setlease', 0, EXCLUSIVE, 0, 0, 0), 'EAGAIN');
      assert.is(await a.verdict('setlease', 0, SHARED, 0, 0, 0), 'ok');
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
      await b.verdict('fallocate', 0, PUNCH, 0, 4096);
      const lines = mount.log().slice(before).trim().split('\n');
      assert.is(lines.length, 1);
      assert.match(lines[0]!, 'punch [0, 4096)');
      assert.match(lines[0]!, `by ${b.pid} (actor)`);
      assert.match(lines[0]!, 'ETXTBSY');
      assert.match(lines[0]!, '[X1]');
      assert.match(lines[0]!, `of ${a.pid} (actor)`);
    });

    test('GETPINS lists pins in order and goes on after an id', async () => {
      await a.must('setlease', 0, EXCLUSIVE, 0, 0, 0);
      await a.must('pin_many', 0, 300, 64);
      const first = await a.do('getpins', 0, 0);
      assert.is(first.value, 128);
      const [total, id] = first.text.split(' ').map(Number);
      assert.is(total, 300);
      assert.is((await a.do('getpins', 0, id! + 299)).value, 0);
      assert.is(await a.must('unpin', 0, 0, 1), 300);
    });
  });
}
