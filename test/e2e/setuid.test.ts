// setuid and setgid of changed files: a change by root keeps them, one by another user takes them, as on tmpfs. On the direct
// store every write takes them, since the kernel reports neither a passthrough write nor the writer.
import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, openSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { Mounted, stores } from '../support/mounted.js';
import { BLOCK } from '../support/numbers.js';
import { suiteNeeding } from '../support/suites.js';

const BITS = 0o6000;

/** By a process of another user, who may write the file. */
function byAnother(script: string, path: string): void {
  const { status, stderr } = spawnSync('sh', ['-c', script, 'sh', path], {
    ...{ uid: 1234, gid: 1234, cwd: '/', encoding: 'utf8' },
  });
  assert.is(status, 0, stderr);
}

function write(path: string): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, 'x');
  closeSync(fd);
}

suiteNeeding('setuid and setgid of changed files', ['mount'], test => {
  for (const store of stores) {
    test(`${store} store`, () =>
      Mounted.during(['--store', store, '--size', '16m', '-o', 'allow_other'], async mount => {
        const path = mount.file('f');
        writeFileSync(path, Buffer.alloc(2 * BLOCK, 1));
        const left = (change: (path: string) => void): number => {
          chmodSync(path, 0o6777);
          change(path);
          return statSync(path).mode & BITS;
        };
        // Many times, so that some fall into one step of the clock and some do not.
        for (let round = 0; round < 50; round++) {
          assert.is(left(write), store === 'pooled' ? BITS : 0, 'a write by root');
          assert.is(
            left(file => truncateSync(file, BLOCK + round)),
            BITS,
            'truncate by root',
          );
        }
        assert.is(
          left(file => closeSync(openSync(file, 'w'))),
          BITS,
          'O_TRUNC by root',
        );
        assert.is(
          left(file => spawnSync('fallocate', ['-l', '8k', file])),
          BITS,
          'fallocate by root',
        );
        for (const script of ['printf x 1<>"$1"', 'printf x >> "$1"', ': > "$1"', 'truncate -s 100 "$1"'])
          assert.is(
            left(file => byAnother(script, file)),
            0,
            script,
          );
      }));
  }
});
