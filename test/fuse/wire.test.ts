// The wire format, byte for byte, as linux/fuse.h has it: what each request means to the filesystem, and what the kernel
// gets for its answer.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FileHandle, InodeNumber, Name } from '../../src/base/units.js';
import type { Answer, Attr, DirSink, Opened, Operations, StatFs } from '../../src/fs/operations.js';
import { answer, bench, type Call, record, text, u16, u32, u64, zeros } from './doubles.js';

const test = suite('wire');

const FOREVER = 0x7fff_ffff;
/** The id of the first file: the probe had the one before. */
const PASSTHROUGH_ID = 2;
const REGULAR = 0o100644;
const caller = { uid: 1000, gid: 2000, tid: 4321, waiter: 0 };
const header = { unique: 0x1_0000_0007n, nodeid: 7, uid: 1000, gid: 2000, pid: 4321 };

/** A file with every field different, and a birth before 1970. */
function fill(out: Attr, mode = REGULAR): Answer {
  Object.assign(out, {
    ino: 0x1_0000_0003,
    size: 2 ** 53 - 1,
    blocks: 24,
    atime: 1_700_000_001,
    atimeNsec: 11,
    mtime: -2,
    mtimeNsec: 999_999_999,
    ctime: 2 ** 33 + 5,
    ctimeNsec: 13,
    btime: -5_000_000_000,
    btimeNsec: 14,
    mode,
    nlink: 3,
    uid: 1001,
    gid: 1002,
    rdev: 0x1234_5678,
    generation: 9,
  });
  return 0;
}

const fuseAttr = (mode = REGULAR): Buffer =>
  Buffer.concat([
    u64(0x1_0000_0003),
    u64(2 ** 53 - 1),
    u64(24),
    u64(1_700_000_001),
    u64(-2),
    u64(2 ** 33 + 5),
    u32(11),
    u32(999_999_999),
    u32(13),
    u32(mode),
    u32(3),
    u32(1001),
    u32(1002),
    u32(0x1234_5678),
    u32(4096),
    u32(0),
  ]);

const valid = (mode: number): number => ((mode & 0o170000) === 0o100000 ? 0 : FOREVER);
const attrOut = (mode = REGULAR): Buffer => Buffer.concat([u64(valid(mode)), u32(0), u32(0), fuseAttr(mode)]);
const entryOut = (mode = REGULAR): Buffer =>
  Buffer.concat([u64(0x1_0000_0003), u64(9), u64(FOREVER), u64(valid(mode)), u32(0), u32(0), fuseAttr(mode)]);

function open(out: Opened, backing = 5): Answer {
  out.fh = 0x2_0000_0009 as FileHandle;
  out.backing = backing;
  return 0;
}

interface Case {
  readonly title: string;
  readonly opcode: number;
  readonly body: readonly Buffer[];
  readonly given?: Partial<Operations>;
  readonly call: Call;
  /** The payload; undefined: no reply at all. */
  readonly reply: readonly Buffer[] | undefined;
}

const setattrBody = (valid: number): Buffer[] => [
  u32(valid),
  u32(0),
  u64(0x2_0000_0009),
  u64(2 ** 40),
  u64(0xdead),
  u64(-100),
  u64(200),
  u64(300),
  u32(1),
  u32(2),
  u32(3),
  u32(0o104755),
  u32(0),
  u32(500),
  u32(600),
  u32(0),
];
const setattrFields = {
  mode: 0o104755,
  uid: 500,
  gid: 600,
  size: 2 ** 40,
  atime: -100,
  atimeNsec: 1,
  mtime: 200,
  mtimeNsec: 2,
  ctime: 300,
  ctimeNsec: 3,
};

const cases: readonly Case[] = [
  {
    title: 'LOOKUP of a name of any bytes answers the entry',
    opcode: 1,
    body: [text('h\xe9\xff\0')],
    given: { lookup: (_c, _p, _n, out) => fill(out) },
    call: ['lookup', caller, 7, 'h\xe9\xff', 'out'],
    reply: [entryOut()],
  },
  {
    title: 'LOOKUP of a directory: its attributes are good for ever',
    opcode: 1,
    body: [text('d\0')],
    given: { lookup: (_c, _p, _n, out) => fill(out, 0o40755) },
    call: ['lookup', caller, 7, 'd', 'out'],
    reply: [entryOut(0o40755)],
  },
  {
    title: 'LOOKUP of a name that is not there answers node 0, to be remembered',
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
    title: 'GETATTR',
    opcode: 3,
    body: [u32(1), u32(0), u64(9)],
    given: { getattr: (_c, _i, out) => fill(out) },
    call: ['getattr', caller, 7, 'out'],
    reply: [attrOut()],
  },
  {
    title: 'SETATTR of everything through a description',
    opcode: 4,
    body: setattrBody(0xfff),
    given: { setattr: (_c, _i, _s, out) => fill(out) },
    call: ['setattr', caller, 7, { ...setattrFields, valid: 0x3ff, fh: 0x2_0000_0009 }, 'out'],
    reply: [attrOut()],
  },
  {
    title: 'SETATTR of the size alone by path: the handle in the record means nothing',
    opcode: 4,
    body: setattrBody(0x208),
    given: { setattr: (_c, _i, _s, out) => fill(out) },
    call: ['setattr', caller, 7, { ...setattrFields, valid: 8, fh: 0 }, 'out'],
    reply: [attrOut()],
  },
  {
    title: 'SETATTR of a time to now',
    opcode: 4,
    body: setattrBody(0x1a0),
    given: { setattr: (_c, _i, _s, out) => fill(out) },
    call: ['setattr', caller, 7, { ...setattrFields, valid: 32 | 64 | 128, fh: 0 }, 'out'],
    reply: [attrOut()],
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
    call: ['mknod', caller, 7, 'tty', 0o20600, 0x501, 'out'],
    reply: [entryOut(0o20600)],
  },
  {
    title: 'MKDIR',
    opcode: 9,
    body: [u32(0o755), u32(0o22), text('d\0')],
    given: { mkdir: (_c, _p, _n, _m, out) => fill(out, 0o40755) },
    call: ['mkdir', caller, 7, 'd', 0o755, 'out'],
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
    title: 'OPEN through the daemon keeps the page cache',
    opcode: 14,
    body: [u32(0o100000), u32(0)],
    given: { open: (_c, _i, _f, out) => open(out, -1) },
    call: ['open', caller, 7, 0o100000, 'out'],
    reply: [u64(0x2_0000_0009), u32((1 << 5) | (1 << 1)), u32(0)],
  },
  {
    title: 'OPEN of what a client has stored into lets the page cache go',
    opcode: 14,
    body: [u32(0o2), u32(0)],
    given: { open: (_c, _i, _f, out) => open(Object.assign(out, { keepCache: false }), -1) },
    call: ['open', caller, 7, 0o2, 'out'],
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
    call: ['create', caller, 7, 'new', 0o100644, 0o102, 'out', 'out'],
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
    call: ['tmpfile', caller, 7, 0o100600, 0o20200002, 'out', 'out'],
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
    call: ['read', caller, 7, 9, 8192, 4096, 'buffer', 16, 'gather'],
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
    title: 'STATFS',
    opcode: 17,
    body: [],
    given: {
      statfs: (out: StatFs) => {
        Object.assign(out, { blocks: 1000, blocksFree: 2 ** 33, files: 50, filesFree: 40 });
        return 0;
      },
    },
    call: ['statfs', 'out'],
    reply: [
      u64(1000),
      u64(2 ** 33),
      u64(2 ** 33),
      u64(50),
      u64(40),
      u32(4096),
      u32(255),
      u32(4096),
      zeros(28),
    ],
  },
  {
    title: 'RELEASE',
    opcode: 18,
    body: [u64(9), u32(2), u32(0), u64(0)],
    call: ['release', 7, 9],
    reply: [],
  },
  {
    title: 'FSYNC',
    opcode: 20,
    body: [u64(9), u32(1), u32(0)],
    call: ['fsync', caller, 7, 9],
    reply: [],
  },
  {
    title: 'SETXATTR',
    opcode: 21,
    body: [u32(3), u32(1), text('user.x\0'), text('v\0w')],
    call: ['setxattr', caller, 7, 'user.x', text('v\0w'), 1],
    reply: [],
  },
  {
    title: 'GETXATTR without a buffer answers the length',
    opcode: 22,
    body: [u32(0), u32(0), text('user.x\0')],
    given: { getxattr: () => 300 },
    call: ['getxattr', caller, 7, 'user.x', 'buffer', 16, 0],
    reply: [u32(300), u32(0)],
  },
  {
    title: 'GETXATTR with a buffer answers the value',
    opcode: 22,
    body: [u32(64), u32(0), text('user.x\0')],
    given: {
      getxattr: (_c, _i, _n, out, at) => {
        out.set(text('abc'), at);
        return 3;
      },
    },
    call: ['getxattr', caller, 7, 'user.x', 'buffer', 16, 64],
    reply: [text('abc')],
  },
  {
    title: 'LISTXATTR without a buffer answers the length',
    opcode: 23,
    body: [u32(0), u32(0)],
    given: { listxattr: () => 7 },
    call: ['listxattr', caller, 7, 'buffer', 16, 0],
    reply: [u32(7), u32(0)],
  },
  {
    title: 'REMOVEXATTR',
    opcode: 24,
    body: [text('user.x\0')],
    call: ['removexattr', caller, 7, 'user.x'],
    reply: [],
  },
  {
    title: 'OPENDIR',
    opcode: 27,
    body: [u32(0o200000), u32(0)],
    given: { opendir: (_c, _i, out) => open(out, -1) },
    call: ['opendir', caller, 7, 'out'],
    reply: [u64(0x2_0000_0009), u32(0), u32(0)],
  },
  {
    title: 'RELEASEDIR',
    opcode: 29,
    body: [u64(9), u32(0), u32(0), u64(0)],
    call: ['releasedir', 7, 9],
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
    title: 'BATCH_FORGET forgets each, and is not answered',
    opcode: 42,
    body: [u32(2), u32(0), u64(5), u64(1), u64(6), u64(2 ** 40)],
    call: ['forget', 6, 2 ** 40],
    reply: undefined,
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
  {
    title: 'STATX tells the birth, device numbers apart',
    opcode: 52,
    body: [u32(0), u32(0), u64(0), u32(0), u32(0xfff)],
    given: { getattr: (_c, _i, out) => fill(out) },
    call: ['getattr', caller, 7, 'out'],
    reply: [
      ...[u64(0), u32(0), u32(0), zeros(16)],
      ...[u32(0xfff), u32(4096), u64(0), u32(3), u32(1001), u32(1002), u16(REGULAR), u16(0)],
      ...[u64(0x1_0000_0003), u64(2 ** 53 - 1), u64(24), u64(0)],
      ...[u64(1_700_000_001), u32(11), u32(0), u64(-5_000_000_000), u32(14), u32(0)],
      ...[u64(2 ** 33 + 5), u32(13), u32(0), u64(-2), u32(999_999_999), u32(0)],
      // 0x12345678 as new_encode_dev packs it: minor 0x123.78 around major 0x456.
      ...[u32(0x456), u32(0x12378), u32(0), u32(0), zeros(112)],
    ],
  },
];

for (const { title, opcode, body, given, call, reply } of cases) {
  test(title, () => {
    const { channel, last, log } = bench(given);
    const got = channel.deliver(record(opcode, header, ...body));
    assert.equal(last(), call);
    assert.equal(got, reply === undefined ? undefined : answer(header.unique, 0, ...reply));
    assert.equal(log, []);
  });

  if (reply !== undefined && given !== undefined) {
    test(`${title}: the same with extensions behind the body, which are left out`, () => {
      const { channel, last } = bench(given);
      const extensions = Buffer.alloc(24, 0xee);
      const got = channel.deliver(record(opcode, { ...header, extensions }, ...body));
      assert.equal(last(), call);
      assert.equal(got, answer(header.unique, 0, ...reply));
    });
  }
}

test('an error is answered with the header alone', () => {
  const { channel } = bench({ unlink: () => -26 });
  assert.equal(channel.deliver(record(10, header, text('f\0'))), answer(header.unique, -26));
});

test('bit 63 of unique, of a request that was sent again, comes back as it was', () => {
  const { channel } = bench();
  const unique = (1n << 63n) | (1n << 40n) | 6n;
  assert.equal(channel.deliver(record(10, { unique }, text('f\0'))), answer(unique, 0));
});

test('FSYNCDIR is answered at once', () => {
  const { channel } = bench();
  assert.equal(channel.deliver(record(30, header, u64(9), u32(0), u32(0))), answer(header.unique, 0));
});

test('FLUSH, ACCESS, BMAP, locks, SYNCFS, SETUPMAPPING and what nobody knows: ENOSYS', () => {
  const { channel, calls } = bench();
  const before = calls.length;
  for (const opcode of [25, 34, 37, 31, 32, 33, 48, 49, 50, 54, 63, 64, 4096, 0, 436207616]) {
    const got = channel.deliver(record(opcode, header, zeros(24)));
    assert.equal(got, answer(header.unique, -38), `opcode ${opcode}`);
  }
  assert.is(calls.length, before);
});

test('requests are counted by opcode, READ and WRITE only when they come', () => {
  const { channel, session } = bench();
  channel.deliver(record(3, header, zeros(16)));
  channel.deliver(record(3, header, zeros(16)));
  channel.deliver(record(99, header));
  assert.is(session.requests[3], 2);
  assert.equal(session.requestCounts(), { INIT: 1, GETATTR: 2, UNKNOWN: 1 });
});

test('sizes beyond 2^53 - 1: READ is at the end, WRITE and FALLOCATE EFBIG, LSEEK ENXIO, nobody is asked', () => {
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
  assert.is(calls.length, before);
});

test('a truncating open by somebody without CAP_FSETID clears setuid and setgid', () => {
  const { channel, calls } = bench({ getattr: (_c, _i, out) => fill(out, 0o106775) });
  channel.deliver(record(14, header, u32(0o1002), u32(1)));
  const [open, look, set] = calls.slice(-3);
  assert.is(open![0], 'open');
  assert.is(look![0], 'getattr');
  assert.equal([set![0], (set![3] as { valid: number }).valid], ['setattr', 512]);
});

test('a write by somebody without CAP_FSETID looks, and clears nothing where there is nothing', () => {
  const write = [u64(9), u64(0), u32(1), u32(4), u64(0), u32(2), u32(0), text('x')];
  const plain = bench({ write: () => 1, getattr: (_c, _i, out) => fill(out, 0o102664) });
  plain.channel.deliver(record(16, header, ...write));
  assert.is(plain.last()[0], 'getattr', 'setgid of a file that its group may not execute stays');
  const setuid = bench({ write: () => 1, getattr: (_c, _i, out) => fill(out, 0o104755) });
  assert.equal(
    setuid.channel.deliver(record(16, header, ...write)),
    answer(header.unique, 0, u32(1), u32(0)),
  );
  assert.is(setuid.last()[0], 'setattr');
});

// Directories.

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
