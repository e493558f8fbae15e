// The demo through the fuse-native transport: every step comes out as it must there.
import { spawnSync } from 'node:child_process';
import * as assert from 'uvu/assert';
import { cli } from '../support/mounted.js';
import { suiteNeeding } from '../support/suites.js';
import { timeFactor } from '../support/time-factor.js';

suiteNeeding('demo through the fuse-native transport', ['mount'], test => {
  test('every step comes out as it must', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'demo', '--transport=fuse-native'], {
      encoding: 'utf8',
      timeout: 60_000 * timeFactor,
    });
    assert.is(status, 0, `${stdout}\n${stderr}`);
    for (let step = 1; step <= 7; step++) assert.match(stdout, new RegExp(`^${step}  `, 'm'));
    for (const code of ['ETXTBSY', 'EPERM', 'EAGAIN', 'EOPNOTSUPP']) assert.match(stdout, code);
  });

  test('another transport is refused', () => {
    const { status, stderr } = spawnSync(process.execPath, [cli, 'demo', '--transport=carrier-pigeon'], {
      encoding: 'utf8',
    });
    assert.is(status, 1);
    assert.match(stderr, /^leasefs demo: .*'carrier-pigeon'\n/);
  });
});
