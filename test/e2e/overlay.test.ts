// overlayfs with its lower, upper and work directory on a leasefs. It keeps a file handle of each lower file that it copies up.
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { stores } from '../support/mounted.js';
import { mountedSuite } from '../support/suites.js';

for (const store of stores) {
  mountedSuite(`overlayfs on the ${store} store`, { store, needs: ['overlay'] }, ({ test, mount }) => {
    const merged = mkdtempSync(join(tmpdir(), 'leasefs-overlay-'));
    const at = (name: string): string => join(merged, name);

    test.before(() => {
      for (const name of ['lower', 'lower/dir', 'upper', 'work']) mkdirSync(mount.file(name));
      for (const name of ['f', 'dir/f']) writeFileSync(mount.file(`lower/${name}`), name);
      const layers = ['lower', 'upper', 'work'].map(name => `${name}dir=${mount.file(name)}`);
      const { status, stderr } = spawnSync('mount', ['-t', 'overlay', 'o', '-o', layers.join(','), merged], {
        encoding: 'utf8',
      });
      assert.is(status, 0, stderr);
    });
    test.after(() => {
      assert.is(spawnSync('umount', [merged]).status, 0);
      rmSync(merged, { recursive: true });
    });

    test('a lower file that was renamed is there when the kernel has dropped its caches', () => {
      renameSync(at('f'), at('g'));
      renameSync(at('dir/f'), at('dir/h'));
      writeFileSync('/proc/sys/vm/drop_caches', '2');
      // Found by the handle of the lower file, and asked about once more by a listing.
      for (const name of ['g', 'dir/h']) statSync(at(name));
      assert.equal(readdirSync(merged).sort(), ['dir', 'g']);
      assert.equal(readdirSync(at('dir')), ['h']);
      for (const [name, text] of [
        ['g', 'f'],
        ['dir/h', 'dir/f'],
      ] as const) {
        assert.ok(statSync(at(name)).isFile());
        assert.is(readFileSync(at(name), 'utf8'), text);
      }
    });
  });
}
