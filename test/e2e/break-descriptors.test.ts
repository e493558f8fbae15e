// Break descriptors (B1) on a real mount: from C, Python and Node, on both stores and in another network namespace; what
// they cost buffered io_uring (nothing: no POLL), and what a program can do with one that means no good.
import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, readdirSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import * as abi from '../../src/abi/leasefs.js';
import { StructView, u64 } from '../../src/abi/struct.js';
import { errno } from '../../src/base/errno.js';
import { Calls } from '../../src/client/calls.js';
import { type LeaseBreak, LeaseFile } from '../../src/client/index.js';
import { Notices } from '../../src/client/notices.js';
import { type Descriptor, native } from '../../src/native/binding.js';
import { eventually } from '../support/actors.js';
import { HASTY, Mounted, PATIENT, stores } from '../support/mounted.js';
import {
  BLOCK,
  EXCLUSIVE_BREAKABLE,
  O_RDWR,
  POLLPRI,
  SHARED,
  SHARED_BREAKABLE,
  UNLCK,
} from '../support/numbers.js';
import { mountedSuite } from '../support/suites.js';
import { code } from '../support/thrown-code.js';

const POLLIN = 1;
const POLLOUT = 4;
const clientReadme = fileURLToPath(new URL('../../../src/client/README.md', import.meta.url));

for (const store of stores) {
  const args = ['-o', 'allow_other', ...PATIENT];
  mountedSuite(`break descriptors, ${store}`, { store, args }, ({ test, mount, stage, files }) => {
    test('buffered io_uring reads and writes send no POLL: the first is answered ENOSYS, for the whole mount', async () => {
      const [a] = await stage.pair(files.fresh());
      assert.is(await a.ringWrites(40), 40 * BLOCK);
      assert.is(await a.ringReads(40), 40 * BLOCK);
      assert.ok((mount.report('status').requests.POLL ?? 0) <= 1);
    });

    test('without -o poll, poll(2) of a file answers at once that it is ready, a break or none', async () => {
      const [a, b] = await stage.pair(files.fresh());
      await a.setLease(SHARED_BREAKABLE);
      assert.is(await b.try.setLease(EXCLUSIVE_BREAKABLE, { nonblock: true }), 'EAGAIN');
      assert.is(await a.poll(POLLIN | POLLOUT | POLLPRI, -1), POLLIN | POLLOUT);
    });

    test('B1: C: a notice says what the lease must become, again when that is more, and that the break was answered', async () => {
      const path = files.fresh();
      const [a, b] = await stage.pair(path);
      const file = LeaseFile.open(path);
      await a.setLease(EXCLUSIVE_BREAKABLE);
      await a.watch();
      assert.is(await b.try.setLease(SHARED_BREAKABLE, { nonblock: true }), 'EAGAIN');
      assert.is(await a.awaitBreak(), SHARED_BREAKABLE);
      const cut = b.begin.truncate(path, 0);
      await eventually('more is demanded', async () => (await a.awaitBreak()) === UNLCK);
      await a.setLease(UNLCK);
      assert.is((await cut.result).verdict, 'ok');
      assert.is(await a.awaitBreak(0), 0);
      file.close();
    });

    test('B1: a descriptor that is made while a break is pending tells of it, and ends with the file', async () => {
      const path = files.fresh();
      const [a, b] = await stage.pair(path);
      await a.setLease(SHARED_BREAKABLE);
      const cut = b.begin.truncate(path, 0);
      await eventually('it breaks', () => mount.report('leases').leases.some(l => l.state === 'breaking'));
      assert.is(await a.awaitBreak(), UNLCK);
      const watched = LeaseFile.open(path);
      using notices = new Notices(new Calls(watched.fd));
      watched.close();
      await eventually('its file is closed', () => notices.take() === 'ended');
      await a.close();
      assert.is((await cut.result).verdict, 'ok');
    });

    test('B5: sharers hear when the lease is taken for the death of its owner', async () => {
      const path = files.fresh();
      const [a, b] = await stage.pair(path);
      await a.setLease(SHARED_BREAKABLE);
      const child = await a.fork(`child-${store}`);
      await child.watch();
      const cut = b.begin.truncate(path, 0);
      assert.is(await child.awaitBreak(), UNLCK);
      await a.kill();
      assert.is((await cut.result).verdict, 'ok');
      await eventually('it is over', async () => (await child.awaitBreak(0)) === 0);
    });

    test('B1: from another network namespace', async () => {
      const path = files.fresh();
      const [, b] = await stage.pair(path);
      const a = await stage.actor(`elsewhere-${store}`, { through: ['unshare', '--net'] });
      await a.open(path, O_RDWR);
      await a.setLease(SHARED_BREAKABLE);
      await a.watch();
      const cut = b.begin.truncate(path, 0);
      assert.is(await a.awaitBreak(), UNLCK);
      await a.setLease(UNLCK);
      assert.is((await cut.result).verdict, 'ok');
    });
  });
}

mountedSuite(
  'break descriptors',
  { args: ['-o', 'allow_other', ...PATIENT] },
  ({ test, mount, stage, files }) => {
    const threads = (): number => readdirSync('/proc/self/task').length;
    /** A connection of our own making, which has said nothing. */
    const connect = (fd: number): { socket: Descriptor; token: ArrayBuffer } => {
      const struct = abi.newStruct(abi.watch);
      assert.is(native.ioctl(fd, abi.LEASEFS_IOC_WATCH, struct.buffer), 0);
      const address = Buffer.from(struct.data(abi.watch.address)).toString('latin1');
      const { at, size } = abi.watch.token;
      return {
        socket: native.connectStream(address.slice(0, address.indexOf('\0'))),
        token: struct.buffer.slice(at, at + size),
      };
    };
    /** The errno of the first notice; undefined: the daemon hangs up. */
    const show = (socket: Descriptor, token: ArrayBuffer): number | undefined => {
      native.sendMessage(socket.fd, token, token.byteLength);
      const room = new ArrayBuffer(abi.notice.bytes);
      if (native.receiveMessage(socket.fd, room) <= 0) return undefined;
      return new StructView(room).s32(abi.notice.error);
    };

    test('B1: Node: onBreak takes no thread, and keeps no process alive', async () => {
      const path = files.fresh();
      const file = files.open(path);
      const before = threads();
      file.setLeaseSync('shared,breakable');
      const breaks: LeaseBreak[] = [];
      file.onBreak(notice => breaks.push(notice));
      const [, b] = await stage.pair(path);
      const cut = b.begin.truncate(path, 0);
      await eventually('the notice', () => breaks.length > 0);
      assert.is(threads(), before);
      file.setLeaseSync('none');
      assert.is((await cut.result).verdict, 'ok');
      assert.equal(
        breaks.map(({ must }) => must),
        ['none'],
      );
      const client = new URL('../../src/client/index.js', import.meta.url);
      const program = `const { LeaseFile } = await import('${client}'); LeaseFile.open(process.argv[1]).onBreak(() => {});`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', program, '--', path]);
      assert.is(await new Promise(resolve => child.once('exit', resolve)), 0);
    });

    test('B1: Python: the example of src/client/README.md is notified of a break and releases its lease', async () => {
      const [, example] = /```python\n(.*?)```/s.exec(readFileSync(clientReadme, 'utf8'))!;
      const path = files.fresh();
      const child = spawn('python3', ['-c', example!, path], { stdio: ['ignore', 'pipe', 'inherit'] });
      let said = '';
      child.stdout.on('data', data => {
        said += data;
      });
      await eventually('it watches', () => said.includes('watching'));
      const [, b] = await stage.pair(path);
      assert.is(await b.try.truncate(path, 0), 'ok');
      assert.is(await new Promise(resolve => child.once('exit', resolve)), 0);
      assert.match(said, /the lease must become 2 within \d+ ms/);
    });

    test('.leasefs/events: a notice when there is something to read, no other until it was read', async () => {
      const fd = openSync(mount.file('.leasefs/events'), 'r');
      const calls = new Calls(fd);
      using notices = new Notices(calls);
      const events = openSync(mount.file('.leasefs/events'), 'r');
      assert.is(
        code(() => new Notices(new Calls(events)).close()),
        'ok',
      );
      const [a] = await stage.pair(files.fresh());
      await a.setLease(SHARED);
      await eventually('a notice', () => {
        const last = notices.take();
        return notices.first.readable || (last !== 'ended' && last?.readable === true);
      });
      await a.setLease(UNLCK);
      assert.is(notices.take(), undefined);
      closeSync(events);
      closeSync(fd);
      await eventually('the end', () => notices.take() === 'ended');
    });

    test('no process watches without the token; what is shown must be one, and nothing else', () => {
      const fd = openSync(files.fresh(), 'r+');
      const root = openSync(mount.path, 'r');
      const table = openSync(mount.file('.leasefs/leases'), 'r');
      const wrong = new StructView(new ArrayBuffer(8));
      wrong.setBig(u64(0), 0x1234_5678_9abc_def1n);
      for (const [token, expected] of [
        [wrong.buffer, errno.EBADF],
        [new ArrayBuffer(7), undefined],
        [new ArrayBuffer(9), undefined],
        [new ArrayBuffer(5000), undefined],
      ] as const) {
        const { socket } = connect(fd);
        assert.is(show(socket, token), expected);
        socket.close();
      }
      const { socket, token } = connect(fd);
      assert.is(show(socket, token), 0);
      assert.is(show(socket, token), undefined, 'no second word');
      socket.close();
      for (const other of [root, table]) {
        assert.is(
          code(() => new Notices(new Calls(other))),
          'EINVAL',
        );
        closeSync(other);
      }
      closeSync(fd);
    });

    test('a description has 64 watches, and they end with their descriptors', async () => {
      const fd = openSync(files.fresh(), 'r+');
      const calls = new Calls(fd);
      const all = Array.from({ length: 64 }, () => new Notices(calls));
      assert.is(
        code(() => new Notices(calls)),
        'EMFILE',
      );
      all.pop()!.close();
      await eventually('there is room', () => code(() => all.push(new Notices(calls))) === 'ok');
      for (const notices of all) notices.close();
      closeSync(fd);
    });

    test('a watcher that reads no notice is dropped, and the daemon serves on', async () => {
      const path = files.fresh();
      const [a, b] = await stage.pair(path);
      const file = files.open(path);
      file.setLeaseSync('shared,breakable');
      const { socket, token } = connect(file.fd);
      assert.is(show(socket, token), 0);
      const room = new ArrayBuffer(1 << 20);
      for (let n = 0; n < 1500; n++) {
        assert.is(await b.try.setLease(EXCLUSIVE_BREAKABLE, { nonblock: true }), 'EAGAIN');
        file.setLeaseSync('none');
        file.setLeaseSync('shared,breakable');
      }
      await a.getLease();
      let read = 0;
      for (let length = 1; length > 0; read += length) {
        length = native.receiveMessage(socket.fd, room);
      }
      assert.ok(read < 3000 * abi.notice.bytes, `it was let go after ${read} bytes`);
      socket.close();
    });
  },
);

mountedSuite('-o poll', { args: ['-o', 'poll', ...HASTY] }, ({ test, mount, stage, files }) => {
  test('B1: poll(2) of the file answers POLLPRI while a break is pending, and wakes who waits', async () => {
    await Mounted.during(['-o', 'poll', ...PATIENT], async patient => {
      const path = patient.file('f');
      writeFileSync(path, Buffer.alloc(BLOCK));
      const [a, b] = await stage.pair(path);
      await a.setLease(SHARED_BREAKABLE);
      const polling = a.begin.poll(POLLPRI, -1);
      await eventually('it polls', () => (patient.report('status').requests.POLL ?? 0) > 0);
      const cut = b.begin.truncate(path, 0);
      assert.is((await polling.result).value & POLLPRI, POLLPRI);
      await a.setLease(UNLCK);
      assert.is((await cut.result).verdict, 'ok');
      assert.is((await a.poll(POLLPRI, 0)) & POLLPRI, 0);
      await stage.clear();
    });
  });

  test('B2: and when the lease was ended by force, until a process reads it', async () => {
    const path = files.fresh();
    const [a, b] = await stage.pair(path);
    await a.setLease(SHARED_BREAKABLE);
    assert.is(await b.try.truncate(path, 0), 'ok');
    assert.is((await a.poll(POLLPRI, -1)) & POLLPRI, POLLPRI);
    await a.getLease();
    assert.is((await a.poll(POLLPRI, 0)) & POLLPRI, 0);
    assert.ok((mount.report('status').requests.POLL ?? 0) > 1);
  });

  test('and poll(2) of .leasefs/events waits until there is something to read', async () => {
    const fd = openSync(mount.file('.leasefs/events'), constants.O_RDONLY | constants.O_NONBLOCK);
    const room = Buffer.alloc(1 << 16);
    while (code(() => readSync(fd, room)) === 'ok');
    assert.is(native.pollWait(fd, POLLIN, 0), 0);
    const [a] = await stage.pair(files.fresh());
    await a.setLease(SHARED);
    assert.is(native.pollWait(fd, POLLIN, -1), POLLIN);
    closeSync(fd);
  });
});
