// Callbacks of the event loop that throw, one after the other, on a real mount: each is a line in the log, what it was to do
// is done all the same, and the mount goes on.
import { statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import * as assert from 'uvu/assert';
import type { Callback } from '../../src/base/guarded.js';
import { events, inject } from '../../src/client/index.js';
import { type Actor, eventually } from '../support/actors.js';
import { bothStores, HASTY, Mounted } from '../support/mounted.js';
import { EXCLUSIVE, SHARED_BREAKABLE } from '../support/numbers.js';
import { mountedSuite } from '../support/suites.js';

for (const store of bothStores) {
  const options = { store, args: ['--allow-inject', ...HASTY] };
  mountedSuite(`callbacks that throw, ${store} store`, options, ({ test, mount, stage }) => {
    let made = 0;
    let path = '';
    let holder: Actor;
    let other: Actor;

    test.before.each(async () => {
      path = mount.file(`f${made++}`);
      writeFileSync(path, Buffer.alloc(8192, 1));
      [holder, other] = await stage.pair(path);
    });
    test.after.each(async () => {
      await stage.clear();
      await eventually('no lease is left', () => mount.report('leases').leases.length === 0);
      statfsSync(mount.path);
    });

    const failing = (what: Callback, count = 1): void => inject(mount.path, { do: 'throw', in: what, count });
    const logged = (what: string): Promise<void> =>
      eventually(`'${what}' in the log`, () => mount.log().includes(what));

    test('the end of a process: its lease and pin end', async () => {
      await holder.setLease(EXCLUSIVE);
      await holder.pin(0, 4096);
      failing('process end');
      await holder.end();
      await logged('process end failed: Error: injected');
      await eventually('the end of the pin', () => mount.report('pins').pins.length === 0);
    });

    test('the timer of a break: it is forced all the same', async () => {
      await holder.setLease(SHARED_BREAKABLE);
      failing('break timer', 2);
      const change = other.begin.truncate(path, 0);
      assert.is((await change.result).verdict, 'ok');
      await logged('break timer failed: Error: injected');
    });

    test('words about what happened: it has happened, and the other effects with it', async () => {
      await holder.setLease(EXCLUSIVE);
      await holder.pin(0, 4096);
      failing('words', 8);
      assert.is(await other.try.truncate(path, 0), 'ETXTBSY');
      await holder.end();
      await eventually('the end of the pin', () => mount.report('pins').pins.length === 0);
      inject(mount.path, { do: 'throw', in: 'words', count: 0 });
      await logged('words failed');
      truncateSync(path, 0);
    });

    test('a request: EIO, and the next is served', async () => {
      failing('request');
      let failed = 0;
      // Requests of others, of the kernel's own too, may come first.
      await eventually('an EIO', async () => {
        try {
          statfsSync(mount.path);
        } catch (error) {
          assert.is((error as NodeJS.ErrnoException).code, 'EIO');
          failed++;
        }
        return failed > 0 || mount.log().includes('a request of');
      });
      await logged('failed, EIO: Error: injected');
      statfsSync(mount.path);
    });

    test('the wake of a reader of events: the next event wakes it', async () => {
      const seen: number[] = [];
      const name = `/${basename(path)}`;
      const reading = (async () => {
        for await (const event of events(mount.path, { follow: true })) {
          // Events of the tests before come first.
          if (!('path' in event) || event.path !== name) continue;
          if (event.event === 'grant') seen.push(event.seq);
          if (event.event === 'release') return;
        }
      })();
      await holder.setLease(SHARED_BREAKABLE);
      await eventually('the grant', () => seen.length > 0);
      failing('event wake');
      await other.setLease(SHARED_BREAKABLE);
      await logged('event wake failed: Error: injected');
      await holder.end();
      await other.end();
      await reading;
    });

    test('a lease call that was held back: EIO, it does not wait for ever', async () => {
      inject(mount.path, { do: 'delay', count: 1, ms: 50 });
      failing('delayed grant');
      assert.is(await holder.try.setLease(SHARED_BREAKABLE), 'EIO');
      await logged('delayed grant failed: Error: injected');
    });

    test('a signal: the next one is heard', async () => {
      await Mounted.during(['--store', store, '--allow-inject'], async own => {
        inject(own.path, { do: 'throw', in: 'signal', count: 1 });
        process.kill(own.pid, 'SIGTERM');
        await eventually('the fault', () => own.log().includes('signal failed: Error: injected'));
        statfsSync(own.path);
        assert.is(await own.kill('SIGTERM'), 0);
      });
    });
  });
}
