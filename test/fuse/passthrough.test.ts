// Which opens are answered with a backing id: one an inode, for its whole life, or none for its whole life.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FileHandle, InodeNumber } from '../../src/base/units.js';
import type { Host, Operations } from '../../src/fs/operations.js';
import { type Bench, bench, record, u32, u64 } from './doubles.js';

const test = suite('passthrough');

const PASSTHROUGH = 1 << 7;
const KEEP_CACHE = 1 << 1;

/** Inode n lives in descriptor 100 + n; inode 99 in none. */
const files: Partial<Operations> = {
  open: (_caller, ino, _flags, out) => {
    out.fh = 1 as FileHandle;
    out.backing = ino === 99 ? -1 : 100 + ino;
    return 0;
  },
};

async function ready(answers: Partial<Operations> = files): Promise<Bench & { host: Host }> {
  let host!: Host;
  const b = bench({
    ...answers,
    attach: given => {
      host = given;
    },
  });
  await b.session.ready;
  b.channel.closedIds.length = 0;
  return { ...b, host };
}

function open({ channel }: Bench, ino: number): { flags: number; id: number } {
  const reply = channel.deliver(record(14, { nodeid: ino }, u32(2), u32(0)))!;
  assert.is(reply.readInt32LE(4), 0);
  return { flags: reply.readUInt32LE(24), id: reply.readInt32LE(28) };
}

function isPassthrough({ flags, id }: { flags: number; id: number }): boolean {
  assert.is((flags & PASSTHROUGH) !== 0, id > 0);
  // The kernel answers EIO to both.
  assert.is((flags & KEEP_CACHE) !== 0, id === 0);
  return id > 0;
}

test('all opens of an inode get one id, others another', async () => {
  const b = await ready();
  const asked: number[] = [];
  b.channel.backing = fd => {
    asked.push(fd);
    return fd + 1000;
  };
  assert.is(open(b, 5).id, 1105);
  assert.is(open(b, 6).id, 1106);
  assert.is(open(b, 5).id, 1105);
  assert.equal(asked, [105, 106]);
});

test('the id is kept when the file is closed, and released when the inode is gone', async () => {
  const b = await ready();
  b.channel.backing = () => 77;
  open(b, 5);
  b.channel.deliver(record(18, { nodeid: 5 }, u32(1), u32(0), u32(0), u32(0), u32(0), u32(0)));
  assert.equal(b.channel.closedIds, []);
  b.host.backingGone(5 as InodeNumber);
  b.host.backingGone(5 as InodeNumber);
  b.host.backingGone(6 as InodeNumber);
  assert.equal(b.channel.closedIds, [77]);
});

test('a user who may not: off at once and for all, with one line', async () => {
  const b = bench(files);
  b.channel.backing = () => -1;
  await b.session.ready;
  let asked = 0;
  b.channel.backing = () => ++asked;
  assert.not(isPassthrough(open(b, 5)));
  assert.not(isPassthrough(open(b, 6)));
  assert.is(asked, 0);
  assert.is(b.log.length, 1);
});

test('an inode that failed once stays with the daemon, so that its opens agree; others go on', async () => {
  const b = await ready();
  const { backing } = b.channel;
  b.channel.backing = () => -12;
  assert.not(isPassthrough(open(b, 5)));
  b.channel.backing = backing;
  assert.not(isPassthrough(open(b, 5)));
  assert.ok(isPassthrough(open(b, 6)));
  assert.ok(b.session.passthrough);
  assert.match(b.log.join('\n'), 'ENOMEM');
  b.host.backingGone(5 as InodeNumber);
  assert.equal(b.channel.closedIds, [], 'there was no id');
});

test('inodes with an id keep it when passthrough goes off', async () => {
  const b = await ready();
  assert.ok(isPassthrough(open(b, 5)));
  b.channel.backing = () => -1;
  assert.not(isPassthrough(open(b, 6)));
  assert.not(b.session.passthrough);
  assert.ok(isPassthrough(open(b, 5)));
});

test('a file that has no descriptor goes through the daemon', async () => {
  const b = await ready();
  assert.not(isPassthrough(open(b, 99)));
  assert.equal(b.log, []);
});

test('the file that tries passthrough out at the start is released', async () => {
  const b = bench(files);
  await b.session.ready;
  assert.equal(b.channel.closedIds, [1]);
});

test('an open whose answer cannot be made is EIO, and its description ends', async () => {
  const b = await ready();
  b.channel.backing = () => {
    throw new Error('no backing file today');
  };
  const reply = b.channel.deliver(record(14, { nodeid: 5 }, u32(2), u32(0)))!;
  assert.is(reply.readInt32LE(4), -5);
  assert.equal(b.last(), ['release', 1]);
  // A request that opens nothing ends nothing, though one before it did.
  const calls = b.calls.length;
  b.channel.deliver(record(3, { nodeid: 5 }, u32(0), u32(0), u64(0)));
  assert.equal(
    b.calls.slice(calls).filter(([name]) => name === 'release'),
    [],
  );
});

test.run();
