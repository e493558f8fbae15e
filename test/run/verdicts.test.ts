// The verdict on zombies: a registration that is gone before the last close of the leased file makes none, in every order
// of the calls that end it and the file, and one that is there makes one, always.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { RunReport } from '../../src/run/report.js';
import { mountedSuite, needing } from '../support/suites.js';
import { timeFactor } from '../support/time-factor.js';
import { build } from './build-caller.js';
import { launched, reporting } from './launched.js';

const LIMIT_MS = 120_000 * timeFactor;
const ROUNDS = 2;

/** Every order of every subset. */
function orders<T>(of: readonly T[]): T[][] {
  return [
    [],
    ...of.flatMap(first => orders(of.filter(other => other !== first)).map(rest => [first, ...rest])),
  ];
}

mountedSuite('verdicts of leasefs run', { args: ['--lease-break-time', '10000'] }, ({ test, mount }) => {
  const scratch = mkdtempSync(join(tmpdir(), 'leasefs-verdicts-'));
  chmodSync(scratch, 0o755);
  const caller = join(scratch, 'caller');
  const output = join(scratch, 'report');

  test.before(() => {
    build(scratch);
  });
  test.after(() => rmSync(scratch, { recursive: true }));

  /** The script in one run; `caller` is a word of it. */
  const run = (script: string) => {
    const { status, stderr } = spawnSync(
      launched.program,
      [
        ...reporting(mount.path, output, '--fail-on', 'zombie'),
        'bash',
        '-c',
        `cd "$LEASEFS_MNT"; caller() { ${caller} "$@" >/dev/null; }; ${script}`,
      ],
      { encoding: 'utf8', timeout: LIMIT_MS },
    );
    assert.is(stderr, '');
    return { status, report: JSON.parse(readFileSync(output, 'utf8')) as RunReport };
  };

  test('N5: unregister, close of the ring, close of the file, exit: in every order a zombie only where pins were left', () => {
    const all = orders(['unregister', 'closering', 'close'] as const).map(words => {
      const closed = words.indexOf('close');
      const isZombie = closed >= 0 && !words.slice(0, closed).some(word => word !== 'close');
      return { name: ['order', ...words].join('-'), words: words.join(' '), isZombie };
    });
    for (let round = 0; round < ROUNDS; round++) {
      const starts = ['lease:48 ring', 'ring lease:48'];
      const lines = all.map(
        ({ name, words }) => `caller ${name}.${round} ${starts[round % 2]} buffers:0:8192 ${words}`,
      );
      const { report, status } = run(lines.join('\n'));
      assert.equal(
        report.zombies.map(({ path }) => path).sort(),
        all
          .filter(({ isZombie }) => isZombie)
          .map(({ name }) => `/${name}.${round}`)
          .sort(),
      );
      assert.equal(
        report.pins.filter(({ ended }) => !ended),
        [],
      );
      assert.is(report.pins.length, all.length);
      assert.is(status, 125);
    }
  });

  test('N5: a program that leaves everything to its exit, or is killed, leaves no zombie', () => {
    const { report, status } = run(`
      for n in 1 2 3 4 5 6; do
        caller exit.$n lease:48 ring buffers:0:8192
        caller killed.$n lease:48 ring buffers:0:8192 kill:9
        caller unmapped.$n lease:48 ring buffers:0:8192 unmap exit:0
      done 2>/dev/null`);
    assert.equal(report.zombies, []);
    assert.is(report.pins.length, 18);
    assert.is(status, 0);
  });

  test('N5: a pin that the process asked for itself: closed first, a zombie; ended with the process, none', () => {
    const { report, status } = run(`
      for n in 1 2 3 4 5 6; do
        caller own.$n lease:48 ownpin:0:4096
        caller killed.$n lease:48 ownpin:0:4096 kill:9
        caller zombie.$n lease:48 ownpin:0:4096 close
      done 2>/dev/null`);
    assert.equal(
      report.zombies.map(({ path }) => path).sort(),
      [1, 2, 3, 4, 5, 6].map(n => `/zombie.${n}`),
    );
    assert.is(status, 125);
  });

  test('N5: a file that is closed as soon as it is leased and pinned: always a zombie, no copy of ours is the last to close', () => {
    const { report } = run('for n in $(seq 20); do caller at-once.$n zombies:1; done');
    assert.is(report.zombies.length, 20);
  });

  test('N5: exec of another program closes the file: a zombie only while the ring is kept', () => {
    const { report } = run(`
      for n in 1 2 3 4 5 6; do
        caller kept.$n lease:48 ring buffers:0:8192 keepring cloexec exec:0
        caller ended.$n lease:48 ring buffers:0:8192 cloexec unregister exec:1
      done`);
    assert.equal(
      report.zombies.map(({ path }) => path).sort(),
      [1, 2, 3, 4, 5, 6].map(n => `/kept.${n}`),
    );
  });

  needing(test, 'fio')("fio with the README's helper: buffers registered and unregistered, no zombie", () => {
    const { report, status } = run(`
        leased() { perl -e '$^F = 9; open(F, "+<", shift) && fcntl(F, 1024, 16 | 32) || die "$!\\n"; exec(@ARGV)' "$@"; }
        truncate -s 4m f
        for n in 1 2 3 4 5 6; do
          leased f fio --name=x --rw=randwrite --bs=4k --size=1m --filename=g --ioengine=io_uring --fixedbufs \\
            --mem=mmapshared:$PWD/f --iodepth=4 --thread >/dev/null || exit 3
        done`);
    assert.equal(report.zombies, []);
    assert.is(status, 0);
    assert.ok(report.pins.length >= 6, JSON.stringify(report.pins));
  });
});
