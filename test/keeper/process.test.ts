// leasefs-keeper as a process: signals, descriptors, CPU time, its own death, the mount that it ends, systemd's readiness.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mountsNow } from '../../src/fuse/mountinfo.js';
import { native } from '../../src/native/binding.js';
import { eventually } from '../support/actors.js';
import { needing } from '../support/suites.js';
import { timeFactor } from '../support/time-factor.js';
import { Kept, type Step } from './scripts.js';

const test = suite('keeper as a process');
const SERVE: Step = ['serve'];
const KILL: Step = ['kill'];
const COME_MS = 30_000 * timeFactor;

/** Of /proc/PID/stat, from the state on. */
const statOf = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /, '')
    .split(' ');

const running: Kept[] = [];
const keeper = (...args: ConstructorParameters<typeof Kept>): Kept => {
  const kept = new Kept(...args);
  running.push(kept);
  return kept;
};
test.after.each(() => {
  for (const kept of running.splice(0)) kept.clear();
});

test('SIGTERM, SIGINT and SIGHUP go to the daemon, and no other signal does anything', async () => {
  const kept = keeper([[SERVE, ['stay']]]);
  await kept.came('stay');
  for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGQUIT', 'SIGALRM', 'SIGPIPE', 'SIGTSTP'] as const)
    kept.process.kill(signal);
  for (let times = 1; times <= 2; times++) {
    kept.process.kill('SIGHUP');
    await kept.came('SIGHUP', times);
  }
  kept.process.kill('SIGINT');
  assert.is((await kept.end()).code, 0);
  assert.equal(
    kept.notes().map(({ what }) => what),
    ['start', 'serve', 'stay', 'SIGHUP', 'SIGHUP', 'SIGINT'],
  );
});

test('a signal that comes while the next daemon begins waits until it serves', async () => {
  const kept = keeper([
    [SERVE, KILL],
    [['signal-keeper'], SERVE],
  ]);
  assert.is((await kept.end()).code, 0);
  assert.equal(
    kept.notes().map(({ what }) => what),
    ['start', 'serve', 'start', 'serve', 'SIGTERM'],
  );
});

test('SIGTERM before the first daemon serves ends it at once', async () => {
  const kept = keeper([[['stay']]]);
  await kept.came('stay');
  kept.process.kill('SIGTERM');
  assert.is((await kept.end()).code, 0);
  assert.is(kept.count('SIGTERM'), 1);
});

test('the daemon has a session of its own, and the keeper none of the descriptors that it was started with', async () => {
  const kept = keeper([[['close', '3'], SERVE, ['stay']]]);
  assert.is(await kept.inherited, '');
  await kept.came('stay');
  const [start] = kept.starts();
  assert.is(start!.session, start!.pid);
  assert.is(kept.process.exitCode, null);
});

test('a keeper that is killed ends alone: the daemon notices it, once, and goes on', async () => {
  const kept = keeper([[SERVE, ['watch'], ['stay']]]);
  await kept.came('stay');
  kept.process.kill('SIGKILL');
  await kept.came('gone');
  const { pid } = kept.starts()[0]!;
  process.kill(pid, 'SIGHUP');
  await kept.came('SIGHUP');
  assert.is(kept.count('gone'), 1);
});

test('no process spins: a daemon that closes its end of the socket costs nothing', async () => {
  const kept = keeper([[SERVE, ['close', '5'], ['stay']]]);
  await kept.came('stay');
  const { pid } = kept.process;
  const ticks = (): number => {
    const fields = statOf(pid!);
    return Number(fields[11]) + Number(fields[12]);
  };
  await eventually('the keeper sleeps', () => statOf(pid!)[0] === 'S', COME_MS);
  const before = ticks();
  await new Promise(resolve => setTimeout(resolve, 300));
  // 300 ms of spinning would be 30.
  assert.ok(ticks() - before < 10, 'CPU time in ticks of 10 ms');
  process.kill(kept.starts()[0]!.pid, 'SIGTERM');
  assert.is((await kept.end()).code, 0);
});

needing(test, 'root')('too many deaths detach the mount that was named, and no other one', async () => {
  const path = mkdtempSync(join(tmpdir(), 'leasefs-keeper-mnt-'));
  const idOf = (): number | undefined => mountsNow().findLast(({ target }) => target === path)?.id;
  try {
    for (const wrong of [1, 0]) {
      assert.is(native.mount('leasefs-test', path, 'tmpfs', 0, ''), 0);
      const named: Step = ['mounted', `${idOf()! + wrong}`, path];
      const { code } = await keeper([[named, SERVE, KILL]], { deaths: 1 }).end();
      assert.is(code, 1);
      assert.is(idOf() === undefined, wrong === 0);
      native.umount(path, 2);
      // Not served yet: it could not be mounted.
      native.mount('leasefs-test', path, 'tmpfs', 0, '');
      const ended = await keeper([
        [
          ['mounted', `${idOf()! + wrong}`, path],
          ['exit', '6'],
        ],
      ]).end();
      assert.is(ended.code, 6);
      assert.is(idOf() === undefined, wrong === 0);
      native.umount(path, 2);
    }
  } finally {
    native.umount(path, 2);
    rmdirSync(path);
  }
});

needing(test, 'python3')('at the first R it notifies systemd, whose service it is', async () => {
  const address = `@leasefs-keeper-test-${process.pid}`;
  const listener = spawn('python3', [
    '-c',
    `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind('\\0' + sys.argv[1][1:])
print('bound', flush=True)
import struct
while True:
    data, extra, _, _ = s.recvmsg(99, 99)
    print(data.decode(), struct.unpack('3i', extra[0][2])[0], flush=True)`,
    address,
  ]);
  let heard = '';
  listener.stdout.on('data', data => {
    heard += data;
  });
  try {
    await eventually('the listener', () => heard.startsWith('bound'), COME_MS);
    const kept = keeper(
      [
        [SERVE, KILL],
        [SERVE, ['exit', '0']],
      ],
      { env: { ...process.env, NOTIFY_SOCKET: address } },
    );
    assert.is((await kept.end()).code, 0);
    const said = `bound\nREADY=1 ${kept.process.pid}\n`;
    await eventually('the message', () => heard.length >= said.length, COME_MS);
    assert.is(heard, said);
  } finally {
    listener.kill('SIGKILL');
  }
});

test.run();
