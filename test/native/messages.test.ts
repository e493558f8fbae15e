// Messages with the credentials of their senders: who sent them is the kernel's word, and no descriptor comes along.
import { spawnSync } from 'node:child_process';
import { openSync, readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { type Descriptor, native } from '../../src/native/binding.js';
import { abruptEnd, codeOf } from './fixture.js';

const test = suite('messages');

let listener: Descriptor;
let name: string;
const peer = new Float64Array(1);
const sender = new Float64Array(3);

test.before.each(() => {
  listener = native.listenMessages();
  name = native.abstractName(listener.fd);
});
test.after.each(() => listener.close());

const bytes = (text: string): ArrayBuffer => new Uint8Array(Buffer.from(text)).buffer as ArrayBuffer;
const pair = (): { near: Descriptor; far: Descriptor } => {
  const near = native.connectMessages(name);
  return { near, far: native.accept(listener.fd, peer) };
};

test('messages keep their bounds and go both ways; the sender is known', () => {
  const { near, far } = pair();
  assert.is(peer[0], process.getuid?.());
  const room = new ArrayBuffer(16);
  assert.is(native.receiveMessage(far.fd, room, sender), -errno.EAGAIN);
  assert.is(native.sendMessage(near.fd, bytes('one more'), 3), 3);
  assert.is(native.sendMessage(near.fd, bytes('two'), 3), 3);
  assert.is(native.receiveMessage(far.fd, room, sender), 3);
  assert.is(Buffer.from(room, 0, 3).toString(), 'one');
  assert.equal([...sender], [process.pid, process.getuid?.(), process.getgid?.()]);
  assert.is(native.receiveMessage(far.fd, room), 3);
  assert.is(native.sendMessage(far.fd, bytes('back'), 4), 4);
  assert.is(native.receiveMessage(near.fd, room), 4);
  near.close();
  assert.is(native.receiveMessage(far.fd, room), 0, 'the peer is gone');
  assert.is(native.sendMessage(far.fd, bytes('x'), 1), -errno.EPIPE);
  far.close();
});

test('what is longer than the room is no message, and what is beyond the buffer is not sent', () => {
  const { near, far } = pair();
  assert.is(native.sendMessage(near.fd, bytes('twelve bytes'), 13), -errno.EFAULT);
  native.sendMessage(near.fd, bytes('twelve bytes'), 12);
  assert.is(native.receiveMessage(far.fd, new ArrayBuffer(4), sender), -errno.EMSGSIZE);
  native.sendMessage(near.fd, bytes('next'), 4);
  assert.is(native.receiveMessage(far.fd, new ArrayBuffer(4), sender), 4);
  near.close();
  far.close();
});

test('another process has the credentials that it had when it sent', () => {
  const near = native.connectMessages(name);
  const script = `
    import socket, os
    if os.getuid() == 0: os.setuid(1234)
    s = socket.fromfd(3, socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.send(str(os.getpid()).encode())`;
  const { status, stderr } = spawnSync('python3', ['-c', script.replaceAll('\n    ', '\n')], {
    stdio: ['ignore', 'ignore', 'pipe', near.fd],
    encoding: 'utf8',
    env: abruptEnd,
  });
  assert.is(status, 0, stderr);
  const far = native.accept(listener.fd, peer);
  const room = new ArrayBuffer(16);
  const length = native.receiveMessage(far.fd, room, sender);
  // It is gone and was of another user: the number and the user of then.
  const uid = process.getuid?.() === 0 ? 1234 : process.getuid?.();
  const pid = Number(Buffer.from(room, 0, length).toString());
  assert.equal([...sender], [pid, uid, process.getgid?.()]);
  assert.is.not(sender[0], process.pid);
  near.close();
  far.close();
});

test('descriptors that come along are dropped', () => {
  const { near, far } = pair();
  const fd = openSync('/dev/null', 'r');
  const before = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 10; i++) {
    assert.is(native.sendFd(near.fd, fd), 0);
    assert.is(native.receiveMessage(far.fd, new ArrayBuffer(4), sender), 1);
    assert.is(sender[0], process.pid);
    // A socket that passes no credentials has room for them.
    assert.is(native.sendFd(far.fd, fd), 0);
    assert.is(native.receiveMessage(near.fd, new ArrayBuffer(4)), 1);
  }
  assert.is(readdirSync('/proc/self/fd').length, before);
  native.close(fd);
  near.close();
  far.close();
});

test('errors: no listener, no connection yet, a name that is too long, no socket', () => {
  assert.is(
    codeOf(() => native.accept(listener.fd, peer)),
    'EAGAIN',
  );
  listener.close();
  assert.is(
    codeOf(() => native.connectMessages(name)),
    'ECONNREFUSED',
  );
  assert.is(
    codeOf(() => native.connectMessages('x'.repeat(108))),
    'ENAMETOOLONG',
  );
  assert.is(
    codeOf(() => native.abstractName(0)),
    'ENOTSOCK',
  );
  assert.is(native.sendMessage(-1, bytes('x'), 1), -errno.EBADF);
  assert.is(native.receiveMessage(-1, new ArrayBuffer(1)), -errno.EBADF);
});

test('getxattr: the length, or why not', () => {
  const file = native.memfdCreate('leasefs-test');
  assert.is(native.getxattr(file.fd, 'user.none', new ArrayBuffer(8)) < 0, true);
  assert.is(native.getxattr(-1, 'user.none', new ArrayBuffer(8)), -errno.EBADF);
  file.close();
});

test.run();
