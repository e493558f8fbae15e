// The addon answers any argument with an exception or an errno: nothing is narrowed, cut or believed.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { native, STAT } from '../../src/native/binding.js';
import { memoryFile } from './fixture.js';

const test = suite('arguments');
const F_GETFD = 1;

/** The same functions without their types. */
const loose = native as unknown as Record<string, (...args: unknown[]) => unknown>;
const call = (name: string, ...args: unknown[]) => loose[name]!(...args);
const isTypeError = (error: unknown) => error instanceof TypeError;
const isRangeError = (error: unknown) => error instanceof RangeError;

test('every function refuses missing arguments with a TypeError', () => {
  const without = new Set(['clock', 'gettid', 'listenMessages', 'raiseFileLimit', 'seen', 'socketpair']);
  let seen = 0;
  for (const name of Object.keys(native)) {
    if (without.has(name)) continue;
    seen++;
    assert.throws(() => call(name), isTypeError, name);
  }
  assert.ok(seen >= 35, `${seen} functions were found`);
});

test('a number must be a number: strings, bigints, objects and null are TypeErrors', () => {
  for (const wrong of ['1', 1n, {}, null, true, Symbol('x')]) {
    assert.throws(() => native.ftruncate(0, wrong as number), isTypeError);
    assert.throws(() => native.flagsOf(wrong as number), isTypeError);
  }
});

test('a number must be whole and in range: others are RangeErrors', () => {
  const file = memoryFile(4096);
  for (const wrong of [-1, 0.5, Number.NaN, Infinity, -Infinity, 2 ** 53, 1e300]) {
    assert.throws(() => native.ftruncate(file.fd, wrong), isRangeError, `ftruncate ${wrong}`);
    assert.throws(() => native.fallocate(file.fd, 0, 0, wrong), isRangeError, `fallocate ${wrong}`);
    assert.throws(() => native.map(file.fd, 0, wrong, 1), isRangeError, `map ${wrong}`);
  }
  for (const wrong of [2 ** 31, -(2 ** 31) - 1, 2 ** 32 + 1]) {
    assert.throws(() => native.flagsOf(wrong), isRangeError, `fd ${wrong}`);
    assert.throws(() => native.threadOf(wrong, 1), isRangeError, `pid ${wrong}`);
  }
  assert.throws(() => native.ioctl(file.fd, 2 ** 32, new ArrayBuffer(8)), isRangeError);
  assert.throws(() => native.map(file.fd, 0, 4096, 4), isRangeError, 'PROT_EXEC');
  assert.throws(() => native.uring(0), isRangeError);
  assert.throws(() => native.poll(file.fd, 0, () => {}), isRangeError);
  assert.throws(() => native.openFuse('/dev/null', 100, 1), isRangeError);
  assert.throws(() => native.openFuse('/dev/null', 65536, 0), isRangeError);
  file.close();
});

test('offsets are exact up to 2^53-1', () => {
  const file = memoryFile(0);
  assert.is(native.ftruncate(file.fd, Number.MAX_SAFE_INTEGER), 0);
  const stat = new Float64Array(STAT.length);
  native.fstat(file.fd, stat);
  assert.is(stat[STAT.size], Number.MAX_SAFE_INTEGER);
  assert.is(native.lseek(file.fd, 0, 2), Number.MAX_SAFE_INTEGER);
  file.close();
});

test('-0 is 0', () => {
  const file = memoryFile(10);
  assert.is(native.ftruncate(file.fd, -0), 0);
  file.close();
});

test('texts with a NUL are refused, never cut', () => {
  assert.throws(() => native.memfdCreate('a\0b'), isTypeError);
  assert.throws(() => native.open('/tmp\0/x', 0), isTypeError);
  assert.throws(() => native.mount('none', '/\0', 'tmpfs', 0, ''), isTypeError);
  assert.throws(() => native.umount('/\0', 0), isTypeError);
});

test('a range of an ArrayBuffer must lie inside it: EFAULT', () => {
  const file = memoryFile(8192, 1);
  const buffer = new ArrayBuffer(100);
  for (const [at, length] of [
    [0, 101],
    [100, 1],
    [101, 0],
    [1, Number.MAX_SAFE_INTEGER],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ] as const) {
    assert.is(native.pread(file.fd, buffer, at, length, 0), -errno.EFAULT, `${at} ${length}`);
    assert.is(native.pwrite(file.fd, buffer, at, length, 0), -errno.EFAULT, `${at} ${length}`);
  }
  assert.is(native.pread(file.fd, buffer, 100, 0, 0), 0);
  assert.is(native.pread(file.fd, buffer, 99, 1, 0), 1);
  file.close();
});

test('a detached ArrayBuffer has no bytes: EFAULT, EINVAL', () => {
  const file = memoryFile(4096, 1);
  const buffer = new ArrayBuffer(100);
  structuredClone(buffer, { transfer: [buffer] });
  assert.is(native.pread(file.fd, buffer, 0, 1, 0), -errno.EFAULT);
  assert.is(native.pwrite(file.fd, buffer, 0, 100, 0), -errno.EFAULT);
  assert.is(native.ioctl(file.fd, 0x80086601, buffer), -errno.EINVAL);
  assert.is(native.unmap(buffer), -errno.EINVAL);
  file.close();
});

test('an ArrayBuffer is an ArrayBuffer: views are TypeErrors', () => {
  for (const wrong of [new Uint8Array(8), new DataView(new ArrayBuffer(8)), {}]) {
    assert.throws(() => native.pread(0, wrong as ArrayBuffer, 0, 1, 0), isTypeError);
  }
});

test('the array for fstat must be a Float64Array that is long enough', () => {
  assert.throws(() => native.fstat(0, new Float64Array(STAT.length - 1)), isRangeError);
  assert.throws(() => native.fstat(0, new Float32Array(12) as unknown as Float64Array), isTypeError);
});

test('fstat fills a view at its own place and nothing beside it', () => {
  const file = memoryFile(777);
  const whole = new Float64Array(STAT.length + 2).fill(-5);
  assert.is(native.fstat(file.fd, whole.subarray(1, STAT.length + 1)), 0);
  assert.is(whole[0], -5);
  assert.is(whole[1 + STAT.size], 777);
  assert.is(whole[STAT.length + 1], -5);
  file.close();
});

test('fcntl takes the commands with a number; those with an address are EINVAL', () => {
  const F_GETLK = 5;
  const F_OFD_SETLK = 37;
  const F_GETOWN_EX = 16;
  for (const command of [F_GETLK, F_OFD_SETLK, F_GETOWN_EX, 1036, 9999, -1]) {
    assert.is(native.fcntl(1, command, 0), -errno.EINVAL, String(command));
  }
  assert.ok(native.fcntl(1, 1, 0) >= 0, 'F_GETFD');
});

test('an ioctl whose struct is longer than the buffer is EINVAL', async () => {
  const file = memoryFile(0);
  const FS_IOC_GETFLAGS = 0x80086601;
  assert.is(native.ioctl(file.fd, FS_IOC_GETFLAGS, new ArrayBuffer(7)), -errno.EINVAL);
  assert.is(await native.ioctlAsync(file.fd, FS_IOC_GETFLAGS, new ArrayBuffer(7)), -errno.EINVAL);
  assert.is(native.ioctl(file.fd, FS_IOC_GETFLAGS, new ArrayBuffer(8)), 0);
  file.close();
});

test('an ioctl that says no size gets no argument, so that it writes nowhere', () => {
  const FIONREAD = 0x541b;
  const [a, b] = native.socketpair();
  assert.is(native.ioctl(a.fd, FIONREAD, new ArrayBuffer(0)), -errno.EFAULT);
  a.close();
  b.close();
});

test('a call with a wrong argument touches no descriptor, whichever argument is wrong', () => {
  const O_NONBLOCK = 0o4000;
  const file = memoryFile(4096);
  const flags = native.flagsOf(file.fd);
  const failing: readonly (() => unknown)[] = [
    () => native.adoptFuse(file.fd, 100, 1),
    () => native.adoptFuse(file.fd, 8192, 0),
    () => call('adoptFuse', file.fd, 8192),
    () => call('adoptUring', file.fd, 'no memory'),
    () => native.adoptUring(file.fd, new ArrayBuffer(3)),
    // Not a ring.
    () => native.adoptUring(file.fd, new ArrayBuffer(136)),
    () => call('execute', '/nowhere', [], [], [file.fd, 'no number']),
    () => call('execute', '/nowhere', [], [], [file.fd, 2 ** 32]),
    () => call('execute', '/nowhere', ['a\0b'], [], [file.fd]),
  ];
  for (const [n, fails] of failing.entries()) {
    assert.throws(fails, undefined, `${n}`);
    assert.is(native.flagsOf(file.fd), flags, `${n}`);
    assert.is(native.fcntl(file.fd, F_GETFD, 0), 1, `${n}`);
  }
  assert.is(flags & O_NONBLOCK, 0);
  file.close();
});

test('a connection waits on when accept has a wrong argument', () => {
  const listener = native.listenMessages();
  const client = native.connectMessages(native.abstractName(listener.fd));
  assert.throws(() => call('accept', listener.fd), isTypeError);
  const peer = new Float64Array(1);
  native.accept(listener.fd, peer).close();
  assert.is(peer[0], process.getuid!());
  client.close();
  listener.close();
});

test('the classes of the addon make only dead objects when JavaScript calls them', () => {
  const file = memoryFile(0);
  const Made = file.constructor as new (fd: number) => typeof file;
  const made = new Made(file.fd);
  assert.is(made.fd, -1);
  made.close();
  assert.ok(native.flagsOf(file.fd) >= 0);
  file.close();

  const ring = native.uring(1);
  const Ring = ring.constructor as new () => typeof ring;
  const dead = new Ring();
  assert.is(dead.readFixed(0, 0, 0, 0), -errno.EBADF);
  assert.is(dead.unregister(), -errno.EBADF);
  dead.close();
  ring.close();

  const channel = native.adoptFuse(native.socketpair()[0].release(), 8192, 1);
  const Channel = channel.constructor as new () => typeof channel;
  const idle = new Channel();
  assert.is(idle.fd, -1);
  assert.throws(
    () =>
      idle.start(
        () => 0,
        () => {},
      ),
    (error: NodeJS.ErrnoException) => error.code === 'EBADF',
  );
  assert.is(idle.backingClose(1), -errno.EBADF);
  assert.is(idle.send(16), -errno.EBADF);
  assert.is(idle.sendv(16, [], new Float64Array(0), 0), -errno.EBADF);
  assert.is(idle.request, undefined);
  idle.close();
  channel.close();
});

test('sendv uses no memory that an accessor among its pieces detaches: EFAULT', () => {
  const channel = native.adoptFuse(native.socketpair()[0].release(), 8192, 1);
  const first = new ArrayBuffer(64);
  const memories = [first, new ArrayBuffer(64)];
  Object.defineProperty(memories, 1, {
    get: () => {
      structuredClone(first, { transfer: [first] });
      return new ArrayBuffer(64);
    },
  });
  assert.is(channel.sendv(16, memories, Float64Array.of(0, 64, 0, 64), 2), -errno.EFAULT);
  channel.close();
});

test('a method and a getter of one class refuse the object of another', () => {
  const file = memoryFile(0);
  const ring = native.uring(1);
  assert.throws(() => ring.close.call(file as unknown as typeof ring), isTypeError);
  assert.throws(() => file.release.call(ring as unknown as typeof file), isTypeError);
  assert.throws(() => file.release.call({} as unknown as typeof file), isTypeError);
  const channel = native.adoptFuse(native.socketpair()[0].release(), 8192, 1);
  for (const made of [file, ring, channel]) {
    for (const { get } of Object.values(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(made)))) {
      if (get === undefined) continue;
      for (const other of [file, ring, channel, Object.getPrototypeOf(made), {}, 1]) {
        if (other !== made) assert.throws(() => get.call(other), isTypeError);
      }
    }
  }
  channel.close();
  file.close();
  ring.close();
});

test.run();
