// Extents of pooled files and grants of them: what they list, and that a granted block goes to no other file while a client
// may reach it (F20).
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { BLOCK } from '../../src/base/units.js';
import { native } from '../../src/native/binding.js';
import { Extent, type FileStore, type StoredFile } from '../../src/store/file-store.js';
import { PooledStore } from '../../src/store/pooled-store.js';
import { needing } from '../support/suites.js';

const MIB = 1 << 20;
const test = suite('pooled grants');

const filled = (store: FileStore, bytes: number, byte: number): StoredFile => {
  const file = store.create(0);
  assert.is(file.write(0, bytes, new Uint8Array(bytes).fill(byte).buffer, 0), bytes);
  return file;
};

function extentsOf(file: StoredFile, from = 0): Extent[] {
  const extents: Extent[] = [];
  for (let at = from; ; ) {
    const extent = new Extent();
    if (!file.nextExtent(at, extent)) return extents;
    extents.push(extent);
    at = extent.off + extent.len;
  }
}
const shape = (file: StoredFile, from = 0) =>
  extentsOf(file, from).map(({ off, len, unwritten }) => [off / BLOCK, len / BLOCK, unwritten]);

/** Maps an extent by the lent descriptor, as a client does. */
function mapped(fd: number, { store, len }: Extent): ArrayBuffer {
  const own = native.dup(fd);
  const memory = native.map(own.fd, store, len, 3);
  own.close();
  return memory;
}

test('extents are whole runs, written and unwritten apart, up to the block of the last byte', () => {
  const store = new PooledStore(16 * MIB);
  const file = filled(store, 3 * MIB + 1, 1);
  assert.equal(shape(file), [[0, 769, false]]);
  file.allocate(4 * MIB, MIB, false, true);
  assert.equal(shape(file), [
    [0, 769, false],
    [1024, 256, true],
  ]);
  file.punch(BLOCK, BLOCK, true);
  assert.equal(shape(file, 2 * BLOCK + 5), [
    [2, 767, false],
    [1024, 256, true],
  ]);
  file.allocate(6 * MIB, MIB, true, true);
  assert.is(shape(file).length, 3, 'what lies beyond the end is not listed');
  const { seq } = file;
  assert.is(file.commit(0, 8 * MIB), 0);
  assert.ok(file.seq > seq);
  assert.equal(shape(file).at(-1), [1024, 256, false]);
  const before = file.seq;
  assert.is(file.commit(0, 8 * MIB), 0);
  assert.is(file.seq, before, 'nothing to do changes nothing');
  const data = new ArrayBuffer(BLOCK);
  file.read(4 * MIB, BLOCK, data, 0);
  assert.ok(new Uint8Array(data).every(byte => byte === 0));
  file.free();
});

test('the lent descriptor is the memory of the extent', () => {
  const store = new PooledStore(16 * MIB);
  const file = filled(store, MIB, 5);
  const grant = store.newGrant(0);
  const [extent] = extentsOf(file);
  const fd = grant.add(extent!);
  const bytes = new Uint8Array(mapped(fd, extent!));
  assert.ok(bytes.every(byte => byte === 5));
  bytes[BLOCK] = 6;
  const data = new ArrayBuffer(1);
  file.read(BLOCK, 1, data, 0);
  assert.is(new Uint8Array(data)[0], 6);
  assert.is(grant.add(extent!), fd, 'the same again');
  native.unmap(bytes.buffer);
  grant.release();
  assert.ok(native.flagsOf(fd) < 0, 'it was valid until the release');
  file.free();
  assert.is(store.capacity.used, 0);
});

test('a granted block of a file that is gone waits for the release, and then for the last mapping', () => {
  const store = new PooledStore(4 * MIB);
  const file = filled(store, MIB, 5);
  const [extent] = extentsOf(file);
  const grants = [store.newGrant(0), store.newGrant(0)];
  const memory = mapped(grants[0]!.add(extent!), extent!);
  grants[1]!.add(extent!);
  file.free();
  const other = filled(store, 3 * MIB, 1);
  assert.is(other.write(3 * MIB, 1, new ArrayBuffer(1), 0), -errno.ENOSPC);
  grants[0]!.release();
  assert.is(other.write(3 * MIB, 1, new ArrayBuffer(1), 0), -errno.ENOSPC, 'the other grant');
  grants[1]!.release();
  assert.is(other.write(3 * MIB, 1, new ArrayBuffer(1), 0), -errno.ENOSPC, 'the mapping');
  new Uint8Array(memory).fill(9);
  native.unmap(memory);
  assert.is(other.write(3 * MIB, 1, new ArrayBuffer(1), 0), 1);
  const data = new ArrayBuffer(BLOCK);
  assert.is(other.read(3 * MIB, BLOCK, data, 0), 1);
  assert.is(new Uint8Array(data)[0], 0, 'what the laggard wrote is gone');
  other.free();
  assert.is(store.capacity.used, 0);
});

test('a granted block that the file goes on having is kept by nothing but the file', () => {
  const store = new PooledStore(4 * MIB);
  const file = filled(store, MIB, 5);
  const grant = store.newGrant(0);
  for (const extent of extentsOf(file)) grant.add(extent);
  grant.release();
  file.free();
  assert.is(store.capacity.used, 0);
});

test('a longer extent with the same beginning is kept whole', () => {
  const store = new PooledStore(4 * MIB);
  const file = filled(store, MIB, 5);
  const [extent] = extentsOf(file);
  const grant = store.newGrant(0);
  grant.add(Object.assign(new Extent(), extent, { len: BLOCK }));
  grant.add(extent!);
  grant.add(Object.assign(new Extent(), extent, { len: 2 * BLOCK }));
  file.free();
  assert.is(store.capacity.used, MIB);
  grant.release();
  assert.is(store.capacity.used, 0);
});

test('blocks side by side are one hold, in any order; beyond a share of runs: ENOLCK', () => {
  // Two for a user.
  const store = new PooledStore(4 * MIB, 4 * MIB, 8);
  const file = filled(store, MIB, 5);
  const [extent] = extentsOf(file);
  const block = (n: number, blocks = 1): Extent =>
    Object.assign(new Extent(), extent, { store: extent!.store + n * BLOCK, len: blocks * BLOCK });
  const grant = store.newGrant(21_000);
  for (let n = 0; n < 50; n++) assert.ok(grant.add(block(n)) >= 0);
  for (let n = 99; n > 50; n--) assert.ok(grant.add(block(n)) >= 0);
  assert.is(grant.add(block(200)), -errno.ENOLCK);
  assert.ok(grant.add(block(60)) >= 0, 'it is held already');
  assert.ok(grant.add(block(50)) >= 0, 'it joins both');
  assert.ok(grant.add(block(200)) >= 0);
  const other = store.newGrant(21_000);
  assert.is(other.add(block(0)), -errno.ENOLCK);
  assert.ok(grant.add(block(90, 120)) >= 0, 'it overlaps both');
  assert.ok(other.add(block(0)) >= 0);
  other.release();
  file.free();
  assert.is(store.capacity.used, 210 * BLOCK, 'what is held waits');
  grant.release();
  assert.is(store.capacity.used, 0);
});

needing(test, 'root')('while one client has it, the guarded segment is lent to no other: EBUSY', () => {
  const store = new PooledStore(4 * MIB);
  const file = filled(store, MIB, 5);
  const [extent] = extentsOf(file);
  const first = store.newGrant(0);
  const memory = mapped(first.add(extent!), extent!);
  first.release();
  const second = store.newGrant(0);
  assert.is(second.add(extent!), -errno.EBUSY);
  native.unmap(memory);
  assert.ok(second.add(extent!) > 0);
  second.release();
  file.free();
  assert.is(store.capacity.used, 0);
});

test('a kernel lease that a client takes on the lent descriptor makes no call wait: the segment is in use', () => {
  const F_SETLEASE = 1024;
  const F_WRLCK = 1;
  const store = new PooledStore(4 * MIB);
  const file = filled(store, MIB, 5);
  const [extent] = extentsOf(file);
  const first = store.newGrant(0);
  const lent = native.dup(first.add(extent!));
  const leased = native.open(`/proc/self/fd/${lent.fd}`, 0);
  lent.close();
  first.release();
  // Settles, which closes the descriptor that was lent: the client's is the only one.
  file.punch(0, BLOCK, true);
  // The kernel tells the lease's holder, which here is this process.
  const ignored = () => {};
  process.on('SIGIO', ignored);
  assert.is(native.fcntl(leased.fd, F_SETLEASE, F_WRLCK), 0);
  const second = store.newGrant(0);
  assert.is(second.add(extent!), -errno.EBUSY, 'the open does not wait for the client');
  leased.close();
  process.off('SIGIO', ignored);
  assert.ok(second.add(extent!) > 0);
  second.release();
  file.free();
});

test('a client adds no seal to the segment', () => {
  const F_ADD_SEALS = 1033;
  const F_SEAL_FUTURE_WRITE = 16;
  const store = new PooledStore(4 * MIB);
  const file = filled(store, MIB, 5);
  const [extent] = extentsOf(file);
  const grant = store.newGrant(0);
  assert.is(native.fcntl(grant.add(extent!), F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -errno.EPERM);
  grant.release();
  file.free();
});

test.run();
