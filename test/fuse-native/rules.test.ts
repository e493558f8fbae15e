// The rules where no ioctl comes through: leases and pins by the control socket, truncates by paths, from real processes.
// The transport does not say which process truncates: to the rules it is unidentified (Words).
import { statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { type Actor, eventually, isParked } from '../support/actors.js';
import { HASTY, Mounted, PATIENT } from '../support/mounted.js';
import {
  BLOCK,
  EXCLUSIVE,
  EXCLUSIVE_BREAKABLE,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  SHARED,
  SHARED_BREAKABLE,
  SIGRTMIN,
  UNLCK,
} from '../support/numbers.js';
import { mountedSuite } from '../support/suites.js';
import { timeFactor } from '../support/time-factor.js';

const MIB = 1 << 20;
const NOBODY_UID = 65534;
const LIMIT_MS = 20_000 * timeFactor;

const args = ['--transport=fuse-native', '-o', 'allow_other', ...PATIENT];

mountedSuite(
  'rules through the fuse-native transport',
  { args, needs: ['gcc'] },
  ({ test, mount, stage }) => {
    let made = 0;
    let path = '';
    let a: Actor;
    let b: Actor;

    test.before.each(async () => {
      path = mount.file(`f${made++}`);
      writeFileSync(path, Buffer.alloc(MIB, 1));
      [a, b] = await stage.pair(path);
    });

    const soon = (what: string, seen: () => boolean | Promise<boolean>) => eventually(what, seen, LIMIT_MS);
    const lease = (who: Actor, kind: number, slot = 0) => who.try.setLease(kind, { slot, nonblock: true });
    const kindOf = async (who: Actor, slot = 0) => (await who.lease({ slot })).kind;
    const tokenOf = async (who: Actor) => (await who.lease()).token;
    /** `a` holds an exclusive lease and pins the first 64 KiB. */
    const pinned = async (): Promise<number> => {
      await a.setLease(EXCLUSIVE);
      return a.pin(0, 65536);
    };
    const leases = () =>
      mount.report('leases').leases.filter(({ path: at }) => mount.file(at ?? '') === path);

    test('X1: a pinned range is not truncated, by path, by descriptor or by O_TRUNC: ETXTBSY, and nothing changes', async () => {
      await pinned();
      const before = statSync(path);
      assert.is(await b.try.truncate(path, 0), 'ETXTBSY');
      assert.is(await b.try.ftruncate(100), 'ETXTBSY');
      assert.is(await b.try.open(path, O_RDWR | O_TRUNC, { slot: 1 }), 'ETXTBSY');
      assert.throws(() => truncateSync(path, 0), /ETXTBSY/);
      // The daemon cannot know that it is the owner: no EDEADLK here.
      assert.is(await a.try.ftruncate(0), 'ETXTBSY');
      const { size, mtimeMs, ctimeMs } = statSync(path);
      assert.equal(
        { size, mtimeMs, ctimeMs },
        { size: MIB, mtimeMs: before.mtimeMs, ctimeMs: before.ctimeMs },
      );
    });

    test('X2: an unbreakable lease refuses every truncate, its own process too, which the transport does not tell', async () => {
      for (const kind of [EXCLUSIVE, SHARED]) {
        assert.is(await lease(a, kind), 'ok');
        assert.is(await b.try.truncate(path, MIB / 2), 'ETXTBSY');
        assert.is(await b.try.truncate(path, 2 * MIB), 'ETXTBSY');
        assert.is(await a.try.ftruncate(MIB / 2), 'ETXTBSY');
        assert.is(await lease(a, UNLCK), 'ok');
      }
      assert.is(await b.try.truncate(path, MIB / 2), 'ok');
    });

    test('X0: a truncate to the size it has is no layout change', async () => {
      await pinned();
      assert.is(await b.try.truncate(path, MIB), 'ok');
    });

    test('X4, B4: a breakable lease is broken by a truncate, which does not wait: EAGAIN, then it goes through', async () => {
      assert.is(await lease(a, EXCLUSIVE_BREAKABLE), 'ok');
      assert.is(await b.try.truncate(path, 0), 'EAGAIN');
      assert.is(await a.awaitBreak(LIMIT_MS), UNLCK);
      assert.is(await kindOf(a), UNLCK, 'L8: what it must become');
      assert.is(await lease(a, SHARED_BREAKABLE), 'EAGAIN', 'L4');
      assert.is(await lease(a, UNLCK), 'ok');
      assert.is(await b.try.truncate(path, 0), 'ok');
    });

    test('X8: a write into present blocks asks no holder', async () => {
      await pinned();
      assert.is(await b.pwrite(100, 10, 7), 10);
      assert.is(await a.pread(100), 7);
    });

    test('L1, N2: a child shares the lease over its connection, may release it, and may not pin', async () => {
      assert.is(await lease(a, EXCLUSIVE), 'ok');
      const child = await a.fork(`child${made}`);
      assert.is(await kindOf(child), EXCLUSIVE);
      assert.is(await child.try.pin(0, BLOCK), 'EPERM');
      assert.is(await lease(child, UNLCK), 'ok');
      assert.is(await kindOf(a), UNLCK);
    });

    test('L2: the lease ends with the last copy of the connection, and with its process', async () => {
      assert.is(await lease(a, EXCLUSIVE), 'ok');
      await a.dup(0, 1);
      await a.close();
      assert.is(await lease(b, SHARED_BREAKABLE), 'EAGAIN');
      await a.close({ slot: 1 });
      await soon('the lease is gone', async () => (await lease(b, EXCLUSIVE)) === 'ok');
      await b.kill();
      await soon('that of the dead process too', () => leases().length === 0);
    });

    test('L3: leases are compatible or not, for every caller; a breakable one is broken first', async () => {
      assert.is(await lease(a, SHARED_BREAKABLE), 'ok');
      assert.is(await lease(b, SHARED_BREAKABLE), 'ok');
      assert.is(await lease(b, EXCLUSIVE), 'EAGAIN', 'L4: a conversion never breaks');
      assert.is(await lease(b, UNLCK), 'ok');
      const taking = b.begin.setLease(EXCLUSIVE);
      assert.is(await a.awaitBreak(LIMIT_MS), UNLCK);
      assert.ok(await isParked(mount, taking));
      assert.is(await lease(a, UNLCK), 'ok');
      assert.is((await taking.result).verdict, 'ok');
      assert.is(await lease(a, SHARED_BREAKABLE), 'EAGAIN');
    });

    test('L5: no way from unbreakable while pins remain: EBUSY', async () => {
      const pin = await pinned();
      assert.is(await lease(a, UNLCK), 'EBUSY');
      assert.is(await lease(a, SHARED_BREAKABLE), 'EBUSY');
      await a.unpin(pin);
      assert.is(await lease(a, UNLCK), 'ok');
    });

    test('L7: the caller must own the file, and have it open for writing for unbreakable kinds', async () => {
      const other = await stage.actor(`other${made}`, { uid: NOBODY_UID });
      await other.open(path, O_RDONLY);
      assert.is(await lease(other, SHARED_BREAKABLE), 'EACCES');
      await b.open(path, O_RDONLY, { slot: 1 });
      assert.is(await lease(b, EXCLUSIVE, 1), 'EBADF');
      assert.is(await lease(b, SHARED_BREAKABLE, 1), 'ok');
      assert.is(await lease(b, UNLCK, 1), 'ok');
      await b.open(path, O_WRONLY, { slot: 2 });
      assert.is(await lease(b, EXCLUSIVE, 2), 'ok');
      const theirs = `${path}.theirs`;
      writeFileSync(theirs, 'x');
      await a.chown(theirs, NOBODY_UID, NOBODY_UID);
      await other.open(theirs, O_RDWR, { slot: 1 });
      assert.is(await lease(other, EXCLUSIVE, 1), 'ok');
    });

    test('N1, N3: no pin without a live unbreakable lease of the process; N7: none beyond the last block', async () => {
      assert.is(await a.try.pin(0, BLOCK), 'EPERM');
      assert.is(await lease(a, SHARED_BREAKABLE), 'ok');
      assert.is(await a.try.pin(0, BLOCK), 'EPERM');
      assert.is(await lease(a, EXCLUSIVE_BREAKABLE), 'ok');
      assert.is(await lease(a, EXCLUSIVE), 'ok');
      assert.is(await b.try.pin(0, BLOCK), 'EPERM');
      assert.is(await a.try.pin(0, MIB + 1), 'EFAULT');
      assert.is(await a.try.pin(0, 0), 'EINVAL');
      assert.is(await a.try.pin(0, MIB), 'ok');
      await a.close();
      await a.open(path, O_RDWR);
      assert.is(await a.try.pin(0, BLOCK), 'EPERM', 'N3');
    });

    test('N4: a pin of the description may be another connection’s, lives while it does, and EBADF names none', async () => {
      assert.is(await lease(a, EXCLUSIVE), 'ok');
      const owner = await tokenOf(b);
      assert.is(await a.try.pin(0, BLOCK, { owner: owner + 2n }), 'EBADF');
      await a.pin(0, BLOCK, { owner });
      await a.kill();
      await soon('the lease is a zombie', () => leases()[0]?.state === 'zombie');
      assert.throws(() => truncateSync(path, 0), /ETXTBSY/);
      await b.close();
      await soon('pin and zombie are gone', () => leases().length === 0);
      truncateSync(path, 0);
    });

    test('N5, A2: closed with pins it is a zombie, unlinked or not, until its process is killed', async () => {
      await pinned();
      await a.close();
      await soon('the lease is a zombie', () => leases()[0]?.state === 'zombie');
      assert.is(await lease(b, EXCLUSIVE), 'EAGAIN');
      assert.is(await b.try.truncate(path, 0), 'ETXTBSY');
      assert.is(leases()[0]?.owner.pid, a.pid);
      await a.kill();
      await soon('the zombie is gone', async () => (await lease(b, EXCLUSIVE)) === 'ok');
    });

    test('N6, N8: pins outlive the mapping and the name, and go by any descriptor of the mount', async () => {
      await a.mmap(MIB);
      const pin = await pinned();
      await a.munmap();
      unlinkSync(path);
      assert.is(await a.try.ftruncate(0), 'ETXTBSY');
      await b.open(mount.path, O_RDONLY, { slot: 1 });
      assert.is(await b.try.unpin(pin, { slot: 1 }), 'EPERM');
      await a.open(mount.path, O_RDONLY, { slot: 1 });
      assert.is(await a.unpin(pin, { slot: 1 }), 1);
      assert.is(await a.try.unpin(pin, { slot: 1 }), 'ENOENT');
    });

    test('N9: pins are bounded by RLIMIT_MEMLOCK of the caller', async () => {
      const small = await stage.actor(`small${made}`, { uid: NOBODY_UID, memlock: 4 * BLOCK });
      await a.chown(path, NOBODY_UID, NOBODY_UID);
      await small.open(path, O_RDWR);
      assert.is(await lease(small, EXCLUSIVE), 'ok');
      assert.is(await small.try.pin(0, 5 * BLOCK), 'ENOMEM');
      assert.is(await small.try.pin(0, 4 * BLOCK), 'ok');
      assert.is(await small.try.pin(0, BLOCK), 'ENOMEM');
    });

    test('B1: the signal that the lease named comes with its cookie', async () => {
      await a.setLease(EXCLUSIVE_BREAKABLE, { signal: SIGRTMIN, cookie: 77 });
      assert.is(await b.try.truncate(path, 0), 'EAGAIN');
      await soon('the signal comes', async () => (await a.signals()) === `${SIGRTMIN}:77`);
    });

    test('B2: a break that is not answered is forced', async () => {
      const second = await Mounted.start('--transport=fuse-native', ...HASTY);
      try {
        writeFileSync(second.file('f'), Buffer.alloc(BLOCK));
        await a.open(second.file('f'), O_RDWR, { slot: 1 });
        assert.is(await lease(a, EXCLUSIVE_BREAKABLE, 1), 'ok');
        await soon('forced', async () => (await b.try.truncate(second.file('f'), 0)) === 'ok');
        assert.is(await kindOf(a, 1), UNLCK);
        await a.close({ slot: 1 });
      } finally {
        await second.stop();
      }
    });

    test('B3: while a break is pending no process takes a new lease; B5: a signal ends the wait, the break goes on', async () => {
      assert.is(await lease(a, EXCLUSIVE_BREAKABLE), 'ok');
      const taking = b.begin.setLease(EXCLUSIVE);
      assert.is(await a.awaitBreak(LIMIT_MS), UNLCK);
      const c = await stage.actor(`c${made}`);
      await c.open(path, O_RDWR);
      assert.is(await lease(c, SHARED_BREAKABLE), 'EAGAIN');
      assert.is(await b.try.interrupt(taking), 'ok');
      assert.is((await taking.result).verdict, 'EINTR');
      assert.is(await a.awaitBreak(LIMIT_MS), UNLCK);
      assert.is(await lease(a, UNLCK), 'ok');
      assert.is(mount.report('status').waiters, 0);
    });

    test('B5: a breaker that dies while it waits is forgotten', async () => {
      assert.is(await lease(a, EXCLUSIVE_BREAKABLE), 'ok');
      b.begin.setLease(EXCLUSIVE).result.catch(() => {});
      await soon('it waits', () => mount.report('status').waiters === 1);
      await b.kill();
      await soon('it is forgotten', () => mount.report('status').waiters === 0);
      assert.is(await lease(a, UNLCK), 'ok');
      assert.is(await lease(a, EXCLUSIVE), 'ok');
    });
  },
);
