// `leasefs run` with real programs of plain system calls (caller.c), linked statically: lease calls, registrations of every
// kind, what ends them, policies, exit codes, and whom the daemon takes for a supervisor.
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import * as abi from '../../src/abi/leasefs.js';
import { UNIDENTIFIED } from '../../src/base/units.js';
import { native } from '../../src/native/binding.js';
import { Processes } from '../../src/process/processes.js';
import type { RunReport } from '../../src/run/report.js';
import { cli } from '../support/mounted.js';
import { publicCli } from '../support/public-copy.js';
import { mountedSuite, needing } from '../support/suites.js';
import { build } from './build-caller.js';
import { launched } from './launched.js';
import { runAsUser } from './ordinary-user.js';

const LIMIT_MS = 120_000;
const EXCLUSIVE = 48;
const CAP_LEASE = 28;

function isSince(major: number, minor: number): boolean {
  const [a = 0, b = 0] = release().split('.').map(Number);
  return a > major || (a === major && b >= minor);
}

mountedSuite('leasefs run', { args: ['--lease-break-time', '10000'] }, ({ test, mount }) => {
  const scratch = mkdtempSync(join(tmpdir(), 'leasefs-run-test-'));
  chmodSync(scratch, 0o755);
  const caller = join(scratch, 'caller');
  const output = join(scratch, 'report');
  let files = 0;

  test.before(async () => {
    build(scratch);
  });
  test.after(async () => {
    rmSync(scratch, { recursive: true });
  });

  const leasefs = (args: readonly string[], env: NodeJS.ProcessEnv = {}): SpawnSyncReturns<string> =>
    spawnSync(launched.program, [...launched.words, ...args], {
      encoding: 'utf8',
      timeout: LIMIT_MS,
      env: { ...process.env, ...env },
    });

  /** The caller on a file of its own: what it printed, a line a verb, and the report. */
  const call = (words: string, ...options: readonly string[]) => {
    const file = `{}/f${files++}`;
    const { stdout, status, stderr } = leasefs([
      ...['run', '--at', mount.path, '--json', '--output', output, ...options],
      ...['--', caller, file, ...words.split(' ')],
    ]);
    assert.is(stderr, '');
    const report = JSON.parse(readFileSync(output, 'utf8')) as RunReport;
    return { lines: stdout.trimEnd().split('\n'), report, status };
  };

  needing(
    test,
    'fuse3',
    'unshare',
  )(
    'an ordinary user: a mount of their own through fusermount3, leases taken, memory without one refused',
    () => {
      const words = [
        'ring',
        'buffers:0:8192',
        'lease:48',
        'getlease',
        'truncate:4096',
        'lease:2',
        'getlease',
      ];
      const { stdout, stderr, status } = runAsUser(scratch, '--', caller, '{}/f', ...words);
      assert.equal(
        stdout.trimEnd().split('\n'),
        [
          ...['ring ok', 'buffers:0:8192 EPERM', 'lease:48 ok', 'getlease 48'],
          ...['truncate:4096 ok', 'lease:2 ok', 'getlease 02'],
        ],
        stderr,
      );
      assert.match(stderr, '1 lease, 0 pins');
      assert.is(status, 0);
    },
  );

  test('N1, X1: a buffer needs a lease, is a pin until it is unregistered, and holds the lease (L5)', () => {
    const { lines, report } = call(
      'ring buffers:0:8192 lease:48 getlease buffers:0:8192 truncate:4096 punch:0:4096 truncate:65536 lease:2 unregister lease:2 truncate:0 getlease',
    );
    assert.equal(lines, [
      ...['ring ok', 'buffers:0:8192 EPERM', 'lease:48 ok', 'getlease 48', 'buffers:0:8192 ok'],
      ...['truncate:4096 EDEADLK', 'punch:0:4096 EDEADLK', 'truncate:65536 ok', 'lease:2 EBUSY'],
      ...['unregister ok', 'lease:2 ok', 'truncate:0 ok', 'getlease 02'],
    ]);
    assert.equal(
      report.leases.map(({ kind, end }) => [kind, end]),
      [['exclusive', 'released']],
    );
    assert.equal(
      report.pins.map(({ off, len, ended }) => [off, len, ended]),
      [[0, 8192, true]],
    );
    assert.equal(
      report.unleased.map(({ by, letThrough }) => [by, letThrough]),
      [['io_uring', false]],
    );
    assert.ok(report.refusals.some(({ errno, rule }) => errno === 'EDEADLK' && rule === 'X1'));
  });

  test('each way to have the kernel hold memory is a pin while it holds it', () => {
    const { lines } = call(
      [
        ...[
          'lease:48',
          'ring',
          'sparse',
          'update:4096:4096',
          'truncate:4096',
          'closering',
          'truncate:1048575',
        ],
        ...['ring', 'buffers2:0:4096', 'truncate:0', 'closering', 'truncate:1048574'],
        ...['nommap:0:4096', 'truncate:0', 'closering', 'truncate:1048573'],
        ...['ring', 'pbuf:8192:8', 'truncate:8192', 'closering', 'truncate:0'],
      ].join(' '),
    );
    assert.equal(
      lines.filter(line => line.startsWith('truncate')).map(line => line.split(' ')[1]),
      ['EDEADLK', 'ok', 'EDEADLK', 'ok', 'EDEADLK', 'ok', 'EDEADLK', 'ok'],
    );
    assert.ok(
      lines.every(line => line.startsWith('truncate') || line.endsWith(' ok')),
      lines.join('\n'),
    );
  });

  test('memory that is no file of the mount is none of our business, nor is what the kernel refuses', () => {
    const { lines, report } = call('ring plain:0:8192 unregister bad lease:0 lease:2 truncate:0');
    assert.equal(lines.slice(0, 3), ['ring ok', 'plain:0:8192 ok', 'unregister ok']);
    assert.is(lines[3], 'bad EFAULT');
    assert.equal(report.leases, []);
    assert.equal(report.unleased, []);
  });

  test('a file of the mount where a ring should be: EOPNOTSUPP of the kernel, and the daemon does not wait for itself', () => {
    const { lines } = call('lease:48 filering:0:4096 truncate:0 lease:2');
    assert.equal(lines, ['lease:48 ok', 'filering:0:4096 EOPNOTSUPP', 'truncate:0 ok', 'lease:2 ok']);
  });

  test('regions and resized rings pin too: EPERM without a lease, a pin with one; unknown opcodes are refused', () => {
    const { lines, report } = call(
      'ring region:0:8192 newer lease:48 region:0:8192 truncate:0 closering truncate:65536 resizable resize:0:4096 truncate:0 closering truncate:0',
    );
    assert.equal(lines, [
      ...['ring ok', 'region:0:8192 EPERM', 'newer EPERM', 'lease:48 ok', 'region:0:8192 ok'],
      ...['truncate:0 EDEADLK', 'closering ok', 'truncate:65536 ok', 'resizable ok', 'resize:0:4096 ok'],
      ...['truncate:0 EDEADLK', 'closering ok', 'truncate:0 ok'],
    ]);
    assert.is(report.unleased.length, 2);
    const bare = call('resizable resize:0:4096 lease:48 truncate:0');
    assert.equal(bare.lines, ['resizable ok', 'resize:0:4096 EPERM', 'lease:48 ok', 'truncate:0 ok']);
  });

  test('N1: the calling thread is judged, also when the first thread has ended or has other descriptors', () => {
    const threads = build(scratch, 'threads');
    const run = (how: string) =>
      leasefs(['run', '--at', mount.path, '--output', output, '--', threads, how, mount.path]);
    const leaderless = run('leaderless');
    assert.equal(leaderless.stdout.trimEnd().split('\n'), [
      ...['register EPERM', 'lease ok', 'register ok', 'truncate EDEADLK', 'unregister ok', 'truncate ok'],
    ]);
    assert.is(leaderless.status, 48);
    const own = run('owntable');
    assert.equal(own.stdout.trimEnd().split('\n'), ['unshare ok', 'lease ok', 'thread 48', 'first 2']);
  });

  test('A3: a stopped process is judged without a wait for exec(2), which waits for the daemon', async () => {
    const execing = build(scratch, 'execing');
    const args = [
      ...launched.words,
      'run',
      '--at',
      mount.path,
      '--output',
      output,
      '--',
      execing,
      mount.path,
    ];
    const child = spawn(launched.program, args, { stdio: ['pipe', 'pipe', 'inherit'], timeout: LIMIT_MS });
    const exited = once(child, 'exit');
    const pid = Number(`${(await once(child.stdout, 'data'))[0]}`);
    process.kill(mount.pid, 'SIGSTOP');
    // A daemon that waits nevertheless is freed.
    const free = spawn('sh', ['-c', `sleep 10; kill -CONT ${mount.pid}`]);
    const processes = new Processes(
      () => {},
      () => true,
    );
    try {
      child.stdin.end('x');
      // It closes the file in that time; too short a wait would show nothing.
      await new Promise(resolve => setTimeout(resolve, 1000));
      const process = processes.identify(pid, false);
      assert.is.not(process, UNIDENTIFIED);
      assert.ok(processes.identity(pid) > 0 || !isSince(6, 9));
      processes.isCapable(process, pid, CAP_LEASE, false);
      assert.match(readFileSync(`/proc/${mount.pid}/status`, 'utf8'), 'T (stopped)');
    } finally {
      process.kill(mount.pid, 'SIGCONT');
      free.kill();
      processes.close();
    }
    assert.equal(await exited, [0, null]);
  });

  test('N2, N4, N5: a child owns no lease; the ring that it has keeps pin and zombie', () => {
    const { lines, report } = call(
      'lease:48 ring buffers:0:8192 fork buffers:0:4096 ring buffers:0:4096 truncate:0 join await closering unmap close reopen truncate:0 go truncate:0',
    );
    assert.equal(lines, [
      ...['lease:48 ok', 'ring ok', 'buffers:0:8192 ok'],
      // The ring has a table already; a ring of its own has none.
      ...['buffers:0:4096 EBUSY', 'ring ok', 'buffers:0:4096 EPERM', 'truncate:0 ETXTBSY'],
      // The child has the file too until it ends: no zombie yet.
      ...['closering ok', 'unmap ok', 'close ok', 'reopen ok', 'truncate:0 EDEADLK', 'truncate:0 ok'],
    ]);
    assert.is(report.code, 0);
  });

  test('F_SETSIG: the signal of a break carries the descriptor', () => {
    const { lines, report } = call(
      'lease:16 setsig:34 fork reopen truncate:0 join signalled:34 lease:2 go',
      '--policy',
      'off',
    );
    // Those of two processes.
    assert.equal(lines.sort(), [
      'lease:16 ok',
      'lease:2 ok',
      'reopen ok',
      'setsig:34 ok',
      'signalled:34 ok',
      'truncate:0 ok',
    ]);
    assert.is(report.code, 0);
  });

  test('B5: a call that a signal makes begin again has the answer of the first time; a release may find none left', () => {
    assert.equal(call('storm:200:1000').lines, ['storm:200:1000 ok']);
  });

  test('--policy report lets through and says so, --fail-on makes that 125; off does not look', () => {
    const words = 'ring buffers:0:4096';
    const reported = call(words, '--policy', 'report', '--fail-on', 'unleased-pin');
    assert.equal(reported.lines, ['ring ok', 'buffers:0:4096 ok']);
    assert.is(reported.status, 125);
    assert.ok(reported.report.unleased[0]!.letThrough);
    const off = call(words, '--policy', 'off', '--fail-on', 'unleased-pin,refusal,zombie,late-break');
    assert.equal(off.lines, ['ring ok', 'buffers:0:4096 ok']);
    assert.is(off.status, 0);
  });

  test('--policy report: what it lets through is no refusal, whichever rule would refuse it', () => {
    const { report } = call('ring buffers:0:4096', '--policy', 'report', '--fail-on', 'refusal');
    assert.equal(report.refusals, []);
    assert.is(report.unleased.length, 1);
    const strict = call('ring buffers:0:4096').report;
    assert.equal(
      strict.refusals.map(({ errno, rule }) => [errno, rule]),
      [['EPERM', 'N1']],
    );
  });

  test('what the kernel itself refuses is no pin: neither a leased one nor one that is let through', () => {
    const leased = call('lease:48 ring buffers:0:4096 buffers:4096:4096 getlease');
    assert.equal(leased.lines.slice(2, 4), ['buffers:0:4096 ok', 'buffers:4096:4096 EBUSY']);
    assert.equal(
      leased.report.pins.map(({ off }) => off),
      [0],
    );
    const unleased = call('ring buffers:0:4096 buffers:4096:4096 getlease', '--policy', 'report');
    assert.is(unleased.lines[2], 'buffers:4096:4096 EBUSY');
    assert.equal(
      unleased.report.unleased.map(({ off }) => off),
      [0],
    );
    const taken = call(
      'lease:48 ring buffers:0:4096 unregister buffers:4096:4096 unregister getlease',
    ).report;
    assert.equal(
      taken.pins.map(({ off }) => off),
      [0, 4096],
      'what was unregistered since was a pin',
    );
  });

  test('the files of the report are opened before the command starts', () => {
    for (const option of ['--output', '--junit']) {
      const marker = join(scratch, 'ran');
      const args = ['run', '--at', mount.path, option, join(scratch, 'no/such'), '--', 'touch', marker];
      const { status, stderr } = leasefs(args);
      assert.is(status, 2);
      assert.match(
        stderr,
        `leasefs run: ${option}: ENOENT: no such file or directory, open '${scratch}/no/such'`,
      );
      assert.not(existsSync(marker));
    }
  });

  test("the exit code is the command's own, its signal's, or env(1)'s", () => {
    assert.is(call('exit:7').status, 7);
    assert.is(call('kill:15').status, 128 + 15);
    if (isSince(6, 15)) assert.is(call('kill:34').status, 128 + 34, 'a real-time signal');
    const run = ['run', '--at', mount.path, '--output', output, '--'];
    assert.is(leasefs([...run, '/does/not/exist']).status, 127);
    assert.is(leasefs([...run, '/etc/passwd']).status, 126);
    const exported = leasefs([...run, 'sh', '-c', 'echo "$LEASEFS_MNT" "$0"', '{}/x']);
    assert.is(exported.stdout, `${mount.path} ${mount.path}/x\n`);
  });

  test('a daemon that dies in the run is a failure, and said', () => {
    const die = `kill -9 $("${process.execPath}" "${cli}" status --json "$LEASEFS_MNT" | sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p')`;
    const { status, stderr } = leasefs(['run', '--', 'sh', '-c', die]);
    assert.is(status, 125);
    assert.match(stderr, /the daemon of .* ended during the run/);
  });

  test('bad input is one line and exit 2', () => {
    for (const [args, said] of [
      [['true'], 'the command is missing'],
      [['--policy', 'lax', '--', 'true'], "--policy is 'strict', 'report' or 'off'"],
      [['--fail-on', 'zombies', '--', 'true'], '--fail-on takes zombie'],
      [['--at', mount.path, '--size', '4k', '--', 'true'], '--size is for a fresh mount'],
      [['--lease-break-time', '5s', '--', 'true'], '--lease-break-time'],
      [['--size', '1zz', '--', 'true'], '1zz'],
      [['--store', 'pooed', '--', 'true'], 'pooed'],
    ] as const) {
      const { status, stderr } = leasefs(['run', ...args]);
      assert.is(status, 2);
      assert.match(stderr, said);
    }
  });

  test('without what it needs a run is skipped, or fails when LEASEFS_REQUIRE=1 says so', () => {
    const env = { TMPDIR: '/proc/self', LEASEFS_REQUIRE: '' };
    assert.is(leasefs(['run', '--', 'true'], env).status, 77);
    assert.is(leasefs(['run', '--', 'true'], { ...env, LEASEFS_REQUIRE: '1' }).status, 125);
  });

  test('JUnit: one suite with a case for each thing that may fail', () => {
    const junit = join(scratch, 'junit.xml');
    call('ring buffers:0:4096', '--junit', junit, '--fail-on', 'unleased-pin');
    assert.match(
      readFileSync(junit, 'utf8'),
      '<testcase classname="leasefs run" name="unleased pins"><failure',
    );
  });

  test('a process that does not know the bytes of the secret file acts for no other, and other users do not see where it is', () => {
    const fd = openSync(join(mount.path, 'mine'), 'w+');
    try {
      const lease = abi.newStruct(abi.leaseFor);
      lease.setU32(abi.leaseFor.kind, EXCLUSIVE);
      lease.setS32(abi.leaseFor.tid, process.pid);
      assert.is(native.ioctl(fd, abi.LEASEFS_IOC_SETLEASE_FOR, lease.buffer), -1);
      const show = abi.newStruct(abi.supervise);
      assert.is(native.ioctl(fd, abi.LEASEFS_IOC_SUPERVISE, show.buffer), -1, 'before there is a token');
      show.setS32(abi.supervise.fd, -1);
      assert.is(native.ioctl(fd, abi.LEASEFS_IOC_SUPERVISE, show.buffer), 0);
      show.setS32(abi.supervise.fd, 0);
      show.setS32(abi.supervise.pid, 0);
      assert.is(native.ioctl(fd, abi.LEASEFS_IOC_SUPERVISE, show.buffer), -1);
    } finally {
      closeSync(fd);
    }
    const asUser = ['--reuid', '1000', '--regid', '1000', '--clear-groups', process.execPath, publicCli()];
    const args = [...asUser, 'run', '--at', mount.path, '--', 'true'];
    const { status, stderr } = spawnSync('setpriv', args, { encoding: 'utf8', timeout: LIMIT_MS, cwd: '/' });
    assert.is(status, 1);
    assert.match(stderr, 'EPERM');
  });
});
