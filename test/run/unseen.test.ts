// What once went past the supervisor of `leasefs run`: registrations that the kernel makes without a call that it stops,
// memory and processes that it may not look at, calls that a program leaves by longjmp, more of them than descriptors.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { RunReport } from '../../src/run/report.js';
import { mountedSuite, needing } from '../support/suites.js';
import { build } from './build-caller.js';
import { launched, reporting } from './launched.js';
import { runAsUser } from './ordinary-user.js';

const LIMIT_MS = 120_000;
/** For the supervisor: Node.js itself has some 25. */
const DESCRIPTORS = 44;
/** As many leases are waited for; the program has a descriptor of each. */
const WAITING = 32;

for (const store of ['direct', 'pooled'] as const) {
  mountedSuite(
    `unseen by leasefs run, ${store}`,
    { store, args: ['--lease-break-time', '600000'] },
    ({ test, mount }) => {
      const scratch = mkdtempSync(join(tmpdir(), 'leasefs-unseen-'));
      chmodSync(scratch, 0o755);
      const caller = join(scratch, 'caller');
      const waits = join(scratch, 'waits');
      const output = join(scratch, 'report');
      let files = 0;

      test.before(() => {
        build(scratch);
        build(scratch, 'waits');
      });
      test.after(() => rmSync(scratch, { recursive: true }));

      const run = (options: readonly string[], ...command: readonly string[]) => {
        const words = [...reporting(mount.path, output, ...options), ...command];
        const { stdout, stderr } = spawnSync(launched.program, words, {
          encoding: 'utf8',
          timeout: LIMIT_MS,
        });
        assert.is(stderr, '');
        const report = JSON.parse(readFileSync(output, 'utf8')) as RunReport;
        return { lines: stdout.trimEnd().split('\n'), report };
      };
      const call = (words: string, ...options: readonly string[]) =>
        run(options, caller, `{}/f${files++}`, ...words.split(' '));

      test('B5: a lease call that longjmp leaves is over: the next one with its descriptor has its own answer', () => {
        assert.equal(run([], waits, 'longjmp', '0', '{}').lines, [
          ...['b ok', 'b 48', 'release ok', 'release EAGAIN'],
        ]);
      });

      test('B5: the same call on the same description goes on waiting', () => {
        assert.equal(run([], waits, 'again', '0', '{}').lines, [
          ...['a ok', 'a 48', 'b ok', 'b 48', 'release ok', 'release EAGAIN'],
        ]);
      });

      test('an AF_XDP socket beside a ring, whose setsockopt is not seen: refused, or reported', () => {
        for (const words of ['ring xdp', 'xdp ring']) {
          const strict = call(words);
          if (strict.lines.includes('xdp EAFNOSUPPORT')) return;
          assert.is(strict.lines[1], `${words.split(' ')[1]} EPERM`);
          assert.is(strict.report.unleased.length, 1);
          const report = call(words, '--policy', 'report');
          assert.ok(report.lines.every(line => line.endsWith(' ok')));
          assert.equal(
            report.report.unleased.map(({ letThrough }) => letThrough),
            [true],
          );
        }
        assert.equal(call('xdp').report.unleased, []);
      });

      // An ordinary user has no direct store.
      if (store === 'pooled') {
        const define = needing(test, 'fuse3', 'unshare');
        define('a process that hides from its user gets EPERM and a reason, not silence', () => {
          const words = ['nodump', 'lease:48', 'ring', 'buffers:0:4096'];
          const { stdout, stderr } = runAsUser(scratch, '--store', store, '--', caller, '{}/f', ...words);
          const lines = stdout.trimEnd().split('\n');
          assert.equal(lines.slice(0, 2), ['nodump ok', 'lease:48 EPERM'], stderr);
          assert.match(stderr, /F_SETLEASE 48: EPERM: .*PR_SET_DUMPABLE/);
          assert.match(stderr, /io_uring: .*PR_SET_DUMPABLE.*, refused/);
        });

        define('an AF_XDP socket that the kernel refuses keeps no ring away', () => {
          const { stdout, stderr } = runAsUser(scratch, '--', caller, '{}/f', 'xdp', 'ring');
          assert.match(stdout, /^xdp E\w+\nring ok\n$/, stderr);
        });
      }

      test('a supervisor without descriptors refuses what it cannot judge, and says why', () => {
        const limited = [
          '-c',
          `ulimit -n ${DESCRIPTORS}; exec "$@"`,
          'sh',
          launched.program,
          ...launched.words,
        ];
        const words = ['run', '--at', mount.path, '--', waits, 'crowd', `${WAITING}`, '{}'];
        const { stdout, stderr } = spawnSync('sh', [...limited, ...words], {
          encoding: 'utf8',
          timeout: LIMIT_MS,
        });
        assert.match(stderr, /F_SETLEASE 48: ENOLCK: the supervisor has no descriptor left/, stdout);
      });

      if (store === 'pooled') return;

      test('N6: cloned buffers are a pin of the ring that has them too, and need the lease', () => {
        const words = 'lease:48 ring buffers:0:8192 clone unregister truncate:0 closecopy truncate:0';
        const { lines, report } = call(words);
        assert.equal(lines.slice(3), [
          ...['clone ok', 'unregister ok', 'truncate:0 EDEADLK', 'closecopy ok', 'truncate:0 ok'],
        ]);
        assert.is(report.pins.length, 2);
        assert.equal(call('lease:48 ring buffers:0:8192 close clone').lines.slice(-1), ['clone EPERM']);
      });

      test('N5: provided buffers that are unregistered are no pin any more, and leave no zombie', () => {
        const { lines, report } = call('lease:48 ring pbuf:0:8 truncate:0 unpbuf close');
        assert.is(lines[3], 'truncate:0 EDEADLK');
        assert.equal(report.zombies, []);
        assert.equal(
          report.pins.map(({ ended }) => ended),
          [true],
        );
        // Refused by the kernel: they are there still.
        assert.is(call('lease:48 ring pbuf:0:8 close').report.zombies.length, 1);
        assert.equal(call('lease:48 ring pbuf:0:8 unpbuf pbuf:0:8 truncate:0').lines.slice(-1), [
          'truncate:0 EDEADLK',
        ]);
      });

      test('arguments in memory that the supervisor cannot read: refused, or reported', () => {
        const { lines, report } = call('ring secret:0:4096');
        if (lines[1] === 'secret:0:4096 ENOSYS') return;
        assert.equal(lines, ['ring ok', 'secret:0:4096 EPERM']);
        assert.match(report.unleased[0]!.by, 'cannot be read');
        const allowed = call('ring secret:0:4096', '--policy', 'report');
        assert.equal(allowed.lines, ['ring ok', 'secret:0:4096 ok']);
        assert.ok(allowed.report.unleased[0]!.letThrough);
      });
    },
  );
}
