// The control socket, message by message: as leasefs-socket.h has it, and from a malicious client.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import * as assert from 'uvu/assert';
import * as abi from '../../src/abi/leasefs.js';
import { StructView } from '../../src/abi/struct.js';
import { errno } from '../../src/base/errno.js';
import { LeaseFile } from '../../src/client/index.js';
import { type Descriptor, native } from '../../src/native/binding.js';
import { publicModule } from '../support/public-copy.js';
import { mountedSuite } from '../support/suites.js';
import { timeFactor } from '../support/time-factor.js';

const LIMIT_MS = 60_000 * timeFactor;

const options = { args: ['--transport=fuse-native'] };
mountedSuite('protocol of the control socket', options, ({ test, mount, files }) => {
  /** A connection of our own making. */
  const connect = (fd: number): { socket: Descriptor; key: string } => {
    const value = new ArrayBuffer(abi.LEASEFS_XATTR_MAX);
    const length = native.getxattr(fd, abi.xattr, value);
    assert.ok(length > 0);
    const [name, key] = Buffer.from(value, 0, length).toString('latin1').split(' ') as [string, string];
    return { socket: native.connectMessages(name), key };
  };
  const message = (id: number, what: number, struct: ArrayBuffer): ArrayBuffer => {
    const whole = new Uint8Array(abi.message.bytes + struct.byteLength);
    whole.set(new Uint8Array(struct), abi.message.bytes);
    const head = new StructView(whole.buffer);
    head.setU32(abi.message.id, id);
    head.setU32(abi.message.code, what);
    return whole.buffer;
  };
  /** What the daemon answers; undefined when it hangs up. */
  const ask = (socket: Descriptor, what: number, struct: ArrayBuffer): number | undefined => {
    const sent = message(5, what, struct);
    assert.is(native.sendMessage(socket.fd, sent, sent.byteLength), sent.byteLength);
    const room = new ArrayBuffer(1 << 15);
    if (native.receiveMessage(socket.fd, room) <= 0) return undefined;
    return new StructView(room).u32(abi.message.code) | 0;
  };
  const opening = (key: string, fd: number, version = abi.LEASEFS_ABI, description = 0n): ArrayBuffer => {
    const struct = abi.newStruct(abi.open);
    struct.setU32(abi.open.version, version);
    struct.setS32(abi.open.fd, fd);
    struct.setBig(abi.open.description, description);
    struct.data(abi.open.key).set(Buffer.from(key, 'latin1'));
    return struct.buffer;
  };
  const getLease = (): ArrayBuffer => abi.newStruct(abi.lease).buffer;

  test('a key is believed only when the mount has made it, and a descriptor only when it is that file', () => {
    const fd = openSync(files.fresh(), 'r+');
    const elsewhere = openSync(files.fresh(), 'r+');
    const { socket, key } = connect(fd);
    try {
      const { GETLEASE, OPEN } = { GETLEASE: abi.LEASEFS_IOC_GETLEASE, OPEN: abi.LEASEFS_MESSAGE_OPEN };
      const [ino, proof] = key.split('.') as [string, string];
      assert.is(ask(socket, GETLEASE, getLease()), -errno.EBADF, 'before it is open');
      assert.is(ask(socket, OPEN, opening(`${Number(ino) + 1}.${proof}`, fd)), -errno.ESTALE);
      assert.is(ask(socket, OPEN, opening(`${ino}.`, fd)), -errno.ESTALE);
      assert.is(ask(socket, OPEN, opening('x'.repeat(90), fd)), -errno.ESTALE);
      assert.is(ask(socket, OPEN, opening(key, elsewhere)), -errno.EBADF);
      assert.is(ask(socket, OPEN, opening(key, fd, abi.LEASEFS_ABI, 12345n)), -errno.EBADF);
      assert.is(ask(socket, OPEN, opening(key, fd, 9)), -errno.EINVAL);
      assert.is(ask(socket, OPEN, opening(key, fd).slice(0, 100)), -errno.EINVAL);
      assert.is(ask(socket, OPEN, opening(key, fd)), 0);
      assert.is(ask(socket, OPEN, opening(key, fd)), -errno.EINVAL, 'twice');
      assert.is(ask(socket, GETLEASE, getLease()), 0);
      assert.is(ask(socket, GETLEASE, getLease().slice(0, 20)), -errno.EINVAL);
      assert.is(ask(socket, abi.LEASEFS_IOC_SUPERVISE, new ArrayBuffer(32)), -errno.ENOTTY);
      assert.is(ask(socket, 0x1234, new ArrayBuffer(0)), -errno.ENOTTY);
    } finally {
      socket.close();
      closeSync(fd);
      closeSync(elsewhere);
    }
  });

  test('messages that make no sense end their connection and nothing else', () => {
    const fd = openSync(files.fresh(), 'r+');
    for (const bytes of [1, 7, 20_000]) {
      const { socket } = connect(fd);
      assert.is(native.sendMessage(socket.fd, new ArrayBuffer(bytes), bytes), bytes);
      assert.is(native.receiveMessage(socket.fd, new ArrayBuffer(64)), 0);
      socket.close();
    }
    // Descriptors are not taken, and those who send do not stop the daemon.
    const { socket } = connect(fd);
    for (let i = 0; i < 5; i++) native.sendFd(socket.fd, fd);
    socket.close();
    const { socket: deaf, key } = connect(fd);
    assert.is(ask(deaf, abi.LEASEFS_MESSAGE_OPEN, opening(key, fd)), 0);
    const room = message(1, abi.LEASEFS_IOC_GETLEASE, getLease());
    // One who never reads is let go in the end; until then the daemon owes it answers.
    let sent = 0;
    while (sent < 100_000 && native.sendMessage(deaf.fd, room, room.byteLength) > 0) sent++;
    assert.ok(sent < 100_000, 'it was let go');
    deaf.close();
    closeSync(fd);
    assert.equal(mount.report('leases').leases, []);
  });

  test('a user’s connections are bounded, and those of root go on', () => {
    // As many descriptors are needed here.
    if (native.raiseFileLimit() < 2048) return;
    const path = files.fresh();
    const fd = openSync(path, 'r+');
    const script = `
      const { native } = await import(${JSON.stringify(publicModule('native/binding'))});
      const sockets = [];
      const room = new ArrayBuffer(64);
      for (let i = 0; i < 1030; i++) sockets.push(native.connectMessages(process.argv[1]));
      native.receiveMessage(sockets.at(-1).fd, room);
      process.stdout.write(String(new DataView(room).getInt32(4, true)));`;
    const value = new ArrayBuffer(abi.LEASEFS_XATTR_MAX);
    const length = native.getxattr(fd, abi.xattr, value);
    const name = Buffer.from(value, 0, length).toString('latin1').split(' ')[0]!;
    const ran = spawnSync(process.execPath, ['--input-type=module', '-e', script, '--', name], {
      encoding: 'utf8',
      timeout: LIMIT_MS,
      cwd: '/',
      uid: 65534,
      gid: 65534,
    });
    assert.is(ran.stdout, `${-errno.EMFILE}`, ran.stderr);
    using file = LeaseFile.open(path);
    assert.is(file.getLease().kind, 'none');
    closeSync(fd);
  });
});
