// --spin on a real mount: requests are found before the daemon sleeps, status and metrics count them, nothing is lost.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { cli, Mounted } from '../support/mounted.js';
import { mountedSuite } from '../support/suites.js';

/** Each is a lookup, a create, a write and a close. */
const FILES = 300;

function work(mount: Mounted): void {
  for (let n = 0; n < FILES; n++) writeFileSync(mount.file(`f${n}`), `${n}`);
  for (let n = 0; n < FILES; n++) {
    assert.is(readFileSync(mount.file(`f${n}`), 'latin1'), `${n}`);
    assert.is(statSync(mount.file(`f${n}`)).size, `${n}`.length);
  }
  for (let n = 0; n < FILES; n++) rmSync(mount.file(`f${n}`));
}

const options = { store: 'pooled', args: ['--spin', '1000'] } as const;
mountedSuite('spin, mounted', options, ({ test, mount }) => {
  test('a spin of 1 ms finds requests of a client that asks one after the other', () => {
    work(mount);
    const { spin } = mount.report('status');
    assert.is(spin?.mode, '1000 us');
    assert.ok(spin !== null && spin.found > 0 && spin.us > 0, JSON.stringify(spin));
    const { stdout } = spawnSync(process.execPath, [cli, 'status', mount.path], { encoding: 'utf8' });
    assert.match(
      stdout,
      /^spin +1000 us: \d+ requests found before a sleep \(\d+%\), \d+\.\d\d s of CPU time$/m,
    );
    const metrics = readFileSync(mount.file('.leasefs/metrics'), 'latin1');
    assert.match(metrics, /^leasefs_spins_total\{result="found"\} [1-9]\d*$/m);
    assert.match(metrics, /^leasefs_spin_seconds_total [\d.e-]+$/m);
  });

  test('off: no spin is counted; auto is what a mount does by itself', async () => {
    await Mounted.during(['--store=pooled', '-o', 'spin=off'], async off => {
      work(off);
      assert.equal(off.report('status').spin, { mode: 'off', found: 0, vain: 0, us: 0 });
    });
    await Mounted.during(['--store=pooled'], async auto => {
      work(auto);
      assert.is(auto.report('status').spin?.mode, 'auto');
    });
  });
});
