// What the kernel refuses to hold is no pin, and what it holds no more is none at once, also where fdinfo does not list it:
// rings of provided buffers, memory regions, queues.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { RunReport } from '../../src/run/report.js';
import { stores } from '../support/mounted.js';
import { mountedSuite, needing } from '../support/suites.js';
import { timeFactor } from '../support/time-factor.js';
import { build } from './build-caller.js';
import { launched, reporting } from './launched.js';
import { runAsUser } from './ordinary-user.js';

const LIMIT_MS = 120_000 * timeFactor;

/** Since then every ring says whether it has a group (PBUF_STATUS), and has a memory region; 6.13: it may be resized. */
const [major = 0, minor = 0] = release().split('.').map(Number);
const isNew = major > 6 || (major === 6 && minor >= 13);

for (const store of stores) {
  mountedSuite(`refused by the kernel under leasefs run, ${store}`, { store }, ({ test, mount }) => {
    const scratch = mkdtempSync(join(tmpdir(), 'leasefs-refused-'));
    chmodSync(scratch, 0o755);
    const caller = join(scratch, 'caller');
    const output = join(scratch, 'report');
    let files = 0;

    test.before(() => {
      build(scratch);
    });
    test.after(() => rmSync(scratch, { recursive: true }));

    /** What each verb answered, and the report. */
    const call = (words: string, ...options: readonly string[]) => {
      const { stdout, stderr } = spawnSync(
        launched.program,
        [...reporting(mount.path, output, ...options), caller, `{}/f${files++}`, ...words.split(' ')],
        { encoding: 'utf8', timeout: LIMIT_MS },
      );
      assert.is(stderr, '');
      const answers = stdout
        .trimEnd()
        .split('\n')
        .map(line => line.split(' ')[1]!);
      return { answers: answers.join(' '), report: JSON.parse(readFileSync(output, 'utf8')) as RunReport };
    };

    test('what the kernel would refuse is in no report, also of a program that ends right after it', () => {
      for (const words of ['ring protect:4096:4096 buffers:0:8192', 'ring unmap buffers:0:8192']) {
        const { answers, report } = call(`lease:48 ${words}`);
        assert.is(answers, 'ok ok ok EFAULT');
        assert.equal(report.pins, []);
        const reported = call(words, '--policy', 'report');
        assert.is(reported.answers, 'ok ok EFAULT');
        assert.equal(reported.report.unleased, []);
      }
    });

    if (!isNew) return;

    if (store === 'pooled') {
      const words = 'lease:48 ring pbuf:0:8 region:0:8192 truncate:0 close';
      const answered = 'ok ok EFAULT EFAULT ok ok';

      test('N7: the pages of a pooled file cannot be held: no pin stays, and no zombie', () => {
        const { answers, report } = call(words);
        assert.is(answers, answered);
        assert.equal(report.zombies, []);
        assert.ok(report.pins.every(({ ended }) => ended));
      });

      needing(
        test,
        'fuse3',
        'unshare',
      )('the same of an ordinary user', () => {
        const options = ['--store', store, '--fail-on', 'zombie', '--'];
        const { stdout, stderr, status } = runAsUser(
          scratch,
          ...options,
          caller,
          '{}/f',
          ...words.split(' '),
        );
        assert.is(stdout.trimEnd().replace(/^\S+ /gm, '').split('\n').join(' '), answered, stderr);
        assert.is(status, 0, stderr);
      });
      return;
    }

    test('a second table of buffers is in no report, also of a program that ends right after it', () => {
      for (const second of ['buffers:0:8192', 'buffers2:8192:8192']) {
        for (const first of ['buffers:0:4096', 'sparse']) {
          const { answers, report } = call(`lease:48 ring ${first} ${second}`);
          assert.is(answers, 'ok ok ok EBUSY');
          assert.is(report.pins.length, first === 'sparse' ? 0 : 1);
        }
      }
    });

    test("a program that ends before the kernel's answer is seen: the report says so", () => {
      const { report } = call('lease:48 single pbuf:0:8 pbuf:8192:8');
      assert.equal(
        report.pins.map(({ asked }) => asked),
        [true, true],
      );
      const seen = call('lease:48 ring buffers:0:4096 unregister pbuf:0:8 unpbuf region:0:4096 lease:48');
      assert.equal(
        seen.report.pins.map(({ asked }) => asked),
        [false, false, false],
      );
    });

    test('a ring of provided buffers: a second one of its group, one that is not well formed, one in no memory', () => {
      const { answers } = call(
        'lease:48 ring pbuf:0:8 pbuf:8192:8 truncate:8192 pbuf:0:7 truncate:0 unpbuf truncate:0 pbuf:100:8 pbuf:0:65536 truncate:1 pbuf:0:8 truncate:0',
      );
      assert.is(answers, 'ok ok ok EEXIST ok EINVAL EDEADLK ok ok EINVAL EINVAL ok ok EDEADLK');
    });

    test('it is gone when another process unregisters it, and leaves no zombie', () => {
      const { answers, report } = call('lease:48 ring pbuf:0:8 fork unpbuf join go truncate:0 close');
      assert.is(answers, 'ok ok ok ok ok ok');
      assert.equal(report.zombies, []);
    });

    test('a ring that only its own thread may ask: what it does not say ends with the group', () => {
      const { answers } = call(
        'lease:48 single pbuf:0:8 pbuf:8192:8 truncate:0 unpbuf truncate:0 unpbuf truncate:4096 pbuf:0:8 truncate:0',
      );
      assert.is(answers, 'ok ok ok EEXIST EDEADLK ok ok ENOENT ok ok EDEADLK');
    });

    test('a ring whose restrictions refuse to unregister it holds it still', () => {
      const { answers } = call(
        'lease:48 disabled pbuf:0:8 restrict enable unpbuf truncate:0 closering truncate:0',
      );
      assert.is(answers, 'ok ok ok ok ok EACCES EDEADLK ok ok');
    });

    test('a ring that is named by its index holds what it registers', () => {
      const { answers } = call('lease:48 ring index pbuf:0:8 truncate:0 region:8192:8192 truncate:8192');
      assert.is(answers, 'ok ok ok ok EDEADLK ok EDEADLK');
    });

    test('a memory region: a second one, and one that is not well formed', () => {
      const { answers } = call(
        'lease:48 ring region:0:100 truncate:65536 truncate:0 truncate:65536 region:0:8192 region:8192:8192 truncate:8192 truncate:0 closering truncate:0',
      );
      assert.is(answers, 'ok ok EINVAL ok ok ok ok EBUSY ok EDEADLK ok ok');
    });

    test('queues that are resized: refused, or moved to other memory', () => {
      const { answers, report } = call('lease:48 ring resize:0:4096 truncate:0 close');
      assert.is(answers, 'ok ok EINVAL ok ok');
      assert.equal(report.zombies, []);
      const moved = call(
        'lease:48 resizable resize:0:4096 punch:0:8192 grow:16384:32768 punch:0:8192 truncate:16384',
      );
      assert.is(moved.answers, 'ok ok ok EDEADLK ok ok EDEADLK');
    });
  });
}
