// The wire format, byte for byte: open files, their data, and which files lose setuid and setgid by them.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { answer, bench, record, text, u32, u64, zeros } from './doubles.js';
import { caller, entryOut, fill, header, maker, open, PASSTHROUGH_ID, testCases } from './wire-cases.js';

const test = suite('wire: open files');

testCases(test, [
  {
    title: 'LINK: the header names the directory, the body the inode',
    opcode: 13,
    body: [u64(77), text('n\0')],
    given: { link: (_c, _i, _p, _n, out) => fill(out) },
    call: ['link', caller, 77, 7, 'n', 'out'],
    reply: [entryOut()],
  },
  {
    title: 'OPEN by passthrough',
    opcode: 14,
    body: [u32(0o2), u32(0)],
    given: { open: (_c, _i, _f, out) => open(out) },
    call: ['open', caller, 7, 0o2, 'out'],
    reply: [u64(0x2_0000_0009), u32((1 << 5) | (1 << 7)), u32(PASSTHROUGH_ID)],
  },
  {
    title: 'OPEN through the daemon of one who only reads keeps the page cache',
    opcode: 14,
    body: [u32(0o100000), u32(0)],
    given: { open: (_c, _i, _f, out) => open(out, -1) },
    call: ['open', caller, 7, 0o100000, 'out'],
    reply: [u64(0x2_0000_0009), u32((1 << 5) | (1 << 1)), u32(0)],
  },
  {
    title: 'OPEN through the daemon of one who may write: by DIRECT_IO, its mappings by the page cache',
    opcode: 14,
    body: [u32(0o2), u32(0)],
    given: { open: (_c, _i, _f, out) => open(out, -1) },
    call: ['open', caller, 7, 0o2, 'out'],
    reply: [u64(0x2_0000_0009), u32((1 << 5) | (1 << 1) | (1 << 0)), u32(0)],
  },
  {
    title: 'OPEN of what a client has stored into lets the page cache go',
    opcode: 14,
    body: [u32(0o0), u32(0)],
    given: { open: (_c, _i, _f, out) => open(Object.assign(out, { keepCache: false }), -1) },
    call: ['open', caller, 7, 0o0, 'out'],
    reply: [u64(0x2_0000_0009), u32(1 << 5), u32(0)],
  },
  {
    title: 'CREATE answers the entry and the open file',
    opcode: 35,
    body: [u32(0o102), u32(0o100644), u32(0o22), u32(0), text('new\0')],
    given: {
      create: (_c, _p, _n, _m, _f, attr, out) => {
        fill(attr);
        return open(out);
      },
    },
    call: ['create', maker, 7, 'new', 0o100644, 0o102, 'out', 'out'],
    reply: [entryOut(), u64(0x2_0000_0009), u32((1 << 5) | (1 << 7)), u32(PASSTHROUGH_ID)],
  },
  {
    title: 'TMPFILE ignores the name',
    opcode: 51,
    body: [u32(0o20200002), u32(0o100600), u32(0o22), u32(0), text('/\0')],
    given: {
      tmpfile: (_c, _p, _m, _f, attr, out) => {
        fill(attr);
        return open(out);
      },
    },
    call: ['tmpfile', maker, 7, 0o100600, 0o20200002, 'out', 'out'],
    reply: [entryOut(), u64(0x2_0000_0009), u32((1 << 5) | (1 << 7)), u32(PASSTHROUGH_ID)],
  },
  {
    title: 'READ puts the data right behind the header',
    opcode: 15,
    body: [u64(9), u64(8192), u32(4096), u32(0), u64(0), u32(0), u32(0)],
    given: {
      read: (_c, _i, _fh, _off, _len, out, at) => {
        new Uint8Array(out).set(text('data'), at);
        return 4;
      },
    },
    call: ['read', caller, 7, 9, 8192, 4096, 'buffer', 16, 'gather', true],
    reply: [text('data')],
  },
  {
    title: 'WRITE hands the data over where they lie',
    opcode: 16,
    body: [u64(9), u64(8192), u32(5), u32(1), u64(0), u32(2), u32(0), text('hello')],
    given: { write: () => 5 },
    call: ['write', caller, 7, 9, 8192, 5, 'buffer', 80, true],
    reply: [u32(5), u32(0)],
  },
  {
    title: 'RELEASE',
    opcode: 18,
    body: [u64(9), u32(2), u32(0), u64(0)],
    call: ['release', 9],
    reply: [],
  },
  {
    title: 'POLL answers all events',
    opcode: 40,
    body: [u64(9), u64(33), u32(1), u32(2)],
    given: { poll: () => 7 },
    call: ['poll', 9, true],
    reply: [u32(7), u32(0)],
  },
  {
    title: 'FALLOCATE',
    opcode: 43,
    body: [u64(9), u64(4096), u64(2 ** 33), u32(3), u32(0)],
    call: ['fallocate', caller, 7, 9, 3, 4096, 2 ** 33],
    reply: [],
  },
  {
    title: 'LSEEK answers the offset',
    opcode: 46,
    body: [u64(9), u64(4096), u32(4), u32(0)],
    given: { lseek: () => 2 ** 40 + 1 },
    call: ['lseek', caller, 7, 9, 4096, 4],
    reply: [u64(2 ** 40 + 1)],
  },
  {
    title: 'COPY_FILE_RANGE, the length in 32 bits',
    opcode: 47,
    body: [u64(9), u64(1), u64(8), u64(10), u64(2), u64(300), u64(0)],
    given: { copyFileRange: () => 200 },
    call: ['copyFileRange', caller, 7, 9, 1, 8, 10, 2, 300],
    reply: [u32(200), u32(0)],
  },
  {
    title: 'COPY_FILE_RANGE_64, a huge length made small',
    opcode: 53,
    body: [u64(9), u64(1), u64(8), u64(10), u64(2), u64(0x7fff_ffff_ffff_f000n), u64(0)],
    given: { copyFileRange: () => 200 },
    call: ['copyFileRange', caller, 7, 9, 1, 8, 10, 2, 2 ** 30],
    reply: [u64(200)],
  },
]);

test('sizes beyond 2^53 - 1: READ is at the end, WRITE and FALLOCATE EFBIG, LSEEK ENXIO, and no operation is called', () => {
  const { channel, calls } = bench();
  const before = calls.length;
  const big = u64(2n ** 53n);
  const io = [u64(9), big, u32(1), u32(0), u64(0), u32(0), u32(0)];
  assert.equal(channel.deliver(record(15, header, ...io)), answer(header.unique, 0));
  assert.equal(channel.deliver(record(16, header, ...io, text('x'))), answer(header.unique, -27));
  const range = record(43, header, u64(9), u64(4096), u64(2n ** 53n - 4096n), u32(0), u32(0));
  assert.equal(channel.deliver(range), answer(header.unique, -27));
  assert.equal(channel.deliver(record(46, header, u64(9), big, u32(3), u32(0))), answer(header.unique, -6));
  const copy = record(47, header, u64(9), zeros(8), u64(8), u64(10), big, u64(1), u64(0));
  assert.equal(channel.deliver(copy), answer(header.unique, -27));
  const beyond = record(53, header, u64(9), big, u64(8), u64(10), zeros(8), u64(1), u64(0));
  assert.equal(channel.deliver(beyond), answer(header.unique, 0, u64(0)), 'nothing was copied');
  assert.is(calls.length, before);
});

test('a truncating open and a write without CAP_FSETID clear setuid and setgid, others do not', () => {
  const { channel, calls } = bench({ open: (_c, _i, _f, out) => open(out), write: () => 1 });
  const write = (flags: number) =>
    record(16, header, u64(9), u64(0), u32(1), u32(flags), u64(0), u32(2), u32(0), text('x'));
  const cleared = (): boolean => {
    const [call, , , set] = calls.at(-1) as [string, unknown, unknown, { valid: number }];
    return call === 'setattr' && set.valid === 512;
  };
  for (const [flags, open, is] of [
    [0o1002, 1, true],
    [0o1002, 0, false],
    [0o2, 1, false],
  ] as const) {
    channel.deliver(record(14, header, u32(flags), u32(open)));
    assert.is(cleared(), is);
  }
  assert.equal(channel.deliver(write(4)), answer(header.unique, 0, u32(1), u32(0)));
  assert.ok(cleared());
  channel.deliver(write(0));
  assert.not.ok(cleared());
});

test.run();
