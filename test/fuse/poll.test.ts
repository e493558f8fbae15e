// POLL and its notification: struct fuse_notify_poll_wakeup_out.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FileHandle } from '../../src/base/units.js';
import type { Host } from '../../src/fs/operations.js';
import { answer, bench, record, u32, u64, zeros } from './doubles.js';

const test = suite('poll');

const fh = (value: number): FileHandle => value as FileHandle;
const pollIn = (handle: number, kh: number, flags: number): Buffer =>
  record(40, {}, u64(handle), u64(kh), u32(flags), u32(0xffff));
/** A notification: its code stands where the error is, and it answers nothing. */
const wakeup = (kh: number): Buffer => answer(0n, 1, u64(kh));

function start(revents: number) {
  let host!: Host;
  const b = bench({
    attach: given => {
      host = given;
    },
    poll: () => revents,
  });
  return { ...b, notify: (handle: number) => host.notifyPoll(fh(handle)) };
}

test('a poll that asked for a wake-up gets it, by the handle of the kernel', () => {
  const { channel, notify } = start(5);
  channel.deliver(pollIn(9, 2 ** 40 + 1, 1));
  channel.deliver(pollIn(10, 34, 1));
  notify(9);
  notify(10);
  assert.equal(channel.sent, [wakeup(2 ** 40 + 1), wakeup(34)]);
});

test('a poll that did not ask, or a closed file, gets none', () => {
  const { channel, notify } = start(5);
  channel.deliver(pollIn(9, 33, 0));
  channel.deliver(pollIn(10, 34, 1));
  channel.deliver(record(18, {}, u64(10), zeros(16)));
  notify(9);
  notify(10);
  notify(11);
  assert.equal(channel.sent, []);
});

test('a poll that fails leaves no wake-up behind', () => {
  const { channel, notify } = start(-9);
  assert.equal(channel.deliver(pollIn(9, 33, 1)), answer(2n, -9));
  notify(9);
  assert.equal(channel.sent, []);
});

test('without -o poll the first POLL is answered ENOSYS, so that the kernel asks no other', () => {
  const { channel, calls } = bench({}, 45, true, false);
  assert.equal(channel.deliver(pollIn(9, 33, 1)), answer(2n, -38));
  assert.not.ok(calls.some(([name]) => name === 'poll'));
});

test.run();
