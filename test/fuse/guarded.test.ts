// Callbacks of a session that throw, without a mount.
import { openSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Callback, faults } from '../../src/base/guarded.js';
import type { InodeNumber } from '../../src/base/units.js';
import { answer, bench, record } from './doubles.js';

const ENODEV = 19;
const EIO = -5;
const GETATTR = 3;
const STATFS = 17;

const fail = (what: Callback): Map<Callback, number> => faults.set(what, 1);
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

const test = suite('session, callbacks that throw');
test.after.each(() => faults.clear());

test('a request is answered EIO, by its own number', () => {
  const { channel, log } = bench();
  fail('request');
  assert.equal(channel.deliver(record(STATFS, { unique: 8n })), answer(8n, EIO));
  assert.match(log.join('\n'), /failed, EIO: Error: injected/);
  assert.not.equal(channel.deliver(record(STATFS, { unique: 10n })), answer(10n, EIO));
});

test('a request that the kernel wants no answer to gets none', () => {
  const { channel } = bench();
  fail('request');
  assert.is(channel.deliver(record(2, { unique: 8n }, Buffer.alloc(8))), undefined);
});

test('the end of the connection frees everything all the same', async () => {
  const { channel, session, calls } = bench();
  fail('connection end');
  channel.end(ENODEV);
  await session.ended;
  assert.ok(channel.closed);
  assert.ok(calls.some(([name]) => name === 'destroy'));
});

test('a session whose start fails begins with the first request', async () => {
  fail('start');
  const { channel, session } = bench();
  await turn();
  channel.deliver(record(STATFS, {}));
  await session.ready;
});

test('an answer that waits for a cache notice is sent though that failed', async () => {
  const { channel } = bench({
    getattr: () => {
      (host as { invalidateAttrsAsync(ino: InodeNumber): void }).invalidateAttrsAsync(1 as InodeNumber);
      return -2;
    },
    attach: given => {
      host = given;
    },
  });
  channel.fd = openSync('/dev/null', 'w');
  fail('cache notice');
  assert.is(channel.deliver(record(GETATTR, { unique: 12n }, Buffer.alloc(16))), undefined);
  while (channel.sent.length === 0) await turn();
  assert.equal(channel.sent[0], answer(12n, -2));
});
let host: unknown;

test.run();
