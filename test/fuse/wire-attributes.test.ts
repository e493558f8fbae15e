// The wire format, byte for byte: attributes, extended ones, and those of the file system.
import { suite } from 'uvu';
import type { StatFs } from '../../src/fs/operations.js';
import { text, u16, u32, u64, zeros } from './doubles.js';
import { attrOut, caller, fill, REGULAR, testCases } from './wire-cases.js';

const test = suite('wire: attributes');

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

testCases(test, [
  {
    title: 'GETATTR',
    opcode: 3,
    body: [u32(1), u32(0), u64(9)],
    given: { getattr: (_c, _i, out) => fill(out) },
    call: ['getattr', caller, 7, 'out'],
    reply: [attrOut()],
  },
  {
    title: 'GETATTR of what lasts',
    opcode: 3,
    body: [u32(1), u32(0), u64(9)],
    given: { getattr: (_c, _i, out) => fill(out, 0o100600) },
    call: ['getattr', caller, 7, 'out'],
    reply: [attrOut(0o100600)],
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
]);

test.run();
