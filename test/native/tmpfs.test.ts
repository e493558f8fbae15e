// A tmpfs that is mounted nowhere, and its files by number.
import { readdirSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { type Descriptor, native, STAT } from '../../src/native/binding.js';
import { suiteNeeding } from '../support/suites.js';
import { codeOf } from './fixture.js';

const PAGE = 4096;
const PUNCH_HOLE_KEEP_SIZE = 3;

suiteNeeding('tmpfs', ['root', 'immutable'], test => {
  const MADV_REMOVE = 9;
  const root = () => native.tmpfsMake('test', 'size', String(16 * PAGE), 'mode', '0700');
  let whole: Descriptor;
  test.before(() => {
    whole = native.tmpfsMake('test', 'size', '1m');
  });
  const made = (number: number): number => {
    const file = native.fileCreate(whole.fd, number);
    assert.ok(file >= 0, `fileCreate ${file}`);
    return file;
  };
  const space = (fd: number): [total: number, free: number] => {
    const out = new Float64Array(2);
    assert.is(native.tmpfsSpace(fd, out), 0);
    return [out[0]!, out[1]!];
  };
  const write = (file: number, length: number): number =>
    native.pwrite(file, new ArrayBuffer(length), 0, length, 0);

  test("its size is the kernel's promise: ENOSPC at the page, and free space comes back", () => {
    const fs = root();
    assert.equal(space(fs.fd), [16 * PAGE, 16 * PAGE]);
    const file = native.fileCreate(fs.fd, 7);
    assert.is(write(file, 20 * PAGE), 16 * PAGE, 'what fits');
    assert.is(native.pwrite(file, new ArrayBuffer(1), 0, 1, 16 * PAGE), -errno.ENOSPC);
    assert.equal(space(fs.fd), [16 * PAGE, 0]);
    assert.is(native.fileRemove(fs.fd, 7, file), 0);
    native.close(file);
    assert.equal(space(fs.fd), [16 * PAGE, 16 * PAGE]);
    fs.close();
  });

  test('its size can be changed, but not below what is in use', () => {
    const fs = root();
    const file = native.fileCreate(fs.fd, 1);
    write(file, 8 * PAGE);
    assert.is(native.tmpfsConfigure(fs.fd, 'size', String(4 * PAGE)), -errno.EINVAL);
    assert.is(native.tmpfsConfigure(fs.fd, 'size', String(32 * PAGE)), 0);
    assert.equal(space(fs.fd), [32 * PAGE, 24 * PAGE]);
    assert.is(native.tmpfsConfigure(-1, 'size', '1m'), -errno.EBADF);
    native.close(file);
    fs.close();
  });

  test('a file rests under its number without a descriptor, and comes back whole and immutable', () => {
    const before = readdirSync('/proc/self/fd').length;
    const file = made(100);
    write(file, 3 * PAGE);
    native.fstatScratch(file);
    const seen = [...native.scratch];
    native.close(file);
    assert.is(readdirSync('/proc/self/fd').length, before);
    assert.is(native.fileStatScratch(whole.fd, 100), 0);
    assert.equal([...native.scratch], seen, 'stat without a descriptor');
    const again = native.fileOpen(whole.fd, 100);
    assert.is(native.pwrite(again, new ArrayBuffer(PAGE), 0, PAGE, 3 * PAGE), PAGE);
    const memory = native.map(again, 0, PAGE, 3);
    assert.is(native.madvise(memory, 0, PAGE, MADV_REMOVE), -errno.EPERM);
    native.unmap(memory);
    assert.is(native.fallocate(again, PUNCH_HOLE_KEEP_SIZE, 0, PAGE), -errno.EPERM);
    native.close(again);
    assert.is(native.fileRemove(whole.fd, 100, -1), 0, 'at rest');
    assert.is(native.fileOpen(whole.fd, 100), -errno.ENOENT);
    assert.is(native.fileStatScratch(whole.fd, 100), -errno.ENOENT);
  });

  test('a mapping of a removed file keeps its memory, and the guard', () => {
    const file = made(200);
    write(file, PAGE);
    const memory = native.map(file, 0, PAGE, 3);
    assert.is(native.fileRemove(whole.fd, 200, file), 0);
    native.close(file);
    assert.is(native.madvise(memory, 0, PAGE, MADV_REMOVE), -errno.EPERM);
    new Uint8Array(memory)[0] = 1;
    assert.is(native.unmap(memory), 0);
  });

  test('what is there is not made again; what is no tmpfs and no option is an error', () => {
    const file = made(300);
    assert.is(native.fileCreate(whole.fd, 300), -errno.EEXIST);
    native.close(file);
    assert.is(native.fileRemove(whole.fd, 301, -1), -errno.ENOENT);
    assert.is(native.fileCreate(-1, 1), -errno.EBADF);
    assert.is(
      codeOf(() => native.tmpfsMake('test', 'size', 'much')),
      'EINVAL',
    );
    assert.is(
      codeOf(() => native.tmpfsMake('test', 'no-such-option', '')),
      'EINVAL',
    );
  });

  test('a time of access of 0 stays until a process reads or maps; writes, punches and populate leave it', () => {
    const atime = (): number => {
      assert.is(native.fstatScratch(file), 0);
      return native.scratch[STAT.atimeSec]!;
    };
    const file = made(1);
    native.ftruncate(file, 65536);
    assert.is(native.pwrite(file, new ArrayBuffer(10), 0, 10, 0), 10);
    assert.is(native.populate(file, 0, 65536), 0);
    assert.is(native.fallocateGuarded(file, PUNCH_HOLE_KEEP_SIZE, 0, 4096), 0);
    assert.is(native.presentPages(file, 0, 65536), 15);
    assert.is(atime(), 0);
    assert.is(native.pread(file, new ArrayBuffer(10), 0, 10, 0), 10);
    assert.ok(atime() > 0);
    native.close(file);
    const other = made(2);
    native.ftruncate(other, 4096);
    native.unmap(native.map(other, 0, 4096, 1));
    native.fstatScratch(other);
    assert.ok(native.scratch[STAT.atimeSec]! > 0);
    native.close(other);
  });
});
