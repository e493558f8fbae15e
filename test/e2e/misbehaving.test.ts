// Holders that misbehave, as real processes: what they can do to others is bounded. That a break is ignored (B2), that
// its holder dies in it (B5), and that a file is closed with pins on it (N5) is in rules.test.ts.
import { statSync, truncateSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { type Actor, type Command, eventually, waitsForBreak } from '../support/actors.js';
import { bothStores, HASTY, Mounted, PATIENT } from '../support/mounted.js';
import { EXCLUSIVE, O_RDWR, SHARED_BREAKABLE, UNLCK } from '../support/numbers.js';
import { mountedSuite } from '../support/suites.js';

const MIB = 1 << 20;

for (const store of bothStores) {
  const options = { store, args: PATIENT };
  mountedSuite(`holders that misbehave, ${store} store`, options, ({ test, mount, stage }) => {
    let made = 0;
    let path = '';
    let holder: Actor;
    let breaker: Actor;

    test.before.each(async () => {
      path = mount.file(`f${made++}`);
      writeFileSync(path, Buffer.alloc(MIB, 1));
      [holder, breaker] = await stage.pair(path);
    });

    const kindOf = async (actor: Actor) => (await actor.lease()).kind;
    const nothingIsHeld = () =>
      mount.report('pins').pins.length === 0 && mount.report('leases').leases.length === 0;

    /** The same on a mount whose breaks end by force, once the break has begun. */
    const broken = (more: (path: string, breaking: Command, hasty: Mounted) => Promise<void>) =>
      Mounted.during(['--store', store, ...HASTY], async hasty => {
        const at = hasty.file('f');
        writeFileSync(at, Buffer.alloc(MIB, 1));
        await holder.open(at, O_RDWR);
        await holder.setLease(SHARED_BREAKABLE);
        const breaking = breaker.begin.truncate(at, 4096);
        await eventually('the break', () => hasty.log().includes('break: lease'));
        await more(at, breaking, hasty);
        await stage.clear();
      });

    test('B6, B2: a holder that writes before it answers waits for its own break, and no longer than its time', () =>
      broken(async (at, breaking) => {
        const writing = holder.begin.pwrite(0, 1, 9);
        assert.is((await breaking.result).verdict, 'ok');
        assert.is((await writing.result).verdict, 'ok');
        assert.is(await kindOf(holder), UNLCK);
        assert.is(statSync(at).size, 4096);
        assert.is(await holder.pread(0), 9);
      }));

    test('B2: while a holder writes, syncs and changes modes instead of answering, others are served', () =>
      broken(async (_at, breaking, hasty) => {
        const stuck = [holder.begin.pwrite(0, 1, 9), holder.begin.pwrite(4096, 1, 9)];
        writeFileSync(hasty.file('other'), 'served');
        assert.is(statSync(hasty.file('other')).size, 6);
        for (const command of [breaking, ...stuck]) assert.is((await command.result).verdict, 'ok');
      }));

    test('B5, L1: a holder that forks in a break shares the duty: the child may answer it', async () => {
      await holder.setLease(SHARED_BREAKABLE);
      const breaking = breaker.begin.truncate(path, 4096);
      assert.ok(await waitsForBreak(mount, path, breaking));
      const child = await holder.fork(`child${made}`);
      assert.is(await kindOf(child), UNLCK);
      await child.setLease(UNLCK);
      assert.is((await breaking.result).verdict, 'ok');
      assert.is(await holder.try.setLease(UNLCK), 'EAGAIN');
    });

    test('B5: a holder that forks in a break and dies leaves a child with a descriptor and no lease', async () => {
      await holder.setLease(SHARED_BREAKABLE);
      const breaking = breaker.begin.truncate(path, 4096);
      assert.ok(await waitsForBreak(mount, path, breaking));
      const child = await holder.fork(`child${made}`);
      await holder.kill();
      assert.is((await breaking.result).verdict, 'ok');
      assert.is(await kindOf(child), UNLCK);
      assert.is(await child.try.setLease(UNLCK), 'EAGAIN');
      assert.is(await breaker.try.truncate(path, 0), 'ok');
    });

    test('B3: a holder that answers a break and takes the lease anew at once stops no process', async () => {
      await holder.setLease(SHARED_BREAKABLE);
      const breaking = breaker.begin.truncate(path, 4096);
      assert.ok(await waitsForBreak(mount, path, breaking));
      assert.is(await holder.try.setLease(EXCLUSIVE), 'EAGAIN');
      await holder.setLease(UNLCK);
      const again = holder.begin.setLease(SHARED_BREAKABLE);
      assert.is((await breaking.result).verdict, 'ok');
      await again.result;
      assert.is(statSync(path).size, 4096);
    });

    test('N4, A2: a process that is killed while its pin is being made leaves neither pin nor lease, and the file as it was', async () => {
      // Filling the holes of the range takes some ms; the kill comes before, within and after.
      for (let round = 0; round < 24; round++) {
        const victim = await stage.actor(`victim${made}-${round}`);
        truncateSync(path, 0);
        truncateSync(path, 24 * MIB);
        await victim.open(path, O_RDWR);
        await victim.setLease(EXCLUSIVE);
        const pinning = victim.begin.pin(0, 24 * MIB);
        await Promise.race([pinning.result, new Promise(resolve => setTimeout(resolve, round))]);
        await victim.kill();
        await eventually('nothing is held', nothingIsHeld);
        assert.is(statSync(path).size, 24 * MIB);
      }
      assert.is(await breaker.try.truncate(path, 0), 'ok');
      assert.is(statSync(path).blocks, 0);
    });

    test('L2: a process that is killed while it waits for a lease leaves no lease behind', async () => {
      await holder.setLease(SHARED_BREAKABLE);
      const asking = breaker.begin.setLease(EXCLUSIVE);
      assert.ok(await waitsForBreak(mount, path, asking));
      await breaker.kill();
      await holder.setLease(UNLCK);
      await eventually('nothing is held', nothingIsHeld);
      await holder.setLease(EXCLUSIVE);
    });
  });
}
