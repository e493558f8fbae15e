// Descriptors: owned once, closed once, passed from process to process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { POLLHUP, POLLIN, POLLOUT } from '../../src/base/linux.js';
import { type Descriptor, native } from '../../src/native/binding.js';
import { addonPath, codeOf, collectGarbage, isOpen, memoryFile, turns, within } from './fixture.js';

const F_GETFD = 1;
const F_SETFL = 4;
const O_APPEND = 0o2000;
const O_ACCMODE = 3;

const test = suite('descriptors');

test('close is idempotent, fd is -1 afterwards', () => {
  const file = memoryFile(0);
  const number = file.fd;
  assert.ok(number > 2 && isOpen(number));
  file.close();
  assert.is(file.fd, -1);
  assert.not(isOpen(number));
  const other = memoryFile(0);
  file.close();
  assert.ok(isOpen(other.fd), 'the number may be another owner’s by now');
  other.close();
});

test('release hands the number over: the descriptor no longer closes it', async () => {
  let file: Descriptor | undefined = memoryFile(0);
  const number = file.release();
  assert.is(file.fd, -1);
  assert.is(file.release(), -1);
  file.close();
  file = undefined;
  collectGarbage();
  await turns();
  assert.ok(isOpen(number));
  assert.is(native.close(number), 0);
  assert.is(native.close(number), -errno.EBADF);
});

test('a descriptor that is forgotten is closed by the collector', async () => {
  const numbers = Array.from({ length: 50 }, () => memoryFile(0).fd);
  for (let n = 0; n < 100 && numbers.some(isOpen); n++) {
    collectGarbage();
    await turns();
  }
  assert.not(numbers.some(isOpen));
});

test('dup shares the open file description, open does not', () => {
  const file = memoryFile(0);
  const twin = native.dup(file.fd);
  const again = native.open(`/proc/self/fd/${file.fd}`, 2);
  assert.is(native.fcntl(twin.fd, F_GETFD, 0), 1, 'close-on-exec');
  assert.is(native.sameDescription(process.pid, file.fd, process.pid, twin.fd), 0);
  assert.ok([1, 2].includes(native.sameDescription(process.pid, file.fd, process.pid, again.fd)));
  assert.is(native.sameDescription(process.pid, file.fd, process.pid, 9999), -errno.EBADF);
  assert.is(
    codeOf(() => native.dup(-1)),
    'EBADF',
  );
  file.close();
  assert.ok(isOpen(twin.fd));
  twin.close();
  again.close();
});

test('flagsOf reads what fcntl has set', () => {
  const file = memoryFile(0);
  assert.is(native.flagsOf(file.fd) & O_ACCMODE, 2);
  assert.is(native.fcntl(file.fd, F_SETFL, O_APPEND), 0);
  assert.is(native.flagsOf(file.fd) & O_APPEND, O_APPEND);
  assert.is(native.flagsOf(-1), -errno.EBADF);
  file.close();
});

test('pollWait answers what is pending, 0 when the time is over', () => {
  const [a, b] = native.socketpair();
  assert.is(native.pollWait(a.fd, POLLIN, 0), 0);
  const started = performance.now();
  assert.is(native.pollWait(a.fd, POLLIN, 20), 0);
  assert.ok(performance.now() - started > 15);
  assert.is(native.pollWait(a.fd, POLLIN | POLLOUT, -1), POLLOUT);
  const file = memoryFile(0);
  native.sendFd(b.fd, file.fd);
  assert.is(native.pollWait(a.fd, POLLIN, -1), POLLIN);
  b.close();
  assert.is(native.pollWait(a.fd, POLLIN, -1), POLLIN | POLLHUP);
  a.close();
  file.close();
});

test('a descriptor is received as it was sent, close-on-exec', () => {
  const [a, b] = native.socketpair();
  const file = memoryFile(0);
  assert.is(native.sendFd(a.fd, file.fd), 0);
  const received = native.receiveFd(b.fd);
  assert.is.not(received.fd, file.fd);
  assert.is(native.fcntl(received.fd, F_GETFD, 0), 1);
  assert.is(native.sameDescription(process.pid, received.fd, process.pid, file.fd), 0);
  for (const descriptor of [a, b, file, received]) descriptor.close();
});

test('sending what is not open is EBADF, to a closed peer EPIPE and no signal', () => {
  const [a, b] = native.socketpair();
  assert.is(native.sendFd(a.fd, 9999), -errno.EBADF);
  b.close();
  assert.is(native.sendFd(a.fd, a.fd), -errno.EPIPE);
  a.close();
});

test('the end of the peer is EPROTO, what is no socket ENOTSOCK', () => {
  const [a, b] = native.socketpair();
  b.close();
  assert.is(
    codeOf(() => native.receiveFd(a.fd)),
    'EPROTO',
  );
  const file = memoryFile(0);
  assert.is(
    codeOf(() => native.receiveFd(file.fd)),
    'ENOTSOCK',
  );
  file.close();
  a.close();
});

test('a descriptor travels to another process', async () => {
  const [mine, theirs] = native.socketpair();
  const file = memoryFile(14);
  const text = `
    const addon = require(${JSON.stringify(addonPath)});
    const received = addon.receiveFd(3);
    addon.pwrite(received.fd, new TextEncoder().encode('from the child').buffer, 0, 14, 0);`;
  const child = spawn(process.execPath, ['-e', text], { stdio: ['ignore', 'inherit', 'inherit', theirs.fd] });
  theirs.close();
  assert.is(native.sendFd(mine.fd, file.fd), 0);
  const [code] = await within(once(child, 'exit'), 'the child ends').finally(() => child.kill());
  assert.is(code, 0);
  const back = new ArrayBuffer(14);
  native.pread(file.fd, back, 0, 14, 0);
  assert.is(new TextDecoder().decode(back), 'from the child');
  assert.match(readlinkSync(`/proc/self/fd/${file.fd}`), /memfd:test/);
  mine.close();
  file.close();
});

test.run();
