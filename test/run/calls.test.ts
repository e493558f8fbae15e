// Stopped calls, decoded: which call it is on which architecture, which memory it is about to have held.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { heldBy } from '../../src/run/buffers.js';
import { callOf, type RegisterCall, readNotification } from '../../src/run/calls.js';
import type { Memory } from '../../src/run/uverbs.js';

const X86_64 = 0xc000_003e;
const I386 = 0x4000_0003;
const ARM64 = 0xc000_00b7;
const ARM = 0x4000_0028;
const test = suite('stopped calls');

const stopped = (arch: number, nr: number, ...args: (number | bigint)[]) => ({
  id: 1n,
  tid: 7,
  arch,
  nr,
  args: [0, 1, 2, 3, 4, 5].map(n => BigInt.asUintN(64, BigInt(args[n] ?? 0))),
});

/** Memory that holds `bytes` at `address`, and nothing else. */
const memoryOf =
  (bytes: ArrayBuffer, base = 0x1000): Memory =>
  (address, length) =>
    address < base || address + length > base + bytes.byteLength
      ? undefined
      : new DataView(bytes, address - base, length);

const words = (...values: (number | bigint)[]): ArrayBuffer => {
  const view = new DataView(new ArrayBuffer(values.length * 8));
  for (const [n, value] of values.entries()) view.setBigUint64(n * 8, BigInt(value), true);
  return view.buffer;
};

const register = (opcode: number, more: Partial<RegisterCall> = {}): RegisterCall => ({
  kind: 'register',
  ring: 5,
  opcode,
  address: 0x1000,
  count: 1,
  pointer: 8,
  ...more,
});

test('struct seccomp_notif is read as the kernel writes it', () => {
  const view = new DataView(new ArrayBuffer(80));
  view.setBigUint64(0, 9n, true);
  view.setUint32(8, 1234, true);
  view.setInt32(16, 72, true);
  view.setUint32(20, X86_64, true);
  view.setBigUint64(32, 3n, true);
  view.setBigUint64(72, 8n, true);
  assert.equal(readNotification(view), {
    id: 9n,
    tid: 1234,
    nr: 72,
    arch: X86_64,
    args: [3n, 0n, 0n, 0n, 0n, 8n],
  });
});

test('fcntl is known on each architecture, by its own number', () => {
  for (const [arch, nr] of [
    [X86_64, 72],
    [I386, 55],
    [I386, 221],
    [ARM64, 25],
    [ARM, 55],
    [ARM, 221],
  ] as const) {
    assert.equal(callOf(stopped(arch, nr, 3, 1024, 48)), { kind: 'setLease', fd: 3, flags: 48 });
    assert.equal(callOf(stopped(arch, nr, 3, 1025)), { kind: 'getLease', fd: 3 });
    assert.equal(callOf(stopped(arch, nr, 3, 10, 34)), { kind: 'setSignal', fd: 3, signal: 34 });
  }
  assert.is(callOf(stopped(X86_64, 55, 3, 1024, 48)), undefined);
  assert.is(callOf(stopped(0x1234, 72, 3, 1024, 48)), undefined);
});

test('of an int the kernel takes the low half only, and so do we', () => {
  const call = callOf(stopped(X86_64, 72, 0xdead_0000_0003n, (1n << 32n) + 1024n, -1n));
  assert.equal(call, { kind: 'setLease', fd: 3, flags: -1 });
});

test('a ring named by its index among registered rings has no descriptor', () => {
  const call = callOf(stopped(X86_64, 427, 0, 0x8000_0000n, 0x1000, 2));
  assert.equal(call, register(0, { ring: undefined, count: 2 }));
  assert.equal(heldBy(register(0, { ring: undefined }), memoryOf(words(0x5000, 4096))), [
    { kind: 'rings', fd: -1, addr: 0x5000, bytes: 4096 },
  ]);
});

test('the vectors of REGISTER_BUFFERS; empty places hold nothing', () => {
  const memory = memoryOf(words(0x5000, 4096, 0, 0, 0x9000, 10));
  assert.equal(heldBy(register(0, { count: 3 }), memory), [
    { kind: 'buffer', fd: 5, addr: 0x5000, bytes: 4096 },
    { kind: 'buffer', fd: 5, addr: 0x9000, bytes: 10 },
  ]);
});

test('a program of 32 bits has vectors of 8 bytes', () => {
  const memory = memoryOf(new Uint32Array([0x5000, 4096, 0x9000, 8192]).buffer);
  assert.equal(
    heldBy(register(0, { count: 2, pointer: 4 }), memory).map(({ addr, bytes }) => [addr, bytes]),
    [
      [0x5000, 4096],
      [0x9000, 8192],
    ],
  );
});

test('REGISTER_BUFFERS2 and BUFFERS_UPDATE point to their vectors; a sparse table holds nothing', () => {
  const two = memoryOf(words(1, 0, 0x1020, 0, 0x5000, 4096));
  const expected = [{ kind: 'buffer', fd: 5, addr: 0x5000, bytes: 4096 }];
  assert.equal(heldBy(register(15, { count: 32 }), two), expected);
  const sparse = memoryOf(words(1n + (1n << 32n), 0, 0x1020, 0, 0x5000, 4096));
  assert.equal(heldBy(register(15, { count: 32 }), sparse), []);
  const update = memoryOf(words(3, 0x1020, 0, 1, 0x5000, 4096));
  assert.equal(heldBy(register(16, { count: 32 }), update), expected);
});

test('what is not well formed or not readable holds nothing: the kernel refuses it', () => {
  const none: Memory = () => undefined;
  for (const opcode of [0, 15, 16, 22]) assert.equal(heldBy(register(opcode), none), []);
  assert.equal(heldBy(register(0, { count: 1 << 20 }), memoryOf(words(1, 1))), []);
  assert.equal(heldBy(register(0), memoryOf(words((1n << 64n) - 1n, 4096))), []);
  assert.equal(heldBy({ kind: 'setup', entries: 4, address: 0 }, none), []);
  assert.equal(heldBy({ kind: 'umem', socket: 4, address: 0x1000, length: 4 }, memoryOf(words(1, 2))), []);
});

test('a ring in memory of the program: completions and submissions, as io_uring_setup rounds them', () => {
  const params = new DataView(new ArrayBuffer(120));
  params.setUint32(8, 1 << 14, true);
  params.setBigUint64(112, 0x5000n, true);
  params.setBigUint64(72, 0x9000n, true);
  assert.equal(heldBy({ kind: 'setup', entries: 5, address: 0x1000 }, memoryOf(params.buffer)), [
    { kind: 'rings', fd: -1, addr: 0x5000, bytes: 64 + 16 * 16 + 8 * 4 },
    { kind: 'rings', fd: -1, addr: 0x9000, bytes: 8 * 64 },
  ]);
  params.setUint32(8, 0, true);
  assert.equal(heldBy({ kind: 'setup', entries: 5, address: 0x1000 }, memoryOf(params.buffer)), []);
});

test('the memory of an AF_XDP socket', () => {
  const call = callOf(stopped(X86_64, 54, 4, 283, 4, 0x1000, 32));
  assert.equal(call, { kind: 'umem', socket: 4, address: 0x1000, length: 32 });
  assert.equal(heldBy(call as Extract<typeof call, { kind: 'umem' }>, memoryOf(words(0x5000, 65536))), [
    { kind: 'socket', fd: 4, addr: 0x5000, bytes: 65536 },
  ]);
  assert.is(callOf(stopped(X86_64, 54, 4, 1, 4, 0x1000, 32)), undefined);
});

test.run();
