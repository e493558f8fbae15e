// Processes through the addon: identity by pidfd, threads, signals with a value, limits of anybody.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { POLLIN } from '../../src/base/linux.js';
import { native } from '../../src/native/binding.js';
import { needing } from '../support/suites.js';
import { abruptEnd, addonPath, codeOf, within } from './fixture.js';

const NOBODY_PID = 0x3fffffff;
const SIGUSR1 = 10;
const SIGTERM = 15;
const root = process.getuid?.() === 0;
const test = suite('processes of the kernel');

const sleeper = (options = {}): ChildProcess => spawn('sleep', ['30'], { stdio: 'ignore', ...options });

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await within(once(child, 'exit'), 'exit');
}

test('a pidfd is of a process that is there: ESRCH and EINVAL otherwise', () => {
  assert.is(
    codeOf(() => native.pidfdOpen(NOBODY_PID)),
    'ESRCH',
  );
  assert.is(
    codeOf(() => native.pidfdOpen(0)),
    'EINVAL',
  );
  assert.is(
    codeOf(() => native.pidfdOpen(-1)),
    'EINVAL',
  );
  const self = native.pidfdOpen(process.pid);
  assert.is(native.fcntl(self.fd, 1, 0), 1, 'close-on-exec');
  assert.is(native.pidfdSignal(self.fd, 0), 0);
  self.close();
  assert.is(native.pidfdSignal(-1, 0), -errno.EBADF);
});

test('A3: a pidfd tells of the death, and its process is never another one', async () => {
  const child = sleeper();
  const pidfd = native.pidfdOpen(child.pid!);
  assert.is(native.pollWait(pidfd.fd, POLLIN, 0), 0);
  assert.is(native.pidfdSignal(pidfd.fd, SIGTERM), 0);
  assert.is(native.pollWait(pidfd.fd, POLLIN, 5000) & POLLIN, POLLIN);
  await within(once(child, 'exit'), 'exit');
  assert.is(native.pidfdSignal(pidfd.fd, 0), -errno.ESRCH);
  assert.is(native.pidfdSignal(pidfd.fd, SIGTERM, 1n), -errno.ESRCH);
  pidfd.close();
});

test("pidfdGetfd: another process's descriptor, the same description; EBADF otherwise", async () => {
  const child = spawn('sleep', ['30'], { stdio: ['pipe', 'ignore', 'ignore'] });
  const pidfd = native.pidfdOpen(child.pid!);
  const got = native.pidfdGetfd(pidfd.fd, 0);
  assert.is(native.sameDescription(process.pid, got.fd, child.pid!, 0), 0);
  assert.is(native.fcntl(got.fd, 1, 0), 1, 'close-on-exec');
  assert.is(
    codeOf(() => native.pidfdGetfd(pidfd.fd, 999)),
    'EBADF',
  );
  got.close();
  pidfd.close();
  await end(child);
});

needing(
  test,
  'root',
  'python3',
)("pidfdGetfd: another user's process: EPERM", () => {
  const script = `
import ctypes, os
os.setgid(65534); os.setuid(65534)
libc = ctypes.CDLL(None, use_errno=True)
pidfd = libc.syscall(434, ${process.pid}, 0)
print(pidfd >= 0, libc.syscall(438, pidfd, 0, 0), ctypes.get_errno())`;
  assert.is(
    execFileSync('python3', ['-c', script], { encoding: 'utf8', env: abruptEnd }).trim(),
    'True -1 1',
  );
});

test('B1: a signal carries all 64 bits of its value, as sigqueue(3) sends it', async () => {
  // siginfo_t: si_signo, si_errno, si_code, padding, si_pid, si_uid, si_value.
  const script = `
import ctypes, signal, struct
libc = ctypes.CDLL(None)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
wanted = struct.pack('<Q', 1 << (signal.SIGUSR1 - 1)) + bytes(120)
info = ctypes.create_string_buffer(128)
print('ready', flush=True)
for n in range(4):
    libc.sigtimedwait(wanted, info, struct.pack('<qq', 5, 0))
    signo, errno, code, pad, pid, uid, value = struct.unpack('<iiiiiIQ', info.raw[:32])
    print(signo, code, pid, uid, value, flush=True)
`;
  const child = spawn('python3', ['-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: abruptEnd,
  });
  const lines: string[] = [];
  const values = [0n, 1n, 2n ** 63n, 2n ** 64n - 1n];
  const pidfd = native.pidfdOpen(child.pid!);
  createInterface(child.stdout!).on('line', line => {
    lines.push(line);
    // One after the other: a pending SIGUSR1 swallows the next.
    if (lines.length <= values.length) native.pidfdSignal(pidfd.fd, SIGUSR1, values[lines.length - 1]!);
  });
  try {
    await within(once(child, 'close'), 'four signals');
  } finally {
    await end(child);
  }
  const SI_QUEUE = -1;
  const expected = values.map(value => `${SIGUSR1} ${SI_QUEUE} ${process.pid} ${process.getuid!()} ${value}`);
  assert.equal(lines, ['ready', ...expected]);
  pidfd.close();
});

test('a value that is no bigint or does not fit 64 bits is an exception', () => {
  const self = native.pidfdOpen(process.pid);
  assert.throws(() => native.pidfdSignal(self.fd, 0, 1 as unknown as bigint), TypeError);
  assert.throws(() => native.pidfdSignal(self.fd, 0, 2n ** 64n), RangeError);
  assert.throws(() => native.pidfdSignal(self.fd, 0, -1n), RangeError);
  assert.is(native.pidfdSignal(self.fd, 0, 2n ** 64n - 1n), 0);
  assert.is(native.pidfdSignal(self.fd, 200), -errno.EINVAL);
  self.close();
});

test('F6: a thread belongs to its process and to no other', async () => {
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const addon = require(workerData);
     parentPort.postMessage(addon.gettid());
     setInterval(() => {}, 1000);`,
    { eval: true, workerData: addonPath },
  );
  const [tid] = (await within(once(worker, 'message'), 'the thread’s id')) as [number];
  assert.is.not(tid, process.pid);
  assert.is(native.gettid(), process.pid);
  assert.is(native.threadOf(process.pid, tid), 0);
  assert.is(native.threadOf(process.pid, process.pid), 0);
  assert.is(native.threadOf(process.ppid, tid), -errno.ESRCH);
  assert.is(native.threadOf(process.pid, process.ppid), -errno.ESRCH);
  assert.is(native.threadOf(tid, tid), -errno.ESRCH, 'a thread is no process');
  assert.is(native.threadOf(0, tid), -errno.EINVAL);
  // Linux 6.9 and later, as passthrough needs; src/process does without.
  const thread = native.pidfdOpenThread(tid);
  assert.is(native.pidfdSignal(thread.fd, 0), 0);
  await worker.terminate();
  // join(3) returns a moment before the kernel is done with the thread.
  for (let n = 0; n < 500 && native.threadOf(process.pid, tid) === 0; n++) execFileSync('sleep', ['0.01']);
  assert.is(native.threadOf(process.pid, tid), -errno.ESRCH);
  assert.is(native.pidfdSignal(thread.fd, 0), -errno.ESRCH);
  thread.close();
});

test('N9: RLIMIT_MEMLOCK is read of any process: the soft one, Infinity when there is none', async () => {
  const limits = (args: string[], options = {}) =>
    spawn('sh', ['-c', `ulimit ${args.join(' ')}; exec sleep 600`], { stdio: 'ignore', ...options });
  const soft = limits(['-S', '-l', '64']);
  const none = limits(['-l', '64'], root ? { uid: 1000, gid: 1000 } : {});
  try {
    for (let n = 0; n < 500 && native.memlockOf(none.pid!) !== 65536; n++) execFileSync('sleep', ['0.01']);
    for (let n = 0; n < 500 && native.memlockOf(soft.pid!) !== 65536; n++) execFileSync('sleep', ['0.01']);
    assert.is(native.memlockOf(soft.pid!), 65536);
    assert.is(native.memlockOf(none.pid!), 65536, 'another user’s');
  } finally {
    await end(soft);
    await end(none);
  }
  assert.is(native.memlockOf(soft.pid!), -errno.ESRCH);
  assert.is(native.memlockOf(NOBODY_PID), -errno.ESRCH);
  const own = execFileSync('sh', ['-c', 'ulimit -S -l'], { encoding: 'utf8' }).trim();
  assert.is(native.memlockOf(process.pid), own === 'unlimited' ? Infinity : Number(own) * 1024);
});

test('raiseFileLimit lifts the soft limit to the hard one', () => {
  const hard = execFileSync('sh', ['-c', 'ulimit -H -n'], { encoding: 'utf8' }).trim();
  assert.is(String(native.raiseFileLimit()), hard);
  assert.is(execFileSync('sh', ['-c', 'ulimit -S -n'], { encoding: 'utf8' }).trim(), hard);
});

test.run();
