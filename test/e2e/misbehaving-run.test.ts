// Holders that misbehave under `leasefs run`: killed at any point of registering memory, or of waiting for a lease.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { must, run } from '../programs/installed.js';
import { eventually } from '../support/actors.js';
import { under } from '../support/mounts.js';
import { mountedSuite } from '../support/suites.js';

const sources = fileURLToPath(new URL('../../../test/', import.meta.url));
const MIB = 1 << 20;

// The kernel pins no mapping of a pooled file.
mountedSuite(
  'holders that misbehave under leasefs run',
  { store: 'direct', needs: ['gcc'] },
  ({ test, mount }) => {
    let built: string;
    let pinner: string;

    test.before(async () => {
      built = mkdtempSync(join(tmpdir(), 'leasefs-pinner-'));
      pinner = join(built, 'pinner');
      const files = ['support/pinner.c', 'proposal/lease-fcntl.c', 'proposal/memory-uring.c'];
      await must([
        'gcc',
        '-Wall',
        '-Wextra',
        '-Werror',
        ...files.map(file => join(sources, file)),
        '-o',
        pinner,
      ]);
    });
    test.after(() => rmSync(built, { recursive: true }));

    const nothingIsHeld = () =>
      mount.report('pins').pins.length === 0 && mount.report('leases').leases.length === 0;

    test('N4, A2: a process that is killed while it registers memory leaves neither pin nor lease nor zombie', async () => {
      const file = mount.file('f');
      writeFileSync(file, '');
      truncateSync(file, 8 * MIB);
      const rounds =
        'for ms in 0 1 2 3 5 8 13 21 34 55 70 89; do "$0" "$1" & sleep 0.$(printf %03d $ms); kill -9 $!; wait; done';
      const { code, stderr } = await run([...under(mount), 'sh', '-c', rounds, pinner, file], {}, 30_000);
      assert.is(code, 0, stderr);
      await eventually('nothing is held', nothingIsHeld);
      assert.is(spawnSync('truncate', ['-s', '0', file]).status, 0);
      assert.is(statSync(file).blocks, 0);
    });

    test('N4, A2: a process whose supervisor is killed can register no more, and is the last to hold the file', async () => {
      const file = mount.file('g');
      writeFileSync(file, Buffer.alloc(MIB));
      const [command, ...args] = [...under(mount), pinner, file];
      const supervisor = spawnSync('timeout', ['-s', 'KILL', '2', command!, ...args]);
      assert.is.not(supervisor.status, 0);
      await eventually('nothing is held', nothingIsHeld, 25_000);
      assert.is(spawnSync('truncate', ['-s', '0', file]).status, 0);
    });
  },
);
