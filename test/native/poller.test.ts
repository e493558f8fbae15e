// poll(2) in the event loop: level-triggered, safe against everything that its callback may do.
import { execFileSync, spawn } from 'node:child_process';
import { constants, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { POLLERR, POLLHUP, POLLIN, POLLOUT } from '../../src/base/linux.js';
import { native, type Poller } from '../../src/native/binding.js';
import { addonPath, codeOf, collectGarbage, memoryFile, turns, until } from './fixture.js';

const O_NONBLOCK = 0o4000;
const test = suite('pollers');
const file = memoryFile(0);

/** A socket with something to read at the first end. */
function ready() {
  const [a, b] = native.socketpair();
  native.sendFd(b.fd, file.fd);
  return { a, b };
}

test('the callback comes while events are pending, and no more when they are not', async () => {
  const { a, b } = ready();
  let calls = 0;
  const poller = native.poll(a.fd, POLLIN, events => {
    assert.is(events, POLLIN);
    if (++calls === 3) native.receiveFd(a.fd).close();
  });
  await until(() => calls >= 3, 'three calls');
  await turns();
  assert.is(calls, 3);
  native.sendFd(b.fd, file.fd);
  await until(() => calls > 3, 'again');
  poller.close();
  const now = calls;
  await turns();
  assert.is(calls, now, 'closed');
  poller.close();
  poller.unref();
  a.close();
  b.close();
});

test('only the events that were asked for, and POLLHUP unasked', async () => {
  const [a, b] = native.socketpair();
  const seen: number[] = [];
  const poller = native.poll(a.fd, POLLIN, events => {
    seen.push(events);
    poller.close();
  });
  await turns();
  assert.equal(seen, [], 'writable is not asked for');
  b.close();
  await until(() => seen.length > 0, 'the hang-up');
  assert.equal(seen, [POLLIN | POLLHUP]);
  a.close();
});

test('an error is reported as long as it lasts, though libuv stops at it', async () => {
  // The writing end of a pipe without readers: POLLERR alone.
  const path = join(tmpdir(), `leasefs-fifo-${process.pid}`);
  execFileSync('mkfifo', [path]);
  const reader = native.open(path, constants.O_RDWR);
  const writer = native.open(path, constants.O_WRONLY);
  unlinkSync(path);
  reader.close();
  const seen: number[] = [];
  const poller = native.poll(writer.fd, POLLIN, events => seen.push(events));
  await until(() => seen.length >= 3, 'three calls');
  poller.close();
  assert.equal(seen.slice(0, 3), [POLLERR, POLLERR, POLLERR]);
  writer.close();
});

test('the poller may be closed and made anew inside its callback, on the same descriptor', async () => {
  const { a, b } = ready();
  let rounds = 0;
  let poller: Poller;
  const listen = () => {
    poller = native.poll(a.fd, POLLIN, () => {
      poller.close();
      if (++rounds < 10) listen();
    });
  };
  listen();
  await until(() => rounds === 10, 'ten rounds');
  a.close();
  b.close();
});

test('one descriptor has one poller: EEXIST; regular files have none: EPERM; nor closed ones: EBADF', () => {
  const { a, b } = ready();
  const poller = native.poll(a.fd, POLLIN, () => {});
  assert.is(
    codeOf(() => native.poll(a.fd, POLLOUT, () => {})),
    'EEXIST',
  );
  assert.is(
    codeOf(() => native.poll(file.fd, POLLIN, () => {})),
    'EPERM',
  );
  assert.is(
    codeOf(() => native.poll(9999, POLLIN, () => {})),
    'EBADF',
  );
  poller.close();
  native.poll(a.fd, POLLIN, () => {}).close();
  a.close();
  b.close();
});

test('the description stays blocking: O_NONBLOCK is not ours to set', () => {
  const { a, b } = ready();
  const poller = native.poll(a.fd, POLLIN, () => {});
  assert.is(native.flagsOf(a.fd) & O_NONBLOCK, 0);
  poller.close();
  const F_SETFL = 4;
  native.fcntl(b.fd, F_SETFL, O_NONBLOCK);
  native.poll(b.fd, POLLIN, () => {}).close();
  assert.is(native.flagsOf(b.fd) & O_NONBLOCK, O_NONBLOCK);
  a.close();
  b.close();
});

test('a poller lives without a reference to it, and an unreferenced one lets the process end', async () => {
  const [a, b] = native.socketpair();
  let calls = 0;
  native
    .poll(a.fd, POLLIN, () => {
      calls++;
      native.receiveFd(a.fd).close();
    })
    .unref();
  for (let n = 0; n < 3; n++) {
    collectGarbage();
    await turns();
  }
  native.sendFd(b.fd, file.fd);
  await until(() => calls === 1, 'the call');
  const text = `
    const addon = require(${JSON.stringify(addonPath)});
    const [a] = addon.socketpair();
    addon.poll(a.fd, 1, () => {}).unref();`;
  const child = spawn(process.execPath, ['-e', text], { stdio: 'inherit' });
  await until(() => child.exitCode !== null, 'the end of the process');
  assert.is(child.exitCode, 0);
});

test('process.nextTick and promises follow the callback at once', async () => {
  const { a, b } = ready();
  const order: string[] = [];
  const poller = native.poll(a.fd, POLLIN, () => {
    process.nextTick(() => order.push('tick'));
    Promise.resolve().then(() => order.push('promise'));
    setImmediate(() => order.push('immediate'));
    order.push('callback');
    poller.close();
  });
  await until(() => order.length === 4, 'all four');
  assert.equal(order, ['callback', 'tick', 'promise', 'immediate']);
  a.close();
  b.close();
});

test('what the callback throws is an uncaught exception, and polling goes on', async () => {
  const { a, b } = ready();
  const caught: string[] = [];
  const listener = (error: Error) => caught.push(error.message);
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', listener);
  let calls = 0;
  const poller = native.poll(a.fd, POLLIN, () => {
    calls++;
    throw new Error(`call ${calls}`);
  });
  await until(() => calls >= 2, 'two calls');
  poller.close();
  process.removeListener('uncaughtException', listener);
  for (const other of others) process.on('uncaughtException', other);
  assert.equal(caught.slice(0, 2), ['call 1', 'call 2']);
  a.close();
  b.close();
});

test.run();
