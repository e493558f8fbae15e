// Memory files through the addon: bytes, holes, sizes, seals, the immutable guard (F14), clocks.
import { closeSync, fstatSync, openSync, readlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { native, STAT } from '../../src/native/binding.js';
import { needing } from '../support/suites.js';
import { codeOf, memoryFile } from './fixture.js';

const PUNCH_HOLE_KEEP_SIZE = 3;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const F_GETFD = 1;
const F_ADD_SEALS = 1033;
const F_GET_SEALS = 1034;
const F_SEAL_SHRINK = 2;
const F_SEAL_EXEC = 0x20;

const test = suite('memory files');
const stat = new Float64Array(STAT.length);

test('a memory file has its name in /proc, takes seals, is closed on exec and cannot become executable', () => {
  const file = native.memfdCreate('lease of life');
  assert.match(readlinkSync(`/proc/self/fd/${file.fd}`), /^\/memfd:lease of life/);
  assert.is(native.fcntl(file.fd, F_GETFD, 0), 1);
  const seals = native.fcntl(file.fd, F_GET_SEALS, 0);
  assert.ok(seals === F_SEAL_EXEC || seals === 0, `seals ${seals}`);
  assert.is(native.fcntl(file.fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
  native.ftruncate(file.fd, 100);
  assert.is(native.ftruncate(file.fd, 10), -errno.EPERM);
  file.close();
});

test('a name that is too long for the kernel throws EINVAL with the call that said so', () => {
  try {
    native.memfdCreate('x'.repeat(300));
    assert.unreachable();
  } catch (error) {
    const { code, errno: number, syscall, message } = error as NodeJS.ErrnoException;
    assert.equal([code, number, syscall], ['EINVAL', errno.EINVAL, 'memfd_create']);
    assert.match(message, /^EINVAL: invalid argument, memfd_create$/);
  }
});

test('what is written is read, at its place, and a short read says how much', () => {
  const file = memoryFile(10000);
  const out = new TextEncoder().encode('..hello..').buffer as ArrayBuffer;
  assert.is(native.pwrite(file.fd, out, 2, 5, 9997), 5);
  const back = new ArrayBuffer(20);
  assert.is(native.pread(file.fd, back, 3, 17, 9996), 6);
  assert.is(new TextDecoder().decode(new Uint8Array(back, 3, 6)), '\0hello');
  assert.equal([...new Uint8Array(back, 0, 3)], [0, 0, 0]);
  assert.is(native.pread(file.fd, back, 0, 20, 20000), 0);
  file.close();
});

test('fstat says what fs.fstatSync says', () => {
  const file = memoryFile(123456, 9);
  assert.is(native.fstat(file.fd, stat), 0);
  const node = fstatSync(file.fd, { bigint: true });
  assert.is(stat[STAT.ino], Number(node.ino));
  assert.is(stat[STAT.size], 123456);
  assert.is(stat[STAT.blocks], Number(node.blocks));
  assert.is(stat[STAT.mode], Number(node.mode));
  assert.is(stat[STAT.nlink], Number(node.nlink));
  assert.is(stat[STAT.dev], Number(node.dev));
  for (const [name, ns] of [
    ['atime', node.atimeNs],
    ['mtime', node.mtimeNs],
    ['ctime', node.ctimeNs],
  ] as const) {
    assert.is(
      BigInt(stat[STAT[`${name}Sec`]]!) * 1_000_000_000n + BigInt(stat[STAT[`${name}Nsec`]]!),
      ns,
      name,
    );
  }
  assert.is(native.fstat(-1, stat), -errno.EBADF);
  file.close();
});

test('a failed fstat leaves the array as it was', () => {
  const out = new Float64Array(STAT.length).fill(7);
  assert.is(native.fstat(-1, out), -errno.EBADF);
  assert.ok(out.every(value => value === 7));
});

test('holes are seen by lseek, made and filled by fallocate', () => {
  const file = memoryFile(1 << 20);
  assert.is(native.lseek(file.fd, 0, SEEK_DATA), -errno.ENXIO);
  native.pwrite(file.fd, new ArrayBuffer(65536), 0, 65536, 65536);
  assert.is(native.lseek(file.fd, 0, SEEK_DATA), 65536);
  assert.is(native.lseek(file.fd, 65536, SEEK_HOLE), 131072);
  assert.is(native.fallocate(file.fd, PUNCH_HOLE_KEEP_SIZE, 65536, 4096), 0);
  assert.is(native.lseek(file.fd, 0, SEEK_DATA), 69632);
  assert.is(native.fallocate(file.fd, 0, 0, 131072), 0);
  native.fstat(file.fd, stat);
  assert.is(stat[STAT.blocks]! * 512, 131072);
  // What fallocate gives a memory file counts as a hole for lseek until it is written; what populate gives does not.
  assert.is(native.lseek(file.fd, 0, SEEK_DATA), 69632);
  assert.is(native.populate(file.fd, 0, 65536), 0);
  assert.is(native.lseek(file.fd, 0, SEEK_DATA), 0);
  assert.is(native.fallocate(file.fd, 0, 0, 0), -errno.EINVAL);
  file.close();
});

test('lseek goes backwards too', () => {
  const file = memoryFile(100);
  assert.is(native.lseek(file.fd, -30, 2), 70);
  assert.is(native.lseek(file.fd, -71, 1), -errno.EINVAL);
  file.close();
});

test('copyFileRange copies between files and answers the bytes', () => {
  const from = memoryFile(8192, 3);
  const to = memoryFile(0);
  const n = native.copyFileRange(from.fd, 4096, to.fd, 100, 8192);
  assert.is(n, 4096);
  const back = new ArrayBuffer(8192);
  assert.is(native.pread(to.fd, back, 0, 8192, 0), 4196);
  assert.is(new Uint8Array(back)[99], 0);
  assert.is(new Uint8Array(back)[100], 3);
  assert.is(native.copyFileRange(from.fd, 0, -1, 0, 1), -errno.EBADF);
  from.close();
  to.close();
});

test('populate allocates the blocks that the range touches and changes no byte', () => {
  const file = memoryFile(1 << 20);
  native.pwrite(file.fd, new Uint8Array([42]).buffer, 0, 1, 20480);
  assert.is(native.populate(file.fd, 4097, 8192), 0);
  native.fstat(file.fd, stat);
  assert.is(stat[STAT.blocks]! * 512, 4 * 4096, 'blocks 1, 2, 3 and the one written');
  assert.is(native.lseek(file.fd, 0, SEEK_DATA), 4096);
  assert.is(native.populate(file.fd, 0, 1 << 20), 0);
  native.fstat(file.fd, stat);
  assert.is(stat[STAT.blocks]! * 512, 1 << 20);
  assert.is(stat[STAT.size], 1 << 20);
  const back = new ArrayBuffer(1);
  native.pread(file.fd, back, 0, 1, 20480);
  assert.is(new Uint8Array(back)[0], 42);
  file.close();
});

test('populate: nothing for length 0, the block of the last byte is the last, EFAULT beyond', () => {
  const file = memoryFile(5000);
  assert.is(native.populate(file.fd, 0, 0), 0);
  assert.is(native.populate(file.fd, 0, 8192), 0);
  assert.is(native.populate(file.fd, 0, 8193), -errno.EFAULT);
  assert.is(native.populate(-1, 0, 1), -errno.EBADF);
  assert.is(native.populate(file.fd, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER), -errno.ENOMEM);
  file.close();
});

needing(test, 'immutable')(
  'F14: an immutable memory file refuses MADV_REMOVE and fallocate, not ftruncate, populate and pwrite',
  () => {
    const file = memoryFile(65536, 5);
    const memory = native.map(file.fd, 0, 65536, 3);
    assert.is(native.setImmutable(file.fd, true), 0);
    assert.is(native.setImmutable(file.fd, true), 0, 'twice is once');
    assert.is(native.madvise(memory, 0, 4096, 9), -errno.EPERM);
    assert.is(native.fallocate(file.fd, PUNCH_HOLE_KEEP_SIZE, 0, 4096), -errno.EPERM);
    assert.is(native.ftruncate(file.fd, 131072), 0);
    assert.is(native.populate(file.fd, 65536, 65536), 0);
    assert.is(native.pwrite(file.fd, new ArrayBuffer(10), 0, 10, 131072), 10);
    assert.is(native.fallocateGuarded(file.fd, PUNCH_HOLE_KEEP_SIZE, 4096, 4096), 0);
    assert.is(new Uint8Array(memory)[4096], 0);
    assert.is(native.fallocateGuarded(file.fd, PUNCH_HOLE_KEEP_SIZE, 0, 0), -errno.EINVAL);
    assert.is(native.fallocateGuarded(-1, PUNCH_HOLE_KEEP_SIZE, 0, 4096), -errno.EBADF);
    assert.is(
      native.madvise(memory, 0, 4096, 9),
      -errno.EPERM,
      'the flag is there again, after success and failure',
    );
    assert.is(native.setImmutable(file.fd, false), 0);
    assert.is(native.madvise(memory, 0, 4096, 9), 0);
    assert.is(new Uint8Array(memory)[0], 0);
    native.unmap(memory);
    file.close();
  },
);

test('setImmutable on what has no flags answers an errno', () => {
  const [a, b] = native.socketpair();
  assert.ok(native.setImmutable(a.fd, true) < 0);
  assert.is(native.setImmutable(-1, true), -errno.EBADF);
  a.close();
  b.close();
});

test('open adds O_CLOEXEC, passes the mode and throws what open(2) says', () => {
  const path = join(tmpdir(), `leasefs-open-${process.pid}`);
  const file = native.open(path, 0o102 | 0o200, 0o600);
  assert.is(native.fcntl(file.fd, F_GETFD, 0), 1);
  assert.is(fstatSync(file.fd).mode & 0o777, 0o600);
  assert.is(
    codeOf(() => native.open(path, 0o102 | 0o200)),
    'EEXIST',
  );
  assert.is(
    codeOf(() => native.open(join(path, 'x'), 0)),
    'ENOTDIR',
  );
  file.close();
  unlinkSync(path);
  assert.is(
    codeOf(() => native.open(path, 0)),
    'ENOENT',
  );
});

test('descriptors that Node opened work too', () => {
  const path = join(tmpdir(), `leasefs-node-${process.pid}`);
  writeFileSync(path, 'abc');
  const fd = openSync(path, 'r');
  const back = new ArrayBuffer(3);
  assert.is(native.pread(fd, back, 0, 3, 0), 3);
  assert.is(native.pwrite(fd, back, 0, 3, 0), -errno.EBADF);
  closeSync(fd);
  unlinkSync(path);
});

test('the clock is the coarse real time: that of the file times', () => {
  const before = Date.now() / 1000;
  native.clock();
  const [sec, nsec] = native.scratch as unknown as [number, number];
  // It is as old as the last timer tick, 10 ms at most.
  assert.ok(sec + nsec / 1e9 > before - 0.1 && sec + nsec / 1e9 <= (Date.now() + 1) / 1000);
  assert.ok(nsec >= 0 && nsec < 1e9 && Number.isInteger(nsec));
});

test('fstatScratch sees what fstat sees', () => {
  const file = native.memfdCreate('seen').release();
  assert.is(native.ftruncate(file, 12345), 0);
  const out = new Float64Array(STAT.length);
  assert.is(native.fstat(file, out), 0);
  assert.is(native.fstatScratch(file), 0);
  assert.equal([...native.scratch], [...out]);
  assert.is(native.close(file), 0);
  assert.is(native.fstatScratch(file), -errno.EBADF);
});

test.run();
