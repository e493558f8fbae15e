// The control socket as leasefs/client uses it, and as somebody does who means no good.
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import * as abi from '../../src/client/abi.js';
import { Calls } from '../../src/client/calls.js';
import { type LeaseBreak, LeaseFile, readReport } from '../../src/client/index.js';
import { openSegment, readLayout } from '../../src/client/layout.js';
import { type Descriptor, native } from '../../src/native/binding.js';
import { eventually } from '../e2e/actors.js';
import { cli, Mounted, requireMount, skipMount } from '../e2e/mounted.js';
import { code } from '../thrown-code.js';
import { timeFactor } from '../time-factor.js';

const BLOCK = 4096;
/** Longer than any test. */
const BREAK_MS = 600_000;
const LIMIT_MS = 60_000 * timeFactor;

const clientUrl = new URL('../../src/client/index.js', import.meta.url).href;

const test = suite('control socket of the fuse-native transport');

/** truncate(1), which opens with O_NONBLOCK; what it says. */
const truncate = (path: string, size: number): string =>
  spawnSync('truncate', ['-s', `${size}`, path], { encoding: 'utf8' }).stderr;

const soon = (what: string, seen: () => boolean) => eventually(what, seen, LIMIT_MS);

const leasefs = (...args: string[]) =>
  spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', timeout: LIMIT_MS });

if (skipMount) test.skip('LEASEFS_SKIP_MOUNT is set');
else {
  requireMount();
  let mount: Mounted;
  let files: LeaseFile[] = [];
  let number = 0;

  test.before(async () => {
    mount = await Mounted.start('--transport=fuse-native', '--lease-break-time', `${BREAK_MS}`);
  });
  test.after(() => mount.stop());
  test.after.each(() => {
    for (const file of files) file.close();
    files = [];
  });

  const fresh = (bytes = 4 * BLOCK): string => {
    const path = mount.file(`f${number++}`);
    writeFileSync(path, Buffer.alloc(bytes, 1));
    return path;
  };
  const open = (path: string): LeaseFile => {
    const file = LeaseFile.open(path);
    files.push(file);
    return file;
  };

  test('leasefs/client takes leases and pins, lists them, and gives them back', async () => {
    const path = fresh();
    const file = open(path);
    await file.setLease('exclusive,unbreakable');
    const id = file.pin(0, BLOCK);
    assert.equal(file.pins(), [
      { id, off: 0, len: BLOCK, pid: process.pid, mine: true, owner: 'process', zombie: false },
    ]);
    assert.match(truncate(path, 0), /Text file busy/);
    const other = open(path);
    assert.is(
      code(() => other.setLeaseSync('shared')),
      'EAGAIN',
    );
    assert.is(other.pins().length, 1);
    const { leases } = file.report('leases');
    assert.is(leases[0]?.owner.pid, process.pid);
    assert.is(leases[0]?.ino, fstatSync(file.fd).ino);
    assert.is(
      code(() => file.setLeaseSync('none')),
      'EBUSY',
    );
    file.unpin(id);
    file.setLeaseSync('none');
    assert.is(file.getLease().kind, 'none');
    assert.is(truncate(path, 0), '');
  });

  test('300 pins are listed, and a report longer than a message comes whole', () => {
    const file = open(fresh());
    file.setLeaseSync('exclusive,unbreakable');
    for (let i = 0; i < 300; i++) file.pin(0, BLOCK);
    assert.is(file.pins().length, 300);
    assert.is(file.report('pins').pins.length, 300);
    assert.is(file.unpinAll(), 300);
  });

  test('B1: onBreak tells of a break, once, and of nothing after the answer', async () => {
    const path = fresh();
    const file = open(path);
    await file.setLease('exclusive');
    const told: LeaseBreak[] = [];
    file.onBreak(notice => {
      told.push(notice);
      if (notice.breakMs > 0) file.setLeaseSync(notice.must);
    });
    assert.match(truncate(path, 0), /Resource temporarily unavailable/);
    await soon('the break is told', () => told.length > 0);
    assert.is(told[0]!.must, 'none');
    assert.is(truncate(path, 0), '');
    await file.setLease('exclusive');
    assert.match(truncate(path, BLOCK), /Resource temporarily unavailable/);
    await soon('the next one too', () => told.length > 1);
    assert.is(truncate(path, BLOCK), '');
    assert.is(told.length, 2);
  });

  test('a call that waits for a break leaves the event loop and other calls free', async () => {
    const path = fresh();
    const program = `
      const { LeaseFile } = await import(${JSON.stringify(clientUrl)});
      const file = LeaseFile.open(process.argv[1]);
      file.setLeaseSync('exclusive');
      file.onBreak(() => process.stdout.write('told'));
      process.stdin.on('end', () => file.setLeaseSync('none')).resume();
      process.stdout.write('held');`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', program, '--', path], {
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: LIMIT_MS,
    });
    let said = '';
    holder.stdout.on('data', data => {
      said += data;
    });
    await soon('it holds the lease', () => said === 'held');
    const file = open(path);
    const taking = file.setLease('exclusive,unbreakable');
    await soon('it is told of the break', () => said === 'heldtold');
    assert.is(file.getLease().kind, 'none');
    holder.stdin.end();
    await taking;
    assert.is(file.getLease().kind, 'exclusive,unbreakable');
  });

  test('a layout is listed and mapped directly under a lease; a break recalls it', async () => {
    const path = fresh();
    const file = open(path);
    assert.is(file.layout(0, 4 * BLOCK).extents.length > 0, true);
    assert.is(
      code(() => file.mapDirect(0, BLOCK)),
      'EPERM',
    );
    await file.setLease('exclusive');
    const mapping = file.mapDirect(0, 4 * BLOCK);
    new Uint8Array(mapping.memory).fill(7, BLOCK, BLOCK + 3);
    assert.equal([...readFileSync(path).subarray(BLOCK - 1, BLOCK + 4)], [1, 7, 7, 7, 1]);
    assert.match(truncate(path, 0), /Resource temporarily unavailable/);
    await soon('it is recalled', () => !mapping.mapped);
    assert.is(truncate(path, 0), '');
  });

  test('L1: who is told the description shares its lease, and it ends with the last of them', async () => {
    const path = fresh();
    const file = LeaseFile.open(path);
    file.setLeaseSync('exclusive,unbreakable');
    const id = file.pin(0, BLOCK, { owner: 'description' });
    const shared = new LeaseFile(openSync(path, 'r+'), true, file.getLease().description);
    files.push(shared);
    assert.is(shared.getLease().kind, 'exclusive,unbreakable');
    file.close();
    assert.is(shared.getLease().kind, 'exclusive,unbreakable');
    assert.equal(
      shared.pins().map(pin => pin.id),
      [id],
    );
    assert.match(truncate(path, 0), /Text file busy/);
    shared.close();
    await soon('its lease and its pin are gone', () => truncate(path, 0) === '');
    const stranger = new LeaseFile(openSync(fresh(), 'r+'), true, 12345n);
    files.push(stranger);
    assert.is(
      code(() => stranger.getLease()),
      'EBADF',
    );
  });

  test('N10: what a client pins of a segment that it had by a layout keeps its blocks', async () => {
    const path = fresh(8 * BLOCK);
    const file = open(path);
    const ring = native.uring(4);
    try {
      file.setLeaseSync('shared');
      using calls = new Calls(file.fd, file.getLease().description);
      const { extents, segments } = readLayout(calls, 0, 8 * BLOCK, false);
      const segment = openSegment(segments[0]!);
      const memory = native.map(segment.fd, extents[0]!.store, 8 * BLOCK, 3);
      segment.close();
      assert.is(ring.register(memory, BLOCK, 2 * BLOCK), 0);
      // The layout is given back, the mapping and the pin are not.
      file.setLeaseSync('none');
      assert.match(truncate(path, 2 * BLOCK), /Text file busy/);
      assert.match(mount.log(), `kernel pin [4096, 12288) of ${process.pid}`);
      assert.is(truncate(path, 3 * BLOCK), '');
      assert.is(ring.unregister(), 0);
      assert.is(truncate(path, BLOCK), '');
      native.unmap(memory);
    } finally {
      ring.close();
    }
  });

  test('two mounts do not hear of each other', async () => {
    const second = await Mounted.start('--transport=fuse-native');
    try {
      writeFileSync(second.file('f0'), Buffer.alloc(BLOCK));
      using theirs = LeaseFile.open(second.file('f0'));
      theirs.setLeaseSync('exclusive,unbreakable');
      const ours = open(fresh());
      ours.setLeaseSync('exclusive,unbreakable');
      const id = ours.pin(0, BLOCK);
      assert.is(
        code(() => theirs.unpin(id)),
        'ENOENT',
      );
      assert.is(second.report('leases').leases.length, 1);
      assert.is(second.report('pins').pins.length, 0);
      ours.unpinAll();
    } finally {
      await second.stop();
    }
  });

  test('the verbs of the command work: leases, pins, umount refused while a lease is held', async () => {
    const second = await Mounted.start('--transport=fuse-native');
    try {
      const path = second.file('f');
      writeFileSync(path, Buffer.alloc(BLOCK));
      {
        using file = LeaseFile.open(path);
        file.setLeaseSync('exclusive,unbreakable');
        file.pin(0, BLOCK);
        assert.match(leasefs('leases', second.path).stdout, new RegExp(`exclusive.*${process.pid}`));
        assert.match(leasefs('pins', path).stdout, new RegExp(` ${process.pid} `));
        const refused = leasefs('umount', second.path);
        assert.is(refused.status, 1);
        assert.match(refused.stderr, /busy: exclusive,unbreakable lease held/);
        file.unpinAll();
      }
      await soon('the lease is gone', () => second.report('leases').leases.length === 0);
      assert.is(leasefs('umount', second.path).status, 0);
      assert.is(await second.ended(), 0);
    } finally {
      await second.stop();
    }
  });

  test('A4: detached, it serves those who have its files, leases and all, until the last of them is gone', async () => {
    const second = await Mounted.start('--transport=fuse-native');
    try {
      const ended = second.ended();
      writeFileSync(second.file('f'), Buffer.alloc(BLOCK, 1));
      const file = LeaseFile.open(second.file('f'));
      file.setLeaseSync('exclusive,unbreakable');
      const fd = openSync(second.file('f'), 'r+');
      assert.is(leasefs('umount', '--lazy', second.path).status, 0);
      assert.is(
        code(() => ftruncateSync(fd, 0)),
        'ETXTBSY',
      );
      assert.is(file.getLease().kind, 'exclusive,unbreakable');
      file.setLeaseSync('none');
      ftruncateSync(fd, 0);
      closeSync(fd);
      file.close();
      assert.is(await ended, 0);
    } finally {
      await second.stop();
    }
  });

  test('a daemon that is killed: the connection ends, calls answer ENOTCONN, the mount can be made again', async () => {
    const second = await Mounted.start('--transport=fuse-native');
    writeFileSync(second.file('f'), Buffer.alloc(BLOCK));
    const file = LeaseFile.open(second.file('f'));
    file.setLeaseSync('exclusive');
    const told: LeaseBreak[] = [];
    file.onBreak(notice => told.push(notice));
    await second.kill('SIGKILL');
    await soon('it is told', () => told.length > 0);
    assert.equal(told, [{ must: 'none', breakMs: 0 }]);
    assert.is(
      code(() => file.getLease()),
      'ENOTCONN',
    );
    await assertRejects(file.setLease('none'), 'ENOTCONN');
    file.close();
    const again = await Mounted.at(second.path, '--transport=fuse-native');
    assert.is(again.report('leases').leases.length, 0);
    await again.stop();
  });

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
    const view = new DataView(whole.buffer);
    view.setUint32(abi.message.id, id, true);
    view.setUint32(abi.message.code, what, true);
    return whole.buffer;
  };
  /** What the daemon answers; undefined when it hangs up. */
  const ask = (socket: Descriptor, what: number, struct: ArrayBuffer): number | undefined => {
    const sent = message(5, what, struct);
    assert.is(native.sendMessage(socket.fd, sent, sent.byteLength), sent.byteLength);
    const room = new ArrayBuffer(1 << 15);
    if (native.receiveMessage(socket.fd, room) <= 0) return undefined;
    return new DataView(room).getInt32(abi.message.code, true);
  };
  const opening = (key: string, fd: number, version = abi.LEASEFS_ABI, description = 0n): ArrayBuffer => {
    const view = new DataView(new ArrayBuffer(abi.open.bytes));
    view.setUint32(abi.open.version, version, true);
    view.setInt32(abi.open.fd, fd, true);
    view.setBigUint64(abi.open.description, description, true);
    Buffer.from(view.buffer).write(key, abi.open.key, 'latin1');
    return view.buffer;
  };
  const getLease = (): ArrayBuffer => {
    const view = new DataView(new ArrayBuffer(abi.lease.bytes));
    view.setUint32(abi.lease.version, abi.LEASEFS_ABI, true);
    return view.buffer;
  };

  test('a key is believed only when the mount has made it, and a descriptor only when it is that file', () => {
    const fd = openSync(fresh(), 'r+');
    const elsewhere = openSync(fresh(), 'r+');
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
    const fd = openSync(fresh(), 'r+');
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
    const path = fresh();
    const fd = openSync(path, 'r+');
    const script = `
      const { native } = await import(${JSON.stringify(new URL('../../src/native/binding.js', import.meta.url).href)});
      process.setuid(65534);
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
    });
    assert.is(ran.stdout, `${-errno.EMFILE}`, ran.stderr);
    using file = LeaseFile.open(path);
    assert.is(file.getLease().kind, 'none');
    closeSync(fd);
  });

  test('elsewhere it is ENOTTY as ever', () => {
    const dir = mkdtempSync(join(tmpdir(), 'leasefs-none-'));
    writeFileSync(join(dir, 'f'), '');
    using file = LeaseFile.open(join(dir, 'f'));
    assert.is(
      code(() => file.getLease()),
      'ENOTTY',
    );
    assert.is(
      code(() => readReport(file.fd, 'status')),
      'ENOTTY',
    );
    rmSync(dir, { recursive: true });
  });
}

async function assertRejects(promise: Promise<unknown>, wanted: string): Promise<void> {
  let said = 'ok';
  await promise.catch((error: NodeJS.ErrnoException) => {
    said = error.code ?? String(error);
  });
  assert.is(said, wanted);
}

test.run();
