// Mappings as ArrayBuffers: the file's own pages, gone when they are unmapped, never reachable afterwards.
import { readFileSync } from 'node:fs';
import { MessageChannel } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { native, PROT_READ, PROT_WRITE } from '../../src/native/binding.js';
import { codeOf, collectGarbage, memoryFile, turns, until } from './fixture.js';

const MADV_REMOVE = 9;
const test = suite('mappings');

/** Mappings of the memory file of this name in this process. */
const mapped = (name: string): number =>
  readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter(line => line.includes(`/memfd:${name}`)).length;

function named(name: string, bytes: number) {
  const file = native.memfdCreate(name);
  native.ftruncate(file.fd, bytes);
  return file;
}

test('a mapping is the file: stores are read, writes are seen', () => {
  const file = memoryFile(12288);
  const memory = native.map(file.fd, 4096, 8192, PROT_READ | PROT_WRITE);
  const bytes = new Uint8Array(memory);
  assert.is(memory.byteLength, 8192);
  bytes[5] = 77;
  const back = new ArrayBuffer(1);
  native.pread(file.fd, back, 0, 1, 4096 + 5);
  assert.is(new Uint8Array(back)[0], 77);
  native.pwrite(file.fd, new Uint8Array([88]).buffer, 0, 1, 4096 + 6);
  assert.is(bytes[6], 88);
  assert.is(native.msync(memory, 0, 8192), 0);
  native.unmap(memory);
  file.close();
});

test('a mapping outlives its descriptor', () => {
  const file = memoryFile(4096, 6);
  const memory = native.map(file.fd, 0, 4096, PROT_READ);
  file.close();
  assert.is(new Uint8Array(memory)[4095], 6);
  native.unmap(memory);
});

test('unmap detaches first: views have length 0 and loads give undefined, never a fault', () => {
  const file = named('detached', 4096);
  const memory = native.map(file.fd, 0, 4096, 3);
  const bytes = new Uint8Array(memory);
  const view = new DataView(memory);
  assert.is(mapped('detached'), 1);
  assert.is(native.unmap(memory), 0);
  assert.is(mapped('detached'), 0);
  assert.is(memory.byteLength, 0);
  assert.is(bytes[0], undefined);
  assert.throws(() => view.getUint8(0), TypeError);
  assert.is(native.unmap(memory), -errno.EINVAL, 'not twice');
  assert.is(native.madvise(memory, 0, 4096, 4), -errno.EFAULT);
  assert.is(native.madvise(memory, 0, 0, 4), -errno.EINVAL);
  file.close();
});

test('anonymous memory is zeros, takes advice, and is gone once it is unmapped', () => {
  const memory = native.mapAnonymous(1 << 20);
  const bytes = new Uint8Array(memory);
  assert.is(memory.byteLength, 1 << 20);
  assert.ok(bytes.every(byte => byte === 0));
  bytes.fill(7);
  const MADV_DONTNEED = 4;
  assert.is(native.madvise(memory, 4096, 4096, MADV_DONTNEED), 0);
  assert.equal([bytes[4095], bytes[4096], bytes[8191], bytes[8192]], [7, 0, 0, 7]);
  assert.is(native.unmap(memory), 0);
  assert.is(bytes.length, 0);
  assert.is(native.unmap(memory), -errno.EINVAL);
});

test('anonymous memory of no length, or beyond the address space, throws', () => {
  assert.throws(() => native.mapAnonymous(0), RangeError);
  assert.is(
    codeOf(() => native.mapAnonymous(2 ** 52)),
    'ENOMEM',
  );
});

test('unmap of any other ArrayBuffer is EINVAL and leaves it alone', () => {
  const buffer = new ArrayBuffer(4096);
  assert.is(native.unmap(buffer), -errno.EINVAL);
  assert.is(native.unmap(new ArrayBuffer(0)), -errno.EINVAL);
  assert.is(buffer.byteLength, 4096);
});

test('madvise and msync refuse memory that is no mapping: the heap would lose its pages', () => {
  const heap = new ArrayBuffer(1 << 20);
  new Uint8Array(heap).fill(1);
  assert.is(native.madvise(heap, 0, 1 << 20, 4), -errno.EINVAL);
  assert.is(native.msync(heap, 0, 4096), -errno.EINVAL);
  assert.ok(new Uint8Array(heap).every(byte => byte === 1));
});

test('madvise works on a part, whose beginning must be a page', () => {
  const file = memoryFile(16384, 1);
  const memory = native.map(file.fd, 0, 16384, 3);
  const bytes = new Uint8Array(memory);
  assert.is(native.madvise(memory, 4096, 8192, MADV_REMOVE), 0);
  assert.equal([bytes[4095], bytes[4096], bytes[12287], bytes[12288]], [1, 0, 0, 1]);
  assert.is(native.madvise(memory, 100, 4096, MADV_REMOVE), -errno.EINVAL);
  assert.is(native.madvise(memory, 12288, 8192, MADV_REMOVE), -errno.EFAULT);
  native.unmap(memory);
  file.close();
});

test('mappings that cannot be are errors: EBADF, EINVAL, EACCES, ENOMEM', () => {
  const file = memoryFile(4096);
  assert.is(
    codeOf(() => native.map(-1, 0, 4096, 1)),
    'EBADF',
  );
  assert.is(
    codeOf(() => native.map(file.fd, 1, 4096, 1)),
    'EINVAL',
  );
  const readOnly = native.open(`/proc/self/fd/${file.fd}`, 0);
  assert.is(
    codeOf(() => native.map(readOnly.fd, 0, 4096, 3)),
    'EACCES',
  );
  assert.is(
    codeOf(() => native.map(file.fd, 0, 2 ** 52, 1)),
    'ENOMEM',
  );
  readOnly.close();
  file.close();
});

test('pieces of files lie side by side, in the order given, and are unmapped as one', async () => {
  const [first, second] = [named('pieces', 16384), named('pieces', 8192)];
  const page = new Uint8Array(4096);
  for (const [file, off, byte] of [
    [first, 0, 1],
    [first, 12288, 2],
    [second, 4096, 3],
  ] as const)
    native.pwrite(file.fd, page.fill(byte).buffer, 0, 4096, off);
  const pieces = Float64Array.of(second.fd, 4096, 4096, first.fd, 12288, 4096, first.fd, 0, 100);
  const memory = native.mapPieces(pieces, 3, PROT_READ | PROT_WRITE);
  const bytes = new Uint8Array(memory);
  assert.is(memory.byteLength, 8292);
  assert.equal([bytes[0], bytes[4095], bytes[4096], bytes[8191], bytes[8192]], [3, 3, 2, 2, 1]);
  bytes[4096] = 9;
  const back = new ArrayBuffer(1);
  native.pread(first.fd, back, 0, 1, 12288);
  assert.is(new Uint8Array(back)[0], 9, 'the file itself');
  first.close();
  second.close();
  assert.is(bytes[8191], 2, 'they outlive the descriptors');
  assert.is(native.unmap(memory), 0);
  assert.is(bytes.length, 0);
  assert.is(mapped('pieces'), 0);
});

test('pieces that cannot be are errors, and nothing stays mapped: EBADF, EINVAL, EACCES, ENOMEM', () => {
  const file = named('never', 8192);
  const readOnly = native.open(`/proc/self/fd/${file.fd}`, 0);
  const map = (...numbers: number[]) => native.mapPieces(Float64Array.from(numbers), numbers.length / 3, 3);
  const { fd } = file;
  const refused = (code: string, ...numbers: number[]) =>
    assert.is(
      codeOf(() => map(...numbers)),
      code,
    );
  refused('EBADF', fd, 0, 4096, -1, 0, 4096);
  refused('EINVAL', fd, 0, 4096, fd, 1, 4096);
  refused('EINVAL', fd, 0, 100, fd, 0, 4096);
  refused('EACCES', fd, 0, 4096, readOnly.fd, 0, 4096);
  refused('ENOMEM', fd, 0, 2 ** 52);
  for (const wrong of [
    [Number.NaN, 0, 1],
    [fd, -1, 1],
    [fd, 0, 0],
    [fd, 0, 0.5],
  ])
    assert.throws(
      () => map(...wrong),
      (error: unknown) => error instanceof RangeError,
    );
  assert.throws(() => native.mapPieces(new Float64Array(3), 2, 3), 'more pieces than there are numbers');
  assert.is(mapped('never'), 0);
  readOnly.close();
  file.close();
});

test('a mapping that is forgotten is unmapped by the collector', async () => {
  const file = named('forgotten', 1 << 20);
  for (let n = 0; n < 8; n++) new Uint8Array(native.map(file.fd, 0, 1 << 20, 3))[n] = 1;
  assert.is(mapped('forgotten') > 0, true);
  for (let n = 0; n < 100 && mapped('forgotten') > 0; n++) {
    collectGarbage();
    await turns();
  }
  assert.is(mapped('forgotten'), 0);
  file.close();
});

test('the collector does not unmap what unmap has unmapped, though the address is in use again', async () => {
  const file = named('again', 1 << 20);
  const kept: ArrayBuffer[] = [];
  for (let n = 0; n < 50; n++) {
    const memory = native.map(file.fd, 0, 1 << 20, 3);
    if (n % 2 === 0) native.unmap(memory);
    else kept.push(memory);
  }
  for (let n = 0; n < 5; n++) {
    collectGarbage();
    await turns();
  }
  for (const memory of kept) new Uint8Array(memory)[1000] = 1;
  assert.is(kept.length, 25);
  for (const memory of kept) assert.is(native.unmap(memory), 0);
  await until(() => mapped('again') === 0, 'all unmapped');
  file.close();
});

test('a mapping does not travel to another thread: posting it copies or fails', () => {
  const file = memoryFile(4096, 4);
  const memory = native.map(file.fd, 0, 4096, 3);
  const { port1, port2 } = new MessageChannel();
  try {
    port1.postMessage(memory, [memory]);
  } catch (error) {
    assert.is((error as Error).name, 'DataCloneError');
  }
  port1.close();
  port2.close();
  assert.is(memory.byteLength, 4096);
  assert.is(native.unmap(memory), 0);
  file.close();
});

test('more than an ArrayBuffer may hold is refused, with nothing mapped: over 4 GiB on Node.js 20', () => {
  const bytes = 2 ** 33;
  const file = named('leasefs-large', bytes);
  for (let n = 0; n < 3; n++) {
    try {
      native.unmap(native.map(file.fd, 0, bytes, PROT_READ));
    } catch (error) {
      assert.is((error as NodeJS.ErrnoException).code, 'ERR_BUFFER_TOO_LARGE');
    }
    assert.is(mapped('leasefs-large'), 0);
  }
  file.close();
});

test.run();
