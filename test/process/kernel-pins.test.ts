// N10: registered buffers of io_uring found in /proc, of a real process over a file of tmpfs.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { KernelPinSearch } from '../../src/process/kernel-pin-search.js';
import { type Found, type FoundPin, isAnythingPinned, kernelPinsOf } from '../../src/process/kernel-pins.js';
import { deviceNameOf } from '../../src/process/proc-text.js';
import { timeFactor } from '../support/time-factor.js';

const BLOCK = 4096;
const binding = fileURLToPath(new URL('../../src/native/binding.js', import.meta.url));
const source = fileURLToPath(new URL('../../../test/process/orphan.c', import.meta.url));
const dir = mkdtempSync('/dev/shm/leasefs-kernel-pins-');
const path = join(dir, 'f');
writeFileSync(path, Buffer.alloc(8 * BLOCK));
const { dev, ino } = statSync(path);
const device = deviceNameOf(dev);

/** A process that maps the file from its second block on and has blocks 2 and 3 registered. */
async function holder(): Promise<ChildProcess> {
  const program = `
import { native } from ${JSON.stringify(binding)};
const file = native.open(${JSON.stringify(path)}, 2);
const memory = native.map(file.fd, ${BLOCK}, ${7 * BLOCK}, 3);
file.close();
const ring = native.uring(4);
if (ring.register(memory, ${BLOCK}, ${2 * BLOCK}) < 0) process.exit(1);
process.stdout.write('registered');
setInterval(() => ring.fd, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const late = setTimeout(() => child.kill('SIGKILL'), 20_000 * timeFactor);
  await new Promise<void>((resolve, reject) => {
    child.stdout!.once('data', () => resolve());
    child.once('exit', () => reject(new Error('the holder ended')));
  });
  clearTimeout(late);
  return child;
}

const end = (child: ChildProcess): Promise<void> =>
  new Promise(resolve => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });

function pinsOf(where: string, inos: readonly number[]): readonly FoundPin[] {
  const { pins, unseen } = kernelPinsOf(where, new Set(inos));
  assert.is(unseen, undefined);
  return pins;
}

const test = suite('kernel pins');
test.after(() => rmSync(dir, { recursive: true }));

test('N10: a registered buffer is found with its process, ring, file and range', async () => {
  const child = await holder();
  try {
    // Not root: undefined.
    assert.is.not(isAnythingPinned(), false);
    const [pin, ...more] = pinsOf(device, [ino]);
    assert.equal(more, []);
    const { ring, ...rest } = pin!;
    assert.ok(ring > 2);
    const where = { begin: 2 * BLOCK, end: 4 * BLOCK, ino, path };
    const found = { by: 'io_uring', link: '', possible: false, busy: false, inherited: false };
    assert.equal(rest, { pid: child.pid, ...where, ...found });
    assert.equal(
      kernelPinsOf(device, undefined).pins.filter(other => other.ino === ino),
      [pin],
    );
    assert.equal(pinsOf(device, [ino + 1_000_000]), []);
    assert.equal(pinsOf('ff:ff', [ino]), []);
  } finally {
    await end(child);
  }
  assert.equal(pinsOf(device, [ino]), []);
});

test("N10: a child's ring of a parent that is gone is found, for any VmPin of other processes", async () => {
  const program = join(dir, 'orphan');
  const built = spawnSync('gcc', ['-O1', '-Wall', '-Wextra', '-Werror', source, '-o', program]);
  assert.is(built.status, 0, `${built.stderr}`);
  const child = spawn(program, [path], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    assert.equal(
      pinsOf(device, [ino]).map(({ begin, end, inherited }) => [begin, end, inherited]),
      [[0, 2 * BLOCK, true]],
    );
  } finally {
    await end(child);
  }
  for (const until = performance.now() + 20_000; pinsOf(device, [ino]).length > 0; )
    assert.ok(performance.now() < until, 'the child is gone');
});

test('N10: a thread of its own finds the same, and answers nothing once it is closed', async () => {
  const child = await holder();
  const lines: string[] = [];
  const search = new KernelPinSearch(line => lines.push(line));
  const find = (): Promise<Found> => new Promise(resolve => search.find({ device, inos: [ino] }, resolve));
  try {
    const both = await Promise.all([find(), find()]);
    for (const { pins, unseen } of both) assert.equal([pins, unseen], [pinsOf(device, [ino]), undefined]);
    search.find({ device, inos: [ino] }, () => lines.push('answered'));
  } finally {
    search.close();
    await end(child);
  }
  assert.equal(lines, []);
});

test('N10: the answer says what there was no time to look at', async () => {
  const child = await holder();
  try {
    const { pins, unseen } = kernelPinsOf(device, new Set([ino]), { all: -1, user: 0 });
    assert.equal(pins, []);
    assert.match(unseen ?? '', /take too long/);
  } finally {
    await end(child);
  }
});

test('N10: many requests at once are answered by few searches, each with its own pins', async () => {
  const child = await holder();
  const search = new KernelPinSearch(() => {});
  const find = (of: number): Promise<Found> =>
    new Promise(resolve => search.find({ device, inos: [of] }, resolve));
  try {
    const answers = await Promise.all(
      Array.from({ length: 500 }, (_, i) => find(i % 2 === 0 ? ino : ino + 1_000_000)),
    );
    assert.equal(
      answers.map(({ pins }) => pins.length),
      answers.map((_, i) => (i % 2 === 0 ? 1 : 0)),
    );
  } finally {
    search.close();
    await end(child);
  }
});

test('N10: a thread that waits for a process is left, and the search goes on without that process', async () => {
  const lines: string[] = [];
  const search = new KernelPinSearch(
    line => lines.push(line),
    new URL('./waiting-thread.js', import.meta.url),
  );
  const child = spawn('sleep', ['1000']);
  const find = (pid: number): Promise<Found> =>
    new Promise(resolve => search.find({ device, inos: [pid] }, resolve));
  try {
    assert.equal(await find(child.pid!), { pins: [], unseen: 'users ' }, 'no user is left out whole');
    const { uid } = statSync(`/proc/${child.pid}`);
    assert.equal(lines, [
      `the search for kernel pins waits for process ${child.pid} of user ${uid}: it goes on without that process`,
    ]);
  } finally {
    search.close();
    await end(child);
  }
});

test.run();
