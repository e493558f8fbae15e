// The ioctls of leasefs.h on the wire: what is refused before anybody is asked, what is asked, what comes back.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { kindValue } from '../../src/abi/kinds.js';
import type { ReportedPin } from '../../src/abi/reports.js';
import type { FileHandle } from '../../src/base/units.js';
import { Caller, type Layout, type PinListing } from '../../src/fs/operations.js';
import { answer, type Bench, bench, record, text, u32, u64, zeros } from '../fuse/doubles.js';

const test = suite('ioctl');

const EINVAL = -22;
const ENOTTY = -25;
const caller = { ...new Caller(), tid: 100 };

/** _IOWR('Y', number, size) */
const iowr = (number: number, size: number): number =>
  (0xc000_0000 + size * 0x1_0000 + 0x5900 + number) >>> 0;
const [SETLEASE, GETLEASE] = [iowr(0x80, 56), iowr(0x81, 56)];
const [PIN, UNPIN] = [iowr(0x82, 56), iowr(0x83, 32)];
const [GETPINS, REPORT, LAYOUT] = [iowr(0x84, 4128), iowr(0x85, 16032), iowr(0x86, 4184)];

/** struct fuse_ioctl_in and the struct. */
function ioctl({ channel }: Bench, command: number, struct: Buffer, flags = 0, fh = 9): Buffer {
  const body = [u64(fh), u32(flags), u32(command), u64(0x7fff_0000), u32(struct.length), u32(struct.length)];
  return channel.deliver(record(39, { nodeid: 7 }, ...body, struct))!;
}

/** struct fuse_ioctl_out and the struct. */
const done = (struct: Buffer): Buffer => answer(2n, 0, zeros(16), struct);
const refused = (error: number): Buffer => answer(2n, error);

const lease = (kind: number, flags = 0, signal = 0, cookie = 0n, version = 1, reserved = zeros(20)): Buffer =>
  Buffer.concat([u32(version), u32(kind), u32(flags), u32(signal), u64(cookie), u64(0), u32(0), reserved]);
const pin = (off: bigint, len: bigint, flags = 0, owner = 0n, reserved = zeros(16)): Buffer =>
  Buffer.concat([u32(1), u32(flags), u64(off), u64(len), u64(owner), u64(0), reserved]);
const unpin = (id: bigint, flags = 0, reserved = zeros(12)): Buffer =>
  Buffer.concat([u32(1), u32(flags), u64(id), u32(0), reserved]);
const pins = (after: number): Buffer => Buffer.concat([u32(1), u32(0), u64(after), zeros(16 + 4096)]);
const report = (what: number, off: number): Buffer =>
  Buffer.concat([u32(1), u32(what), u32(off), zeros(20 + 16000)]);

test('SETLEASE: every kind of leasefs.h, the signal and all bits of the cookie', () => {
  const b = bench();
  const kinds = [
    [2, 'none'],
    [16, 'shared,breakable'],
    [17, 'exclusive,breakable'],
    [80, 'shared'],
    [48, 'exclusive'],
    [81, 'exclusive'],
  ] as const;
  for (const [flags, name] of kinds) {
    const struct = lease(flags, 1, 64, 0xffff_ffff_ffff_fffen);
    assert.equal(ioctl(b, SETLEASE, struct), done(struct));
    const request = { kind: kindValue(name), signal: 64, nonblock: true, cookie: 0xffff_ffff_ffff_fffen };
    assert.equal(b.last(), ['setLease', caller, 7, 9, request]);
  }
  ioctl(b, SETLEASE, lease(48));
  assert.is((b.last()[4] as { nonblock: boolean }).nonblock, false);
});

test('SETLEASE: the refusal of the filesystem is the answer', () => {
  assert.equal(ioctl(bench({ setLease: () => -11 }), SETLEASE, lease(48)), refused(-11));
});

test('L9: an unknown kind or signal is passed on as undefined: EPERM may come before EINVAL', () => {
  const b = bench({ setLease: () => -1 });
  const bad = [
    ...[0, 1, 32, 49, 64, 96, 112, 12345, 0xffff_ffff].map(kind => lease(kind)),
    lease(48, 0, 65),
    lease(48, 0, -1),
  ];
  for (const struct of bad) {
    assert.equal(ioctl(b, SETLEASE, struct), refused(-1), struct.toString('hex'));
    assert.is((b.last()!.at(-1) as { kind: unknown }).kind, undefined);
  }
});

test('another version, an unknown flag, reserved bits: EINVAL, and no operation is called', () => {
  const b = bench();
  const asked = b.calls.length;
  const bad = [
    lease(48, 0, 0, 0n, 0),
    lease(48, 0, 0, 0n, 2),
    lease(48, 2),
    lease(48, 0x8000_0000),
    lease(48, 0, 0, 0n, 1, Buffer.concat([zeros(19), text('\x01')])),
    lease(48, 0, 0, 0n, 1, Buffer.concat([text('\x01'), zeros(19)])),
  ];
  for (const struct of bad) {
    assert.equal(ioctl(b, SETLEASE, struct), refused(EINVAL), struct.toString('hex'));
  }
  assert.equal(ioctl(b, GETLEASE, lease(0, 0, 0, 0n, 9)), refused(EINVAL));
  assert.is(b.calls.length, asked);
});

test('another size is another command: ENOTTY, as are all other ioctls, FS_IOC_GETFLAGS too', () => {
  const b = bench();
  const asked = b.calls.length;
  for (const size of [0, 8, 48, 55, 57, 64]) {
    assert.equal(ioctl(b, iowr(0x80, size), zeros(size)), refused(ENOTTY), `${size} bytes`);
  }
  assert.equal(ioctl(b, iowr(0x86, 56), zeros(56)), refused(ENOTTY));
  assert.equal(ioctl(b, 0x8008_6601, zeros(8)), refused(ENOTTY));
  assert.equal(ioctl(b, 0x5401, zeros(0)), refused(ENOTTY));
  assert.equal(ioctl(b, SETLEASE, lease(48), 2), refused(ENOTTY), 'unrestricted');
  assert.is(b.calls.length, asked);
});

test('a struct whose length is not the one that its number says is malformed: EIO', () => {
  const b = bench();
  for (const length of [0, 4, 55, 57, 200]) {
    assert.equal(ioctl(b, SETLEASE, zeros(length)), refused(-5), `${length} bytes`);
  }
  const short = record(39, {}, u64(9), u32(0), u32(PIN), u64(0), u32(56), u32(56), zeros(55));
  assert.equal(b.channel.deliver(short), refused(-5));
  const noRoom = record(39, {}, u64(9), u32(0), u32(PIN), u64(0), u32(56), u32(0), zeros(56));
  assert.equal(b.channel.deliver(noRoom), refused(-5));
});

test('GETLEASE fills in kind, token and the time that is left', () => {
  const token = 0xfedc_ba98_7654_3211n;
  for (const kind of [2, 16, 17, 48, 80] as const) {
    const b = bench({ getLease: () => ({ kind, breakMs: 1500, token }) });
    const expected = Buffer.concat([u32(1), u32(kind), zeros(16), u64(token), u32(1500), zeros(20)]);
    assert.equal(ioctl(b, GETLEASE, lease(0)), done(expected));
    assert.equal(b.last(), ['getLease', 7, 9]);
  }
});

test('PIN: by the process, by this description, by another; the id comes back', () => {
  const b = bench({ pin: () => 2 ** 40 + 3 });
  const struct = pin(4096n, 2n ** 40n);
  const expected = Buffer.from(struct);
  expected.writeBigUInt64LE(2n ** 40n + 3n, 32);
  assert.equal(ioctl(b, PIN, struct), done(expected));
  assert.equal(b.last(), ['pin', caller, 7, 9, { off: 4096, len: 2 ** 40, owner: undefined }]);
  ioctl(b, PIN, pin(0n, 1n, 1));
  assert.equal(b.last()[4], { off: 0, len: 1, owner: 0n });
  ioctl(b, PIN, pin(0n, 1n, 1, 0xffff_ffff_ffff_ffffn));
  assert.equal(b.last()[4], { off: 0, len: 1, owner: 0xffff_ffff_ffff_ffffn });
});

test('PIN: ranges below 0, beyond 2^53 - 1 or around 2^64, flags and reserved bits: EINVAL', () => {
  const b = bench({ pin: () => 1 });
  const asked = b.calls.length;
  const bad = [
    pin(-1n, 1n),
    pin(2n ** 63n, 4096n),
    pin(4096n, 2n ** 64n - 4096n),
    pin(2n ** 53n - 1n, 1n),
    pin(0n, 2n ** 53n),
    pin(2n ** 64n - 1n, 2n ** 64n - 1n),
    pin(0n, 1n, 2),
    pin(0n, 1n, 0, 0n, Buffer.concat([zeros(8), u64(1)])),
  ];
  for (const struct of bad) assert.equal(ioctl(b, PIN, struct), refused(EINVAL), struct.toString('hex'));
  assert.is(b.calls.length, asked);
  ioctl(b, PIN, pin(0n, 2n ** 53n - 1n));
  assert.is(b.calls.length, asked + 1, 'the last byte there can be');
});

test('UNPIN: one by its id, or all; how many were removed', () => {
  const b = bench({ unpin: () => 3 });
  const expected = Buffer.concat([u32(1), u32(0), u64(77), u32(3), zeros(12)]);
  assert.equal(ioctl(b, UNPIN, unpin(77n)), done(expected));
  assert.equal(b.last(), ['unpin', caller, 7, 9, 77]);
  ioctl(b, UNPIN, unpin(77n, 1));
  assert.equal(b.last(), ['unpin', caller, 7, 9, undefined]);
  assert.equal(ioctl(b, UNPIN, unpin(77n, 2)), refused(EINVAL));
  assert.equal(ioctl(bench({ unpin: () => -2 }), UNPIN, unpin(2n ** 64n - 1n)), refused(-2));
});

const listing = (id: number): PinListing =>
  ({
    pin: id,
    start: id,
    end: id + 2,
    owner: id % 2 === 0 ? (9 as FileHandle) : 0,
    pid: 1000 + id,
    mine: id % 3 === 0,
    zombie: id % 5 === 0,
  }) as unknown as PinListing;

test('GETPINS lists in pages of 128, with what each pin is', () => {
  const all = Array.from({ length: 130 }, (_, i) => listing(i + 1));
  const b = bench({
    pins: (_caller, _ino, _fh, after, max) => ({
      total: all.length,
      listings: all.filter(({ pin }) => pin > after).slice(0, max),
    }),
  });
  const info = (id: number): Buffer =>
    Buffer.concat([
      ...[u64(id), u64(id * 4096), u64(8192), u32(1000 + id)],
      u32((id % 2 === 0 ? 1 : 0) | (id % 3 === 0 ? 2 : 0) | (id % 5 === 0 ? 4 : 0)),
    ]);
  const page = (after: number, ids: readonly number[]): Buffer =>
    Buffer.concat([
      ...[u32(1), u32(ids.length), u64(after), u64(130), u64(0)],
      ...ids.map(info),
      zeros((128 - ids.length) * 32),
    ]);
  new Uint8Array(b.channel.reply).fill(0xaa);
  const first = Array.from({ length: 128 }, (_, i) => i + 1);
  assert.equal(ioctl(b, GETPINS, pins(0)), done(page(0, first)));
  assert.equal(ioctl(b, GETPINS, pins(128)), done(page(128, [129, 130])));
  assert.equal(ioctl(b, GETPINS, pins(130)), done(page(130, [])));
  assert.equal(b.last(), ['pins', caller, 7, 9, 130, 128]);
});

test('REPORT hands a long text out in pieces, made once, and forgets it with the description', () => {
  let made = 0;
  const long = 'ä'.repeat(12_000);
  const pins = { pins: [{ path: long } as ReportedPin] };
  const b = bench({
    report: () => {
      made++;
      return (JSON.stringify(pins).match(/.{1,5000}/gs) ?? []).values();
    },
  });
  const bytes = Buffer.from(JSON.stringify(pins), 'utf8');
  const piece = (off: number): Buffer => {
    const len = Math.min(Math.max(bytes.length - off, 0), 16000);
    return Buffer.concat([
      ...[u32(1), u32(3), u32(off), u32(len), u32(bytes.length), zeros(12)],
      bytes.subarray(off, off + len),
      zeros(16000 - len),
    ]);
  };
  new Uint8Array(b.channel.reply).fill(0xaa);
  assert.equal(ioctl(b, REPORT, report(3, 0)), done(piece(0)));
  assert.equal(b.last(), ['report', caller, 7, 'pins']);
  assert.equal(ioctl(b, REPORT, report(3, 16000)), done(piece(16000)));
  assert.equal(ioctl(b, REPORT, report(3, 32000)), done(piece(32000)));
  assert.equal(ioctl(b, REPORT, report(3, 0xffff_ffff)), done(piece(0xffff_ffff)));
  assert.is(made, 1);
  ioctl(b, REPORT, report(3, 0));
  assert.is(made, 2, 'anew from the beginning');
  ioctl(b, REPORT, report(3, 16000), 0, 10);
  assert.is(made, 3, 'another description has its own');
  b.channel.deliver(record(18, {}, u64(9), zeros(16)));
  ioctl(b, REPORT, report(3, 16000));
  assert.is(made, 4, 'it was forgotten');
  ioctl(b, REPORT, report(4, 0));
  assert.equal(b.last(), ['report', caller, 7, 'refusal']);
  for (const what of [0, 5, 0xffff_ffff]) assert.equal(ioctl(b, REPORT, report(what, 0)), refused(EINVAL));
});

const layout = (off: bigint, len: bigint, flags = 0, seq = 0n, reserved = zeros(16)): Buffer =>
  Buffer.concat([u32(1), u32(flags), u64(off), u64(len), u64(seq), zeros(40), reserved, zeros(4096)]);

test('LAYOUT: what is asked, and the extents of one segment with where it is to be had', () => {
  const given = (_caller: unknown, _ino: unknown, _fh: unknown, _request: unknown, out: Layout): number => {
    Object.assign(out, {
      seq: 2 ** 40 + 1,
      next: 2 ** 33,
      segment: 3,
      fd: 21,
      dev: 1,
      ino: 2 ** 34 + 5,
      count: 2,
    });
    Object.assign(out.extents[0]!, { off: 4096, len: 8192, store: 2 ** 32, unwritten: false });
    Object.assign(out.extents[1]!, { off: 16384, len: 4096, store: 0, unwritten: true });
    return 0;
  };
  const b = bench({ layout: given });
  new Uint8Array(b.channel.reply).fill(0xaa);
  const asked = layout(4097n, 2n ** 53n - 1n - 4097n, 3, 77n);
  const answered = Buffer.concat([
    ...[asked.subarray(0, 24), u64(2 ** 40 + 1), u64(2 ** 33), u32(2), u32(3), u32(process.pid), u32(21)],
    ...[u64(1), u64(2 ** 34 + 5), zeros(16)],
    ...[u64(4096), u64(8192), u64(2 ** 32), u32(0), u32(0)],
    ...[u64(16384), u64(4096), u64(0), u32(1), u32(0)],
    zeros(126 * 32),
  ]);
  assert.equal(ioctl(b, LAYOUT, asked), done(answered));
  const request = { off: 4097, len: Number.MAX_SAFE_INTEGER - 4097, list: true, seq: 77 };
  assert.equal(b.last().slice(0, 5), ['layout', caller, 7, 9, request]);
  ioctl(b, LAYOUT, layout(0n, 1n));
  assert.equal(b.last()[4], { off: 0, len: 1, list: false, seq: undefined });
});

test('LAYOUT: nothing to fetch, refusals, unknown flags, reserved bits', () => {
  const nothing = (...args: unknown[]): number => {
    Object.assign(args[4] as Layout, { seq: 0, next: 4096, segment: 0, fd: -1, dev: 0, ino: 0, count: 0 });
    return 0;
  };
  const asked = layout(0n, 1n);
  const answered = Buffer.concat([
    asked.subarray(0, 24),
    u64(0),
    u64(4096),
    zeros(12),
    u32(-1),
    zeros(32 + 4096),
  ]);
  assert.equal(ioctl(bench({ layout: nothing }), LAYOUT, asked), done(answered));
  assert.equal(ioctl(bench({ layout: () => -16 }), LAYOUT, asked), refused(-16));
  const b = bench();
  const calls = b.calls.length;
  for (const bad of [
    layout(0n, 1n, 4),
    layout(0n, 1n, 0, 0n, Buffer.concat([zeros(15), text('\x01')])),
    layout(0n, 1n, 0, 0n, Buffer.concat([text('\x01'), zeros(15)])),
  ])
    assert.equal(ioctl(b, LAYOUT, bad), refused(EINVAL));
  assert.is(b.calls.length, calls);
});

test.run();
