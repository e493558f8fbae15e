// Programs of 32 bits on a kernel of 64 have calls of other numbers: `leasefs run` stops them too. On x86-64 a call of
// i386 from a program of 64 bits, on machines that have such calls; on arm64 a whole program for ARM.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { RunReport } from '../../src/run/report.js';
import { mountedSuite } from '../support/suites.js';
import { build } from './build-caller.js';
import { launched, reporting } from './launched.js';

const LIMIT_MS = 120_000;
const isArm = process.arch === 'arm64';

mountedSuite('programs of 32 bits', { needs: [isArm ? 'arm-gcc' : 'gcc'] }, ({ test, mount }) => {
  const scratch = mkdtempSync(join(tmpdir(), 'leasefs-narrow-test-'));
  const caller = join(scratch, 'caller');
  const output = join(scratch, 'report');
  let files = 0;

  test.before(() => {
    build(scratch, 'caller', isArm ? 'arm-linux-gnueabihf-gcc' : 'gcc');
  });
  test.after(() => rmSync(scratch, { recursive: true }));

  /** What the caller printed, a line a verb, and the report. */
  const call = (words: string) => {
    const run = reporting(mount.path, output);
    const { stdout, stderr } = spawnSync(
      launched.program,
      [...run, caller, `{}/f${files++}`, ...words.split(' ')],
      { encoding: 'utf8', timeout: LIMIT_MS },
    );
    assert.is(stderr, '');
    return {
      lines: stdout.trimEnd().split('\n'),
      report: JSON.parse(readFileSync(output, 'utf8')) as RunReport,
    };
  };

  if (!isArm) {
    test('a lease call of i386 is stopped, on a machine that has such calls', () => {
      const { lines } = call('lease32:48 getlease lease32:2 getlease');
      const without = ['lease32:48 ENOEXEC', 'getlease 02', 'lease32:2 ENOEXEC', 'getlease 02'];
      if (lines[0] === without[0]) assert.equal(lines, without);
      else assert.equal(lines, ['lease32:48 ok', 'getlease 48', 'lease32:2 ok', 'getlease 02']);
    });
    return;
  }

  test('N1, X1: its lease is taken, a buffer needs one and is a pin, whose memory is not truncated', () => {
    const { lines, report } = call(
      'ring buffers:0:8192 lease:48 getlease buffers:0:8192 truncate:4096 unregister lease:2 truncate:0',
    );
    assert.equal(lines, [
      ...['ring ok', 'buffers:0:8192 EPERM', 'lease:48 ok', 'getlease 48', 'buffers:0:8192 ok'],
      ...['truncate:4096 EDEADLK', 'unregister ok', 'lease:2 ok', 'truncate:0 ok'],
    ]);
    assert.equal(
      report.pins.map(({ off, len, ended }) => [off, len, ended]),
      [[0, 8192, true]],
    );
  });

  test('N1: other ways to register memory are stopped too', () => {
    const { lines } = call('nommap:0:4096 ring pbuf:0:16 buffers2:0:4096 sparse update:0:4096');
    assert.equal(lines, [
      ...['nommap:0:4096 EPERM', 'ring ok', 'pbuf:0:16 EPERM', 'buffers2:0:4096 EPERM', 'sparse ok'],
      'update:0:4096 EPERM',
    ]);
  });
});
