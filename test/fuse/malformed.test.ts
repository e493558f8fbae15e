// The kernel is not trusted: a record of the wrong shape gets EIO and one line in the log, for any bytes, and the
// session goes on.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NONE } from '../../src/abi/kinds.js';
import { BUFFER_SIZE } from '../../src/fuse/init.js';
import { answer, type Bench, bench, record, text, u32, u64, zeros } from './doubles.js';

const test = suite('malformed');

/** Each request's shape: bytes of the fixed part, and the least that follows. */
const shapes: Readonly<Record<number, readonly [fixed: number, tail: string]>> = {
  1: [0, 'n\0'],
  3: [16, ''],
  4: [88, ''],
  5: [0, ''],
  6: [0, 'n\0t\0'],
  8: [16, 'n\0'],
  9: [8, 'n\0'],
  10: [0, 'n\0'],
  11: [0, 'n\0'],
  12: [8, 'n\0m\0'],
  13: [8, 'n\0'],
  14: [8, ''],
  15: [40, ''],
  17: [0, ''],
  18: [24, ''],
  22: [8, 'n\0'],
  23: [8, ''],
  24: [0, 'n\0'],
  27: [8, ''],
  28: [40, ''],
  29: [24, ''],
  35: [16, 'n\0'],
  38: [0, ''],
  40: [24, ''],
  43: [32, ''],
  44: [40, ''],
  45: [16, 'n\0m\0'],
  46: [24, ''],
  47: [56, ''],
  51: [16, 'n\0'],
  52: [24, ''],
  53: [56, ''],
};

const EIO = -5;
const refused = answer(2n, EIO);

/** Delivers it; checks that it was refused, with one line, and that no operation was called. */
function refuses({ channel, calls, log }: Bench, bytes: Buffer, why: string): void {
  const lines = log.length;
  const asked = calls.length;
  assert.equal(channel.deliver(bytes), refused, why);
  assert.is(log.length, lines + 1, why);
  assert.match(log.at(-1)!, 'malformed');
  assert.is(calls.length, asked, why);
}

test('every request is refused when it is a byte too short or too long, and taken when it is right', () => {
  const b = bench();
  for (const [key, [fixed, tail]] of Object.entries(shapes)) {
    const opcode = Number(key);
    const right = Buffer.concat([zeros(fixed), text(tail)]);
    if (opcode !== 38) {
      for (const length of [0, 1, fixed - 1, right.length - 1].filter(n => n >= 0 && n < right.length)) {
        refuses(b, record(opcode, {}, right.subarray(0, length)), `opcode ${opcode}, ${length} bytes`);
      }
      refuses(b, record(opcode, {}, right, zeros(1)), `opcode ${opcode}, a byte too long`);
      refuses(b, record(opcode, {}, right, text('x')), `opcode ${opcode}, a byte too long`);
    }
    const lines = b.log.length;
    assert.is.not(b.channel.deliver(record(opcode, {}, right)), undefined);
    assert.is(b.log.length, lines, `opcode ${opcode}: ${b.log.at(-1)}`);
  }
});

test('a name without its NUL, for any bytes behind it in the buffer', () => {
  const b = bench();
  b.channel.deliver(record(1, {}, text('a long name\0')));
  refuses(b, record(1, {}, text('a')), 'no NUL inside the record');
  refuses(b, record(12, {}, u64(1), text('one\0two')), 'no second NUL');
  refuses(b, record(12, {}, u64(1), text('one\0two\0three\0')), 'three names');
  refuses(b, record(6, {}, text('name\0')), 'no target');
});

test('data of another length than the record says', () => {
  const b = bench();
  const write = (size: number): Buffer[] => [u64(9), u64(0), u32(size), u32(0), u64(0), u32(0), u32(0)];
  refuses(b, record(16, {}, ...write(5), text('four')), 'WRITE');
  refuses(b, record(16, {}, ...write(0xffff_ffff), text('four')), 'WRITE of 4 GiB');
  refuses(b, record(21, {}, u32(5), u32(0), text('user.x\0four')), 'SETXATTR');
  refuses(b, record(21, {}, u32(0xffff_ffff), u32(0), text('user.x\0')), 'SETXATTR of 4 GiB');
});

test('a header that contradicts the record', () => {
  const b = bench();
  const longer = record(3, {}, zeros(16));
  longer.writeUInt32LE(60, 0);
  refuses(b, longer, 'len too large');
  const extended = record(3, {}, zeros(16));
  extended.writeUInt16LE(3, 36);
  refuses(b, extended, 'more extensions than bytes');
  extended.writeUInt16LE(0xffff, 36);
  refuses(b, extended, 'far more extensions than bytes');
});

test('FORGET, BATCH_FORGET and INTERRUPT are never answered, a line is logged', () => {
  const { channel, log } = bench();
  for (const opcode of [2, 42, 36]) {
    assert.is(channel.deliver(record(opcode, {}, zeros(3))), undefined);
    assert.is(channel.deliver(record(opcode, {}, zeros(9))), undefined);
  }
  assert.is(
    channel.deliver(record(42, {}, u32(0xffff_ffff), u32(0))),
    undefined,
    'a count beyond the record',
  );
  assert.is(log.length, 7);
});

test('a record shorter than a header is ignored: there is no number to answer to', () => {
  const { channel, log } = bench();
  for (const length of [1, 8, 39]) assert.is(channel.deliver(Buffer.alloc(length, 1)), undefined);
  assert.is(log.length, 3);
});

test('requests before INIT are refused', () => {
  const b = bench({}, 0);
  refuses(b, record(1, {}, text('f\0')), 'LOOKUP');
});

test('a throw in an operation: EIO, the opcode and the stack in one line, and the mount lives', () => {
  const { channel, log } = bench({
    mkdir: () => {
      throw new Error('boom');
    },
    forget: () => {
      throw new Error('boom');
    },
  });
  assert.equal(channel.deliver(record(9, {}, u32(0), u32(0), text('d\0'))), refused);
  assert.is(log.length, 1);
  assert.match(log[0]!, /^MKDIR of inode 1.*boom.*malformed\.test/);
  assert.not.match(log[0]!, '\n');
  assert.is(channel.deliver(record(2, {}, u64(1))), undefined);
  assert.equal(channel.deliver(record(10, {}, text('f\0'))), answer(2n, 0));
});

/** A small generator with a seed (mulberry32), 0 to 1. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

test('20,000 random records: each gets at most one well-formed answer, and nothing throws', () => {
  const seed = Date.now() >>> 0;
  const rand = random(seed);
  const below = (n: number): number => Math.floor(rand() * n);
  const { channel, log } = bench({
    pins: () => ({ total: 0, listings: [] }),
    report: () => ['{"leases":', '[]}'].values(),
    getLease: () => ({ kind: NONE, breakMs: 0, token: 0n }),
  });
  const unanswered = new Set([2, 36, 42]);
  try {
    for (let i = 0; i < 20_000; i++) {
      const opcode = below(8) === 0 ? below(2 ** 32) : below(64);
      const [fixed, tail] = shapes[opcode] ?? [below(64), ''];
      const length = below(3) === 0 ? below(300) : fixed + (below(4) === 0 ? below(40) : 0);
      const body = Buffer.alloc(length);
      const kind = below(3);
      for (let j = 0; j < length; j++) body[j] = kind === 0 ? below(256) : kind === 1 ? below(2) : 0xff;
      const unique = (BigInt(below(2 ** 32)) << 32n) | BigInt(below(2 ** 32));
      const bytes = record(opcode, { unique, nodeid: below(100) }, body, text(tail));
      if (below(20) === 0) bytes[below(40)] = below(256);
      const whole = below(20) === 0 ? bytes.subarray(0, below(bytes.length + 1)) : bytes;
      const got = channel.deliver(whole);
      const asked = whole.length >= 40 ? whole.readUInt32LE(4) : 2;
      if (unanswered.has(asked)) assert.is(got, undefined);
      else {
        assert.ok(got !== undefined && got.length >= 16 && got.length <= BUFFER_SIZE);
        assert.is(got.readUInt32LE(0), got.length);
        assert.is(got.readBigUInt64LE(8), whole.readBigUInt64LE(8));
        const error = got.readInt32LE(4);
        assert.ok(error <= 0 && error > -4096, `error ${error}`);
        if (error !== 0) assert.is(got.length, 16);
      }
    }
    for (const line of log) assert.not.match(line, / failed, EIO: /);
    assert.is(channel.sent.length, 0);
  } catch (error) {
    console.error(`seed ${seed}`);
    throw error;
  }
});

test.run();
