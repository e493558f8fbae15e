// Requests that wait: parked, run again from their beginning, answered, interrupted.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { InodeNumber, WaiterId } from '../../src/base/units.js';
import {
  type Answer,
  type Caller,
  type Host,
  type Operations,
  PARKED,
  type SetAttr,
} from '../../src/fs/operations.js';
import { answer, type Bench, bench, noSlices, record, text, u32, u64, zeros } from './doubles.js';

const test = suite('parked');

const EINTR = -4;
const ETXTBSY = 26;

const setSize = (unique: bigint, size: number, pid = 100): Buffer =>
  record(4, { unique, nodeid: 5, pid }, u32(8), u32(0), u64(0), u64(size), zeros(64));
const interrupt = (target: bigint): Buffer => record(36, { unique: target | 1n }, u64(target));

const parks = (caller: Caller): Answer => {
  caller.waiter = 1 as WaiterId;
  return PARKED;
};

/** A session whose truncates park until `open` says so. */
class Gate {
  readonly bench: Bench;
  host!: Host;
  open = false;
  outcome: Answer = 0;
  waiters = 0;
  readonly tried: { size: number; waiter: number; tid: number }[] = [];
  /** Runs inside the operation, before it answers. */
  during: (size: number) => void = () => {};

  constructor() {
    this.bench = bench({
      attach: host => {
        this.host = host;
      },
      setattr: (caller, _ino, set) => this.setattr(caller, set),
    });
  }

  private setattr(caller: Caller, set: SetAttr): Answer {
    const { size } = set;
    this.tried.push({ size, waiter: caller.waiter, tid: caller.tid });
    this.during(size);
    // What a nested request does must not be seen here.
    assert.is(set.size, size);
    if (this.open) return this.outcome;
    if (caller.waiter === 0) caller.waiter = ++this.waiters as WaiterId;
    return PARKED;
  }
}

const errorOf = (reply: Buffer | undefined): number => reply!.readInt32LE(4);
const uniqueOf = (reply: Buffer): bigint => reply.readBigUInt64LE(8);

test('a parked request has no answer, is run again with its waiter, and is answered then', () => {
  const gate = new Gate();
  const { channel, session } = gate.bench;
  assert.is(channel.deliver(setSize(10n, 4096)), undefined);
  assert.is(session.waiting, 1);
  // Others are served while it waits, in the same buffer.
  assert.equal(channel.deliver(record(10, { unique: 12n }, text('f\0'))), answer(12n, 0));
  gate.host.retry(1 as WaiterId);
  assert.is(channel.sent.length, 0, 'it waits on');
  assert.is(session.waiting, 1);
  gate.open = true;
  gate.host.retry(1 as WaiterId);
  assert.is(channel.sent.length, 1);
  assert.is(uniqueOf(channel.sent[0]!), 10n);
  assert.is(errorOf(channel.sent[0]), 0);
  assert.is(channel.sent[0]!.length, 16 + 104);
  assert.is(session.waiting, 0);
  assert.equal(gate.tried, [
    { size: 4096, waiter: 0, tid: 100 },
    { size: 4096, waiter: 1, tid: 100 },
    { size: 4096, waiter: 1, tid: 100 },
  ]);
});

test('a waiter is answered once: a second retry or answer does nothing', () => {
  const gate = new Gate();
  const { channel } = gate.bench;
  channel.deliver(setSize(10n, 4096));
  gate.host.answer(1 as WaiterId, ETXTBSY);
  assert.equal(channel.sent, [answer(10n, -ETXTBSY)]);
  gate.host.retry(1 as WaiterId);
  gate.host.answer(1 as WaiterId, ETXTBSY);
  gate.host.retry(99 as WaiterId);
  assert.is(channel.sent.length, 1);
});

test('B5: INTERRUPT drops a waiting request, tells the filesystem and answers EINTR', () => {
  const gate = new Gate();
  const { channel, calls, session } = gate.bench;
  channel.deliver(setSize(10n, 1));
  channel.deliver(setSize((1n << 63n) | 12n, 2));
  assert.is(channel.deliver(interrupt((1n << 63n) | 12n)), undefined);
  assert.equal(channel.sent, [answer((1n << 63n) | 12n, EINTR)]);
  assert.equal(calls.at(-1), ['interrupt', 2]);
  assert.is(session.waiting, 1);
  gate.open = true;
  gate.host.retry(2 as WaiterId);
  assert.is(channel.sent.length, 1, 'it is gone');
});

test('INTERRUPT of a request that was answered, or never was, is ignored', () => {
  const gate = new Gate();
  const { channel, calls } = gate.bench;
  channel.deliver(record(10, { unique: 8n }, text('f\0')));
  assert.is(channel.deliver(interrupt(8n)), undefined);
  assert.is(channel.deliver(interrupt(8888n)), undefined);
  assert.is(channel.sent.length, 0);
  assert.not(calls.some(([name]) => name === 'interrupt'));
});

test('a retry that fails gives its wait up: it may not have asked for the lease again', () => {
  const gate = new Gate();
  const { channel, calls } = gate.bench;
  channel.deliver(setSize(10n, 1));
  gate.open = true;
  gate.outcome = -27;
  gate.host.retry(1 as WaiterId);
  assert.equal(channel.sent, [answer(10n, -27)]);
  assert.equal(calls.at(-1), ['interrupt', 1]);
});

test('a request that wakes others while it runs keeps what it was asked, and all are answered', () => {
  const gate = new Gate();
  const { channel } = gate.bench;
  channel.deliver(setSize(10n, 111, 1));
  channel.deliver(setSize(12n, 222, 2));
  channel.deliver(setSize(14n, 333, 3));
  gate.open = true;
  gate.during = size => {
    if (size === 444) {
      gate.host.retry(1 as WaiterId);
      gate.host.retry(3 as WaiterId);
    }
    // One that was woken wakes another in its turn.
    if (size === 111) gate.host.retry(2 as WaiterId);
  };
  const reply = channel.deliver(setSize(16n, 444, 4))!;
  assert.is(uniqueOf(reply), 16n);
  assert.is(errorOf(reply), 0);
  assert.equal(channel.sent.map(uniqueOf), [12n, 10n, 14n]);
  assert.ok(channel.sent.every(record => record.length === 16 + 104));
  assert.equal(
    gate.tried.slice(3).map(({ tid }) => tid),
    [4, 1, 2, 3],
  );
});

test('a throw in a request that runs again is answered EIO', () => {
  const gate = new Gate();
  const { channel, log } = gate.bench;
  channel.deliver(setSize(10n, 1));
  gate.during = () => {
    throw new Error('boom');
  };
  gate.host.retry(1 as WaiterId);
  assert.equal(channel.sent, [answer(10n, -5)]);
  assert.match(log.join('\n'), 'boom');
});

test('the end of the mount forgets who waits, frees the filesystem once, closes the channel', async () => {
  const gate = new Gate();
  const { channel, calls, session, log } = gate.bench;
  channel.deliver(setSize(10n, 1));
  channel.end(19);
  await session.ended;
  assert.is(session.waiting, 0);
  assert.ok(channel.closed);
  assert.is(calls.filter(([name]) => name === 'destroy').length, 1);
  gate.open = true;
  gate.host.retry(1 as WaiterId);
  gate.host.backingGone(5 as InodeNumber);
  assert.is(channel.sent.length, 0);
  assert.equal(log, []);
});

test('another end than an unmount is logged in a line', async () => {
  const { channel, session, log } = bench();
  channel.end(103);
  await session.ended;
  assert.match(log.join('\n'), 'ECONNABORTED');
});

test('a mount that ends before INIT was never ready', async () => {
  const { channel, session } = bench({}, 0);
  channel.end(19);
  await session.ended;
  const outcome = await session.ready.then(
    () => 'ready',
    () => 'failed',
  );
  assert.is(outcome, 'failed');
});

test('copy_file_range, readdir and lseek that wait have no answer until then', () => {
  const calls: readonly (readonly [string, Partial<Operations>, Buffer])[] = [
    [
      'copy_file_range',
      { copyFileRange: parks },
      record(47, { unique: 10n }, u64(1), u64(0), u64(2), u64(2), u64(0), u64(4096), u64(0)),
    ],
    ['readdir', { readdir: parks }, record(28, { unique: 10n }, u64(1), u64(0), u32(4096), zeros(20))],
    [
      'lseek',
      { slices: { ...noSlices, wait: parks } },
      record(46, { unique: 10n }, u64(1), u64(0), u32(3), zeros(4)),
    ],
  ];
  for (const [name, operations, request] of calls) {
    const { channel, session } = bench(operations);
    assert.is(channel.deliver(request), undefined, name);
    assert.is(session.waiting, 1, name);
  }
});

test.run();
