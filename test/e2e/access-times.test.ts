// Times of access: a read of a direct file moves its own, unless the mount is noatime; a pooled file keeps none.
import { closeSync, openSync, readFileSync, readSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { Mounted, stores } from '../support/mounted.js';
import { suiteNeeding } from '../support/suites.js';

/** Seconds since 1970 after a read of a file whose time of access was 1000. */
function afterRead(mount: Mounted): number {
  const path = mount.file('f');
  writeFileSync(path, 'text');
  utimesSync(path, 1000, 1000);
  assert.is(statSync(path).atimeMs, 1000_000);
  const fd = openSync(path, 'r');
  readSync(fd, Buffer.alloc(4), 0, 4, 0);
  closeSync(fd);
  assert.is(readFileSync(path, 'utf8'), 'text');
  return statSync(path).atimeMs / 1000;
}

suiteNeeding('times of access', ['mount'], test => {
  for (const store of stores) {
    for (const words of ['noatime', 'relatime,noatime,nodiratime', 'relatime', 'strictatime']) {
      test(`${store} store, -o ${words}`, async () => {
        const mount = await Mounted.start('--size', '16m', '--store', store, '-o', words);
        try {
          const moves = store === 'direct' && !words.includes('noatime');
          assert.is(afterRead(mount) > 1000, moves);
        } finally {
          await mount.stop();
        }
      });
    }
  }
});
