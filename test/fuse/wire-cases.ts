// What the tests of the wire format share: a request by a known caller, a file with every field different and its bytes as
// linux/fuse.h has them, and a table's row: a request, what the filesystem is asked, what the kernel gets.
import * as assert from 'uvu/assert';
import type { FileHandle } from '../../src/base/units.js';
import { type Answer, type Attr, Caller, type Opened, type Operations } from '../../src/fs/operations.js';
import { answer, bench, type Call, record, u32, u64 } from './doubles.js';

export const FOREVER = 0x7fff_ffff;
/** The id of the first file: the probe had the one before. */
export const PASSTHROUGH_ID = 2;
export const REGULAR = 0o100644;
export const caller = { ...new Caller(), uid: 1000, gid: 2000, tid: 4321 };
/** The caller that makes a file, with the umask that the request carries. */
export const maker = { ...caller, umask: 0o22 };
export const header = { unique: 0x1_0000_0007n, nodeid: 7, uid: 1000, gid: 2000, pid: 4321 };

/** A file with every field different, and a birth before 1970. */
export function fill(out: Attr, mode = REGULAR): Answer {
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
    lasting: isLasting(mode),
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

const isLasting = (mode: number): boolean => mode !== REGULAR;
const valid = (mode: number): number => (isLasting(mode) ? FOREVER : 0);
export const attrOut = (mode = REGULAR): Buffer =>
  Buffer.concat([u64(valid(mode)), u32(0), u32(0), fuseAttr(mode)]);
export const entryOut = (mode = REGULAR): Buffer =>
  Buffer.concat([u64(0x1_0000_0003), u64(9), u64(FOREVER), u64(valid(mode)), u32(0), u32(0), fuseAttr(mode)]);

export function open(out: Opened, backing = 5): Answer {
  out.fh = 0x2_0000_0009 as FileHandle;
  out.backing = backing;
  return 0;
}

/** One request of header and body. */
export interface Case {
  readonly title: string;
  readonly opcode: number;
  readonly body: readonly Buffer[];
  readonly given?: Partial<Operations>;
  readonly call: Call;
  /** The payload; undefined: no reply at all. */
  readonly reply: readonly Buffer[] | undefined;
}

type Test = (title: string, body: () => void) => void;

/** Each row is a test, and one more with extensions behind the body where the filesystem is asked something. */
export function testCases(test: Test, cases: readonly Case[]): void {
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
}
