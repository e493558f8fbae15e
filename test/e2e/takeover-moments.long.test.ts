// The daemon dies at each operation in turn: before the entry of the journal counts, between it and the answer, and behind that.
// The operation happens once, and answers as ever.
import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { type Moment, moments } from '../../src/abi/injection.js';
import { daemonOf } from '../support/keeper.js';
import { bothStores, PATIENT } from '../support/mounted.js';
import { EXCLUSIVE, UNLCK } from '../support/numbers.js';
import { mountedSuite } from '../support/suites.js';

for (const store of bothStores) {
  const options = {
    store,
    args: ['--keeper', '--allow-inject', ...PATIENT],
    needs: ['passthrough'] as const,
  };
  mountedSuite(`takeover at each operation, ${store} store`, options, ({ test, mount, stage }) => {
    let dirs = 0;
    let injector = -1;
    /** The next entry of the journal is the daemon's last. The file stays open: its close would be an entry. */
    const dies = (at: Moment): void => {
      if (injector < 0) injector = openSync(mount.file('.leasefs/inject'), 'w');
      writeSync(injector, JSON.stringify({ do: 'die', at, count: 1 }));
    };
    test.after(() => {
      if (injector >= 0) closeSync(injector);
    });
    /** A new directory for a test. */
    const place = (): string => {
      const dir = mount.file(`d${dirs++}`);
      mkdirSync(dir);
      return dir;
    };

    test('each operation, whenever the daemon dies at it', () => {
      for (const at of moments) {
        const dir = place();
        const file = join(dir, 'file');
        writeFileSync(file, 'content');
        mkdirSync(join(dir, 'empty'));
        const fd = openSync(file, 'r+');
        const steps: Record<string, [() => void, () => boolean]> = {
          mkdir: [() => mkdirSync(join(dir, 'sub')), () => statSync(join(dir, 'sub')).isDirectory()],
          create: [
            () => closeSync(openSync(join(dir, 'made'), 'wx')),
            () => statSync(join(dir, 'made')).size === 0,
          ],
          write: [() => writeSync(fd, 'C', 0), () => readFileSync(file, 'utf8') === 'Content'],
          symlink: [() => symlinkSync('x', join(dir, 'sym')), () => readlinkSync(join(dir, 'sym')) === 'x'],
          link: [() => linkSync(file, join(dir, 'link')), () => statSync(file).nlink === 2],
          rename: [
            () => renameSync(join(dir, 'link'), join(dir, 'other')),
            () => existsSync(join(dir, 'other')),
          ],
          'rename over': [
            () => renameSync(join(dir, 'made'), join(dir, 'other')),
            () => statSync(file).nlink === 1 && statSync(join(dir, 'other')).size === 0,
          ],
          chmod: [() => chmodSync(file, 0o600), () => (statSync(file).mode & 0o777) === 0o600],
          utimes: [() => lutimesSync(file, 5, 6), () => statSync(file).mtimeMs === 6000],
          truncate: [() => ftruncateSync(fd, 3), () => readFileSync(file, 'utf8') === 'Con'],
          extend: [() => ftruncateSync(fd, 9000), () => statSync(file).size === 9000],
          unlink: [() => unlinkSync(join(dir, 'other')), () => !existsSync(join(dir, 'other'))],
          rmdir: [() => rmdirSync(join(dir, 'empty')), () => !existsSync(join(dir, 'empty'))],
          'unlink while open': [() => unlinkSync(file), () => fstatSync(fd).nlink === 0],
          close: [() => closeSync(fd), () => !existsSync(file)],
        };
        for (const [name, [step, holds]] of Object.entries(steps)) {
          const daemon = daemonOf(mount);
          // The kernel writes into the memory of a direct file by itself.
          if (store === 'direct' && name === 'write') {
            step();
            continue;
          }
          dies(at);
          step();
          assert.ok(holds(), `${name}, death ${at} its entry`);
          assert.is.not(daemonOf(mount), daemon, `${name}: the daemon has died`);
        }
      }
    });

    test('each lease call, whenever the daemon dies at it', async () => {
      for (const at of moments) {
        const path = join(place(), 'f');
        writeFileSync(path, Buffer.alloc(16384, 1));
        const [holder, other] = await stage.pair(path);
        dies(at);
        await holder.setLease(EXCLUSIVE);
        assert.is(mount.report('leases').leases.length, 1, `lease, death ${at}`);
        dies(at);
        const id = await holder.pin(0, 4096);
        assert.is(mount.report('pins').pins.length, 1, `pin, death ${at}`);
        assert.is(await other.try.punch(0, 4096), 'ETXTBSY');
        dies(at);
        assert.is(await holder.unpin(id), 1, `unpin, death ${at}`);
        assert.is(mount.report('pins').pins.length, 0);
        dies(at);
        await holder.setLease(UNLCK);
        assert.is(mount.report('leases').leases.length, 0, `unlock, death ${at}`);
        await holder.end();
        await other.end();
      }
    });
  });
}
