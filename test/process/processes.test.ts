// Identity of processes: threads, death, capabilities, signals.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ProcessId, UNIDENTIFIED } from '../../src/base/units.js';
import { native } from '../../src/native/binding.js';
import { commandOf, isCapable, uidsOf } from '../../src/process/proc.js';
import { Processes } from '../../src/process/processes.js';
import { needing } from '../support/suites.js';
import { late, timeFactor } from '../support/time-factor.js';

const CAP_LEASE = 28;
const test = suite('processes');

const sleeper = (): ChildProcess => spawn('sleep', ['30'], { stdio: 'ignore' });

async function within(ms: number, what: string, seen: () => boolean): Promise<void> {
  const until = performance.now() + ms * timeFactor;
  while (!seen()) {
    if (performance.now() > until) throw late(what, ms * timeFactor);
    await new Promise(resolve => setTimeout(resolve, 1));
  }
}

test('pid 0 and a thread that does not exist are unidentified', () => {
  const processes = new Processes(
    () => {},
    () => true,
  );
  assert.is(processes.identify(0), UNIDENTIFIED);
  assert.is(processes.identify(0x3fffffff), UNIDENTIFIED);
  assert.is(processes.info(UNIDENTIFIED).pid, 0);
  processes.close();
});

test('F6: every thread is its process', async () => {
  const processes = new Processes(
    () => {},
    () => true,
  );
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     parentPort.postMessage(require('node:fs').readlinkSync('/proc/thread-self').split('/').at(-1));
     setInterval(() => {}, 1000);`,
    { eval: true },
  );
  const [tid] = (await once(worker, 'message')) as [string];
  const main = processes.identify(process.pid);
  assert.is.not(Number(tid), process.pid);
  assert.is(processes.identify(Number(tid)), main);
  assert.is(processes.identify(Number(tid)), main, 'again, from memory');
  assert.is(processes.info(main).pid, process.pid);
  await worker.terminate();
  await within(5000, 'the end of the thread', () => processes.identify(Number(tid)) === UNIDENTIFIED);
  assert.is(processes.identify(process.pid), main, 'its process lives on');
  processes.close();
});

test('A3: a death is reported once, within 50 ms, and its id is never used again', async () => {
  const died: ProcessId[] = [];
  const processes = new Processes(
    id => died.push(id),
    () => true,
  );
  const child = sleeper();
  const id = processes.identify(child.pid!);
  assert.is(processes.info(id).command, 'sleep');
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await within(50, 'the death', () => died.length === 1);
  assert.equal(died, [id]);
  await exited;
  const other = sleeper();
  assert.is.not(processes.identify(other.pid!), id);
  other.kill('SIGKILL');
  processes.close();
});

test('a caller that asks sees a death at once, and it is reported once', () => {
  const died: ProcessId[] = [];
  const processes = new Processes(
    id => died.push(id),
    () => true,
  );
  const child = sleeper();
  const id = processes.identify(child.pid!);
  processes.hear(id);
  assert.equal(died, []);
  child.kill('SIGKILL');
  // The event loop is blocked until here.
  for (const until = performance.now() + 5000 * timeFactor; died.length === 0 && performance.now() < until; )
    processes.hear(id);
  processes.hear(id);
  assert.equal(died, [id]);
  assert.not.ok(processes.info(id).alive);
  processes.close();
});

test('processes that no lease names are evicted when there are many', () => {
  const named = new Set<ProcessId>();
  const processes = new Processes(
    () => {},
    id => named.has(id),
  );
  const children = Array.from({ length: 300 }, sleeper);
  const ids = children.map((child, index) => {
    const id = processes.identify(child.pid!);
    if (index === 0) named.add(id);
    return id;
  });
  assert.is(processes.identify(children[0]!.pid!), ids[0], 'named: kept');
  assert.is.not(processes.identify(children[1]!.pid!), ids[1], 'not named: a new identity');
  for (const child of children) child.kill('SIGKILL');
  processes.close();
});

test("a capability counts by its number; memlock is the process's own", () => {
  const processes = new Processes(
    () => {},
    () => true,
  );
  const me = processes.identify(process.pid);
  assert.is(isCapable(native.gettid(), CAP_LEASE), process.getuid?.() === 0);
  assert.is(processes.isCapable(me, native.gettid(), CAP_LEASE), process.getuid?.() === 0);
  assert.not(processes.isCapable(UNIDENTIFIED, native.gettid(), CAP_LEASE));
  assert.ok(processes.memlock(me) > 0);
  assert.not(isCapable(0x3fffffff, CAP_LEASE));
  processes.close();
});

needing(
  test,
  'root',
  'user-namespaces',
)(
  'W: a process that we know moves to another user namespace, and its capabilities count no more',
  async () => {
    const processes = new Processes(
      () => {},
      () => true,
    );
    const child = spawn('sh', ['-c', 'read line; exec unshare -U -r sleep 600'], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    try {
      const pid = child.pid!;
      const id = processes.identify(pid);
      assert.ok(processes.isCapable(id, pid, CAP_LEASE));
      child.stdin!.end('\n');
      await within(30_000, 'the other namespace', () => commandOf(pid) === 'sleep');
      assert.is(processes.identify(pid), id);
      assert.not(processes.isCapable(id, pid, CAP_LEASE));
      assert.not(isCapable(pid, CAP_LEASE));
    } finally {
      child.kill('SIGKILL');
      processes.close();
    }
  },
);

needing(test, 'root')('B1: a signal is sent only where the uid of the lease call may kill', () => {
  const processes = new Processes(
    () => {},
    () => true,
  );
  const child = spawn('sleep', ['30'], { stdio: 'ignore', uid: 1000, gid: 1000 });
  const id = processes.identify(child.pid!);
  assert.not(processes.signal(id, 23, 0n, 1001));
  assert.ok(processes.signal(id, 23, 0n, 1000));
  assert.ok(processes.signal(id, 23, 0n, 0));
  child.kill('SIGKILL');
  processes.close();
});

test('the uids of a process, as its pidfd and as /proc says them', () => {
  const processes = new Processes(
    () => {},
    () => true,
  );
  const child = spawn('sleep', ['1000'], {
    stdio: 'ignore',
    ...(process.getuid?.() === 0 ? { uid: 65534 } : {}),
  });
  try {
    assert.is.not(processes.identify(child.pid!), UNIDENTIFIED);
    assert.equal(processes.uids(child.pid!), uidsOf(child.pid!));
    assert.equal(processes.uids(process.pid), uidsOf(process.pid), 'not identified');
    assert.is(processes.uids(0x3fffffff), undefined);
  } finally {
    child.kill('SIGKILL');
    processes.close();
  }
});

test('our own thread answers for itself', () => {
  assert.is(native.threadOf(process.pid, native.gettid()), 0);
});

test('W: of the descriptors for processes one user has a quarter, two a process, and what ended frees them', async () => {
  if (process.getuid?.() !== 0) return;
  const said: [string, number | undefined][] = [];
  const processes = new Processes(
    () => {},
    () => true,
    (line, uid) => said.push([line, uid]),
    32,
    65532,
  );
  const sleepers = (count: number, uid: number) =>
    Array.from({ length: count }, () => spawn('sleep', ['1000'], { uid, stdio: 'ignore' }));
  const identified = (of: readonly ChildProcess[]) =>
    of.filter(({ pid }) => processes.identify(pid!) !== UNIDENTIFIED).length;
  const children = [sleepers(6, 65534), sleepers(6, 65533), sleepers(6, 0), sleepers(6, 65532)] as const;
  try {
    assert.equal(children.map(identified), [4, 4, 6, 6], 'root and the user of the mount are exempt');
    assert.match(said[0]![0], 'EPERM to user 65534: no descriptor is left');
    assert.is(said[0]![1], 65534);
    for (const child of children[0].slice(0, 4)) child.kill('SIGKILL');
    await within(5000, 'their ends', () => identified(children[0].slice(4)) === 2);
  } finally {
    for (const child of children.flat()) child.kill('SIGKILL');
    processes.close();
  }
});

test('one user does not take every descriptor: a share of those for processes, root exempt', async () => {
  if (process.getuid?.() !== 0) return;
  const limits = /^Max open files +(\d+) +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))!;
  const set = (soft: string) =>
    assert.is(spawnSync('prlimit', ['--pid', `${process.pid}`, `--nofile=${soft}:${limits[2]}`]).status, 0);
  const sleepers = (count: number, uid: number) =>
    Array.from({ length: count }, () => spawn('sleep', ['1000'], { uid, stdio: 'ignore' }));
  const processes = new Processes(
    () => {},
    () => true,
    () => {},
    120,
  );
  const identified = (of: readonly ChildProcess[]) =>
    of.filter(({ pid }) => processes.identify(pid!) !== UNIDENTIFIED).length;
  const others = [sleepers(80, 65534), sleepers(15, 65533), sleepers(10, 0)] as const;
  // Room for about 100 more above the reserve of 96.
  const used = readdirSync('/proc/self/fd').length;
  // Those of threads do not reach the numbers below the reserve.
  const fillers = Array.from({ length: Math.max(0, 100 - used) }, () => openSync('/dev/null', 'r'));
  try {
    set('296');
    const greedy = identified(others[0]);
    assert.ok(greedy > 10 && greedy < 80, `${greedy} of 80`);
    assert.ok(identified(others[1]) > 0, 'another user has a share of the rest');
    assert.is(identified(others[2]), 10, 'root');
    for (const child of others[0]) child.kill('SIGKILL');
    await within(5000, 'their ends', () => identified(others[1]) === 15);
  } finally {
    set(limits[1]!);
    for (const fd of fillers) closeSync(fd);
    for (const child of others.flat()) child.kill('SIGKILL');
    processes.close();
  }
});

test.run();
