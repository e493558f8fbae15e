// The end of an environment, of a Worker or of the process, with everything still alive: no crash, no leak, no wait.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { abruptEnd, addonPath, until, within } from './fixture.js';

const test = suite('environments');
const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** Leaves one of everything alive, then runs `end`. */
const everything = (end: string): string => `
  const addon = require(${JSON.stringify(addonPath)});
  const file = addon.memfdCreate('left');
  addon.ftruncate(file.fd, 4096);
  const memory = addon.map(file.fd, 0, 4096, 3);
  const [a, b] = addon.socketpair();
  const [c, d] = addon.socketpair();
  const poller = addon.poll(a.fd, 1, () => {});
  const busy = addon.poll(b.fd, 4, () => {});
  const channel = addon.adoptFuse(c.release(), 8192, 1);
  channel.start(() => 0, () => {});
  const twin = addon.dup(d.fd);
  const loud = addon.adoptFuse(d.release(), 8192, 1);
  loud.send(16);
  try { addon.uring(1).register(memory, 0, 4096); } catch {}
  const answer = addon.ioctlAsync(file.fd, 0x80086601, new ArrayBuffer(8));
  ${end}`;

test('a Worker ends by itself, terminated, or by an exception: all is released, 20 times', async () => {
  const ends = [
    'setTimeout(() => { poller.close(); busy.close(); channel.close(); }, 5);',
    'setTimeout(() => process.exit(0), 5);',
    'setTimeout(() => { throw new Error("meant"); }, 5);',
    'require("node:worker_threads").parentPort.postMessage("terminate me");',
  ];
  const run = async (end: string) => {
    const worker = new Worker(everything(end), { eval: true });
    worker.on('message', () => void worker.terminate());
    worker.on('error', error => assert.is(error.message, 'meant'));
    await within(once(worker, 'exit'), 'the end of a Worker').catch((error: Error) => {
      if (error.message !== 'meant') throw error;
    });
  };
  await run(ends[0]!);
  await run(ends[1]!);
  const before = descriptors();
  for (let round = 0; round < 5; round++) for (const end of ends) await run(end);
  await until(() => descriptors() <= before, `no descriptor is left: ${before}, now ${descriptors()}`);
});

test('several Workers and the main thread use the addon at once', async () => {
  const workers = Array.from({ length: 4 }, () => {
    const text = everything('poller.close(); busy.close(); channel.close(); addon.unmap(memory);');
    return new Worker(text, { eval: true });
  });
  const codes = await Promise.all(workers.map(worker => within(once(worker, 'exit'), 'the end of a Worker')));
  assert.equal(codes.flat(), [0, 0, 0, 0]);
});

for (const [how, end, code] of [
  ['process.exit()', 'setTimeout(() => process.exit(3), 10);', 3],
  [
    'process.exit() as soon as all is closed',
    'poller.close(); busy.close(); channel.close(); process.exit(3);',
    3,
  ],
  ['process.exit() at the answer of an ioctl', 'answer.then(() => process.exit(3));', 3],
  ['an uncaught exception', 'setTimeout(() => { throw 1; }, 10);', 1],
  ['nothing left to do', 'poller.unref(); busy.unref(); channel.close();', 0],
] as const) {
  test(`a process that ends by ${how} does not crash`, async () => {
    const child = spawn(process.execPath, ['-e', everything(end)], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: code === 0 ? process.env : abruptEnd,
    });
    let text = '';
    child.stderr.on('data', data => {
      text += data;
    });
    const [exit, signal] = await within(once(child, 'close'), 'the end of the process');
    assert.equal([exit, signal], [code, null], text);
  });
}

test.run();
