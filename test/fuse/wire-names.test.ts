// The wire format, byte for byte: names, directories, and what the kernel remembers of them.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { InodeNumber, Name } from '../../src/base/units.js';
import type { Attr, DirSink, Operations } from '../../src/fs/operations.js';
import { answer, bench, record, text, u32, u64, zeros } from './doubles.js';
import { caller, entryOut, FOREVER, fill, header, maker, open, REGULAR, testCases } from './wire-cases.js';

const test = suite('wire: names');

testCases(test, [
  {
    title: 'LOOKUP of a name of any bytes answers the entry',
    opcode: 1,
    body: [text('h\xe9\xff\0')],
    given: { lookup: (_c, _p, _n, out) => fill(out) },
    call: ['lookup', caller, 7, 'h\xe9\xff', 'out'],
    reply: [entryOut()],
  },
  {
    title: 'LOOKUP of what lasts: its attributes are good for ever',
    opcode: 1,
    body: [text('d\0')],
    given: { lookup: (_c, _p, _n, out) => fill(out, 0o100600) },
    call: ['lookup', caller, 7, 'd', 'out'],
    reply: [entryOut(0o100600)],
  },
  {
    title: 'LOOKUP of a name that is not there answers node 0, to be cached',
    opcode: 1,
    body: [text('none\0')],
    given: { lookup: () => -2 },
    call: ['lookup', caller, 7, 'none', 'out'],
    reply: [zeros(16), u64(FOREVER), zeros(104)],
  },
  {
    title: 'FORGET is not answered',
    opcode: 2,
    body: [u64(12)],
    call: ['forget', 7, 12],
    reply: undefined,
  },
  {
    title: 'READLINK answers the bytes',
    opcode: 5,
    body: [],
    given: {
      readlink: (_c, _i, out, at) => {
        out.set(text('../a\xff'), at);
        return 5;
      },
    },
    call: ['readlink', caller, 7, 'buffer', 16],
    reply: [text('../a\xff')],
  },
  {
    title: 'SYMLINK takes the name, then the target',
    opcode: 6,
    body: [text('l\0'), text('to/\xfe\0')],
    given: { symlink: (_c, _p, _n, _t, out) => fill(out, 0o120777) },
    call: ['symlink', caller, 7, 'l', text('to/\xfe'), 'out'],
    reply: [entryOut(0o120777)],
  },
  {
    title: 'MKNOD',
    opcode: 8,
    body: [u32(0o20600), u32(0x501), u32(0o22), u32(0), text('tty\0')],
    given: { mknod: (_c, _p, _n, _m, _r, out) => fill(out, 0o20600) },
    call: ['mknod', maker, 7, 'tty', 0o20600, 0x501, 'out'],
    reply: [entryOut(0o20600)],
  },
  {
    title: 'MKDIR',
    opcode: 9,
    body: [u32(0o755), u32(0o22), text('d\0')],
    given: { mkdir: (_c, _p, _n, _m, out) => fill(out, 0o40755) },
    call: ['mkdir', maker, 7, 'd', 0o755, 'out'],
    reply: [entryOut(0o40755)],
  },
  { title: 'UNLINK', opcode: 10, body: [text('f\0')], call: ['unlink', caller, 7, 'f'], reply: [] },
  { title: 'RMDIR', opcode: 11, body: [text('d\0')], call: ['rmdir', caller, 7, 'd'], reply: [] },
  {
    title: 'RENAME, the old form',
    opcode: 12,
    body: [u64(8), text('a\0'), text('bb\0')],
    call: ['rename', caller, 7, 'a', 8, 'bb', 0],
    reply: [],
  },
  {
    title: 'RENAME2 with its flags',
    opcode: 45,
    body: [u64(8), u32(2), u32(0), text('a\0'), text('bb\0')],
    call: ['rename', caller, 7, 'a', 8, 'bb', 2],
    reply: [],
  },
  {
    title: 'OPENDIR',
    opcode: 27,
    body: [u32(0o200000), u32(0)],
    given: { opendir: (_c, _i, _f, out) => open(out, -1) },
    call: ['opendir', caller, 7, 0o200000, 'out'],
    reply: [u64(0x2_0000_0009), u32(0), u32(0)],
  },
  {
    title: 'RELEASEDIR',
    opcode: 29,
    body: [u64(9), u32(0), u32(0), u64(0)],
    call: ['release', 9],
    reply: [],
  },
  {
    title: 'BATCH_FORGET forgets each, and is not answered',
    opcode: 42,
    body: [u32(2), u32(0), u64(5), u64(1), u64(6), u64(2 ** 40)],
    call: ['forget', 6, 2 ** 40],
    reply: undefined,
  },
]);

const readIn = (offset: number, size: number): Buffer[] => [
  u64(9),
  u64(offset),
  u32(size),
  u32(0),
  u64(0),
  u32(0),
  u32(0),
];

const listing: Partial<Operations> = {
  readdir: (_c, _i, _fh, offset, plus, sink: DirSink) => {
    const names = ['.', 'seven77', 'eight888', 'n\xff'];
    for (let i = offset; i < names.length; i++) {
      const attr = plus && i > 0 ? ({} as Attr) : undefined;
      if (attr !== undefined) fill(attr, REGULAR);
      const mode = i === 0 ? 0o40755 : REGULAR;
      if (!sink.add(names[i] as Name, (i + 2) as InodeNumber, mode, i + 1, attr)) return 0;
    }
    return 0;
  },
};

const dirents = [
  [u64(2), u64(1), u32(1), u32(4), text('.\0\0\0\0\0\0\0')],
  [u64(3), u64(2), u32(7), u32(8), text('seven77\0')],
  [u64(4), u64(3), u32(8), u32(8), text('eight888')],
  [u64(5), u64(4), u32(2), u32(8), text('n\xff\0\0\0\0\0\0')],
].map(parts => Buffer.concat(parts));

test('READDIR answers entries filled up to 8 bytes, with what is left over cleared', () => {
  const { channel } = bench(listing);
  new Uint8Array(channel.reply).fill(0xaa);
  const got = channel.deliver(record(28, header, ...readIn(0, 4096)));
  assert.equal(got, answer(header.unique, 0, ...dirents));
});

test('READDIR stops where the next entry does not fit, and goes on from a cookie', () => {
  const { channel } = bench(listing);
  const two = channel.deliver(record(28, header, ...readIn(0, 95)));
  assert.equal(two, answer(header.unique, 0, ...dirents.slice(0, 2)));
  const three = channel.deliver(record(28, header, ...readIn(0, 96)));
  assert.equal(three, answer(header.unique, 0, ...dirents.slice(0, 3)));
  const rest = channel.deliver(record(28, header, ...readIn(3, 4096)));
  assert.equal(rest, answer(header.unique, 0, ...dirents.slice(3)));
});

test('READDIRPLUS puts an entry before each, of node 0 for dot', () => {
  const { channel } = bench(listing);
  new Uint8Array(channel.reply).fill(0xaa);
  const got = channel.deliver(record(44, header, ...readIn(0, 4096)));
  const plus = dirents.flatMap((dirent, i) => [i === 0 ? zeros(128) : entryOut(), dirent]);
  assert.equal(got, answer(header.unique, 0, ...plus));
});

test.run();
