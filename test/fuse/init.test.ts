// INIT: what each kernel offers and what it is answered, byte for byte.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { agree } from '../../src/fuse/init.js';
import { answer, bench, initBody, record, u16, u32, zeros } from './doubles.js';

const test = suite('init');

const WISHES = { passthrough: true, handles: undefined, everyReadlink: false };

/** ASYNC_READ ATOMIC_O_TRUNC EXPORT BIG_WRITES DONT_MASK DO_READDIRPLUS AUTO PARALLEL_DIROPS POSIX_ACL MAX_PAGES CACHE_SYMLINKS KILLPRIV_V2 EXT */
const FLAGS =
  [0, 3, 4, 5, 6, 13, 14, 18, 20, 22, 23, 28, 30].reduce((bits, bit) => bits | (1 << bit), 0) >>> 0;
/** Without passthrough the cut of O_TRUNC comes under the inode's lock, after the OPEN. */
const WITHOUT_PASSTHROUGH = FLAGS & ~(1 << 3);
/** From Linux 6.16 on handles harm overlayfs. */
const EXPORT = 1 << 4;
const FLAGS_OLD = (WITHOUT_PASSTHROUGH & ~(1 << 30)) >>> 0;
/** 36 DIRECT_IO_ALLOW_MMAP, 37 PASSTHROUGH, 39 HAS_RESEND */
const FLAGS2 = (1 << 4) | (1 << 5) | (1 << 7);

/** struct fuse_init_out */
const initOut = (minor: number, flags: number, flags2: number, depth: number, readahead = 131072): Buffer =>
  Buffer.concat([
    u32(7),
    u32(minor),
    u32(readahead),
    u32(flags),
    u16(64),
    u16(48),
    u32(1 << 20),
    u32(1),
    u16(256),
    u16(0),
    u32(flags2),
    u32(depth),
    zeros(24),
  ]);

/** Kernels by what they can offer: 5.4, 5.16, 6.2, 6.9, 6.18. */
const kernels = [
  { minor: 31, flags: 0x07ff_ffff, flags2: 0, takes: FLAGS_OLD & 0x07ff_ffff, takes2: 0 },
  { minor: 36, flags: 0x7fff_ffff, flags2: 0x3, takes: WITHOUT_PASSTHROUGH, takes2: 0 },
  { minor: 38, flags: 0x7fff_ffff, flags2: 0xf, takes: WITHOUT_PASSTHROUGH, takes2: 0 },
  { minor: 39, flags: 0x7fff_ffff, flags2: 0x1f, takes: WITHOUT_PASSTHROUGH, takes2: 1 << 4 },
  { minor: 40, flags: 0x7fff_ffff, flags2: 0xff, takes: FLAGS, takes2: FLAGS2 },
  { minor: 45, flags: 0x7fff_ffff, flags2: 0x7ff, takes: FLAGS & ~EXPORT, takes2: FLAGS2 },
];

for (const { minor, flags, flags2, takes, takes2 } of kernels) {
  test(`a kernel of protocol 7.${minor} gets what it offers and we want, and no more`, async () => {
    const { channel, session, log } = bench({}, 0);
    const reply = channel.deliver(record(26, { unique: 1n }, initBody(minor, flags, flags2)));
    const depth = takes2 & (1 << 5) ? 1 : 0;
    assert.equal(reply, answer(1n, 0, initOut(minor, takes, takes2, depth)));
    assert.equal(session.kernel, { major: 7, minor });
    await session.ready;
    assert.is(session.passthrough, depth === 1);
    assert.is(log.length, depth === 1 ? 0 : 1, log.join('\n'));
  });
}

test('without passthrough asked for neither its flag nor a stack depth is answered', async () => {
  const { channel, session } = bench({}, 0, false);
  const reply = channel.deliver(record(26, { unique: 1n }, initBody(45, 0x7fff_ffff, 0x7ff)));
  assert.equal(reply, answer(1n, 0, initOut(45, WITHOUT_PASSTHROUGH & ~EXPORT, FLAGS2 & ~(1 << 5), 0)));
  await session.ready;
  assert.not(session.passthrough);
});

test('a kernel of a later minor version is answered with the newest that we know', () => {
  const { channel } = bench({}, 0);
  const reply = channel.deliver(record(26, {}, initBody(60)))!;
  assert.is(reply.readUInt32LE(16 + 4), 45);
});

test('the read-ahead is the kernel its own', () => {
  const { channel } = bench({}, 0);
  const reply = channel.deliver(record(26, {}, initBody(45, 0, 0, 4096)))!;
  assert.is(reply.readUInt32LE(16 + 8), 4096);
});

test('WRITEBACK_CACHE, locks and longer bodies are never taken', () => {
  const all = { major: 7, minor: 45, maxReadahead: 0, flags: 0xffff_ffff, flags2: 0xffff_ffff };
  const { flags, flags2 } = agree(all, { ...WISHES, acls: true });
  for (const bit of [1, 10, 16, 29]) assert.is(flags & (1 << bit), 0, `bit ${bit}`);
  for (const bit of [0, 1, 2, 8, 9]) assert.is(flags2 & (1 << bit), 0, `bit ${32 + bit}`);
});

test('export: EXPORT_SUPPORT is taken on every kernel, noexport: on none', () => {
  for (const minor of [31, 43, 44, 45]) {
    const offer = { major: 7, minor, maxReadahead: 0, flags: 0xffff_ffff, flags2: 0xffff_ffff };
    const taken = (handles: boolean | undefined): boolean =>
      (agree(offer, { ...WISHES, acls: true, handles }).flags & EXPORT) !== 0;
    assert.equal([taken(true), taken(undefined), taken(false)], [true, minor < 44, false]);
  }
});

test('noacl: POSIX_ACL alone is not taken', () => {
  const all = { major: 7, minor: 45, maxReadahead: 0, flags: 0xffff_ffff, flags2: 0xffff_ffff };
  assert.is(
    (agree(all, { ...WISHES, acls: true }).flags ^ agree(all, { ...WISHES, acls: false }).flags) >>> 0,
    1 << 20,
  );
});

test('a kernel older than 7.31 is answered EPROTO, with one clear line', async () => {
  const { channel, session, log } = bench({}, 0);
  const reply = channel.deliver(record(26, { unique: 1n }, initBody(30)));
  assert.equal(reply, answer(1n, -71));
  assert.match(log.join('\n'), 'the kernel speaks FUSE 7.30, leasefs 7.31 to 7.45');
  const failed = await session.ready.then(
    () => 'ready',
    (error: Error) => error.message,
  );
  assert.match(failed, '7.30');
});

test('a kernel of major version 8 is answered 7 and asks again', async () => {
  const { channel, session } = bench({}, 0);
  const body = Buffer.concat([u32(8), u32(0), u32(0), u32(0), u32(0), zeros(44)]);
  const reply = channel.deliver(record(26, { unique: 1n }, body))!;
  assert.is(reply.readUInt32LE(16), 7);
  assert.equal(channel.deliver(record(3, { unique: 2n }, zeros(16))), answer(2n, -5), 'not before INIT');
  channel.deliver(record(26, { unique: 3n }, initBody(45)));
  await session.ready;
});

test('passthrough is tried at once, and its refusal says why', async () => {
  const { channel, session, log } = bench({}, 0);
  channel.backing = () => -1;
  channel.deliver(record(26, {}, initBody(45)));
  await session.ready;
  assert.not(session.passthrough);
  assert.match(session.reason ?? '', 'EPERM');
  assert.is(log.length, 1);
});

test('a kernel that lists the flag but was built without it: EOPNOTSUPP, the same', async () => {
  const { channel, session } = bench({}, 0);
  channel.backing = () => -95;
  channel.deliver(record(26, {}, initBody(45)));
  await session.ready;
  assert.match(session.reason ?? '', 'EOPNOTSUPP');
});

test.run();
