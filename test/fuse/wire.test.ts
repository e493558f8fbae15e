// The wire format of every request: errors, `unique`, what is answered at once and what is not known. Each request byte for
// byte, as linux/fuse.h has it, is in wire-names, wire-files and wire-attributes.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { answer, bench, record, text, zeros } from './doubles.js';
import { header } from './wire-cases.js';

const test = suite('wire');

test('an error is answered with the header alone', () => {
  const { channel } = bench({ unlink: () => -26 });
  assert.equal(channel.deliver(record(10, header, text('f\0'))), answer(header.unique, -26));
});

test('bit 63 of unique, of a request that was sent again, comes back as it was', () => {
  const { channel } = bench();
  const unique = (1n << 63n) | (1n << 40n) | 6n;
  assert.equal(channel.deliver(record(10, { unique }, text('f\0'))), answer(unique, 0));
});

test('FLUSH is answered where close(2) does not wait for the lock of the inode, since Linux 6.18', () => {
  const { channel } = bench();
  assert.equal(channel.deliver(record(25, header, zeros(24))), answer(header.unique, 0));
});

test('ACCESS, BMAP, locks, FSYNC, FSYNCDIR, SYNCFS, SETUPMAPPING and unknown opcodes: ENOSYS', () => {
  const { channel, calls } = bench();
  const before = calls.length;
  for (const opcode of [34, 37, 20, 30, 31, 32, 33, 48, 49, 50, 54, 63, 64, 4096, 0, 436207616]) {
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

test.run();
