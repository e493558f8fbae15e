import { once } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXCLUSIVE, type Kind, NONE, SHARED, SHARED_BREAKABLE } from '../../src/abi/kinds.js';
import type { FileHandle, InodeNumber, Name, PinId } from '../../src/base/units.js';
import { Opened, PARKED } from '../../src/fs/operations.js';
import { Journal } from '../../src/journal/journal.js';
import { RECORD } from '../../src/journal/records.js';
import { native } from '../../src/native/binding.js';
import { end, SmallJournal, SmallPlane, seal, sleeper } from '../support/small-plane.js';

const test = suite('a takeover of the lease plane');

const lease = (kind: Kind, signal = 0) => ({ kind, nonblock: true, signal, cookie: 0n });

test('a process that ended while no daemon was there is dead: its pins end, its lease is removed by the next break', async () => {
  const [lives, dies] = [sleeper(), sleeper()];
  const plane = new SmallPlane();
  const journal = new SmallJournal();
  plane.plane.keepIn(journal);
  const [a, b, c] = plane.fhs as [FileHandle, FileHandle, FileHandle];
  assert.is(plane.filesystem.setLease(plane.by(lives.pid!), plane.ino(0), a, lease(EXCLUSIVE)), 0);
  assert.is(plane.filesystem.setLease(plane.by(dies.pid!), plane.ino(1), b, lease(EXCLUSIVE)), 0);
  assert.is(plane.filesystem.setLease(plane.by(dies.pid!), plane.ino(2), c, lease(SHARED_BREAKABLE)), 0);
  assert.ok(
    plane.filesystem.pin(plane.by(lives.pid!), plane.ino(0), a, { off: 0, len: 1, owner: undefined }) > 0,
  );
  assert.ok(
    plane.filesystem.pin(plane.by(dies.pid!), plane.ino(1), b, { off: 0, len: 1, owner: undefined }) > 0,
  );
  journal.commit(0);
  const reader = journal.reader();
  // The last daemon is notified of the death too.
  const { next: number } = plane.plane.recorder.ring;
  await end(dies);
  const next = SmallPlane.from(reader);
  assert.is(next.plane.leases.counts().pins, 2, 'nothing ends before the filesystem is served');
  next.restorer!.takeOver();
  assert.equal(
    next.plane.leases.pins().map(({ file }) => file),
    [plane.ino(0)],
  );
  assert.equal(
    next.plane.leases.leases().map(({ ownerDead }) => ownerDead),
    [false, true, true],
  );
  const event = (seq: number) => next.plane.recorder.ring.at(seq)?.event;
  const { first } = next.plane.recorder.ring;
  assert.is(first, number, 'numbers go on');
  assert.equal([event(first), event(first + 1), event(first + 2)], ['restarted', 'died', 'unpin']);
  const { sb } = next.plane;
  assert.is(sb.gate.truncate(next.caller, sb.inode(plane.ino(2))!, undefined, 8192, 0, true), 0);
  const living = next.plane.leases.leases(plane.ino(0))[0]!.owner;
  assert.ok(next.plane.process(living).alive);
  const gone = once(lives, 'exit');
  lives.kill('SIGKILL');
  await gone;
  next.plane.hear(living);
  assert.is(next.plane.leases.counts().pins, 0, 'it is watched as before');
  next.plane.leases.check();
  next.end();
  plane.end();
});

test('A3: a pid that was used again is not taken for the owner, and no id is given twice', async () => {
  const child = sleeper();
  const plane = new SmallPlane();
  const journal = new SmallJournal();
  plane.plane.keepIn(journal);
  const fh = plane.fhs[0]!;
  assert.is(plane.filesystem.setLease(plane.by(child.pid!), plane.ino(0), fh, lease(EXCLUSIVE)), 0);
  const owner = plane.plane.leases.ownerOf(fh);
  journal.commit(0);
  // As if the child had begun after the owner's end.
  const saved = plane.plane.processes.saved(owner)!;
  const { log } = journal;
  log.begin(RECORD.process);
  for (const [at, value] of [
    saved.id,
    saved.pid,
    saved.start - 1,
    saved.identity && saved.identity - 1,
    saved.uid,
    1,
  ].entries())
    if (at === 1 || at === 5) log.u32(value);
    else log.f64(value);
  log.text(saved.command);
  log.end();
  assert.ok(seal(log));
  const next = SmallPlane.from(journal.reader());
  next.restorer!.takeOver();
  assert.is(next.plane.process(owner).alive, false);
  assert.is(next.plane.leases.leases()[0]!.ownerDead, true);
  const other = next.plane.processes.identify(child.pid!);
  assert.ok(other > owner, 'the process of that pid is another one');
  next.end();
  plane.end();
  await end(child);
});

test('a pin whose blocks are being filled is not there for the next daemon, and its id is not given again', async () => {
  const plane = new SmallPlane();
  const journal = new SmallJournal();
  plane.plane.keepIn(journal);
  const { filesystem, made } = plane;
  const caller = plane.by(process.pid);
  const fh = plane.fhs[0]!;
  const LONG = 1 << 20;
  filesystem.write(caller, plane.ino(0), fh, LONG - 1, 1, new ArrayBuffer(1), 0, false);
  assert.is(filesystem.setLease(caller, plane.ino(0), fh, lease(EXCLUSIVE)), 0);
  let answer = filesystem.pin(caller, plane.ino(0), fh, { off: 0, len: LONG, owner: undefined });
  assert.is(answer, PARKED);
  journal.commit(0);
  const early = SmallPlane.from(journal.reader());
  assert.is(early.plane.leases.counts().pins, 0);
  assert.is(early.plane.leases.lastPin, 1);
  made.retry = () => {
    answer = filesystem.pin(caller, plane.ino(0), fh, { off: 0, len: LONG, owner: undefined });
  };
  while (answer === PARKED) await new Promise(resolve => setImmediate(resolve));
  assert.is(answer, 1);
  journal.commit(0);
  const late = SmallPlane.from(journal.reader());
  assert.is(late.plane.leases.counts().pins, 1);
  for (const one of [early, late, plane]) one.end();
});

test('a description that was closed while memory was looked at ends with the takeover', () => {
  const plane = new SmallPlane();
  const journal = new SmallJournal();
  plane.plane.keepIn(journal);
  const [a, b] = plane.fhs as [FileHandle, FileHandle];
  const caller = plane.by(process.pid);
  assert.is(plane.filesystem.setLease(caller, plane.ino(0), a, lease(EXCLUSIVE)), 0);
  assert.is(plane.filesystem.setLease(caller, plane.ino(1), b, lease(EXCLUSIVE)), 0);
  assert.ok(plane.filesystem.pin(caller, plane.ino(1), b, { off: 0, len: 1, owner: undefined }) > 0);
  journal.commit(0);
  const next = SmallPlane.from(journal.reader(), new Set([a, b]));
  next.restorer!.takeOver();
  assert.equal(next.plane.leases.counts(), { leases: 1, zombies: 1, breaking: 0, pins: 1, pinnedBlocks: 1 });
  next.plane.leases.check();
  next.end();
  plane.end();
});

test('supervisors and the registrations of their pins are known', () => {
  const plane = new SmallPlane();
  const journal = new SmallJournal();
  plane.plane.keepIn(journal);
  const fh = plane.fhs[0]!;
  const caller = plane.by(process.pid);
  assert.is(plane.filesystem.setLease(caller, plane.ino(0), fh, lease(EXCLUSIVE)), 0);
  const pin = plane.filesystem.pin(caller, plane.ino(0), fh, { off: 0, len: 1, owner: 0n }) as PinId;
  const me = plane.plane.leases.ownerOf(fh);
  const { supervision } = plane.plane;
  supervision.add(plane.fhs[1]!, me);
  const of = {
    kind: 'buffer',
    pid: process.pid,
    start: 1,
    tid: process.pid,
    fd: 5,
    addr: 4096,
    bytes: 1,
    part: 0,
  } as const;
  const at = { tid: 1, fd: 2 };
  const registration = { ...of, link: 'anon_inode:[io_uring]', inode: 7, at, settled: false, ending: false };
  const held = { pin, ino: plane.ino(0), handle: fh, start: 0, end: 1 };
  supervision.hold({ ...held, registration: { ...registration, used: undefined } });
  journal.commit(0);
  journal.sweep();
  plane.filesystem.getLease(plane.ino(0), fh);
  journal.commit(1000);
  const next = SmallPlane.from(journal.reader());
  assert.ok(next.plane.supervision.isSupervisor(me));
  assert.equal(next.plane.supervision.heldPin(pin), { ...held, registration });
  next.plane.supervision.closed(plane.fhs[1]!);
  assert.not(next.plane.supervision.active);
  next.end();
  plane.end();
});

function text(plane: SmallPlane, fh: FileHandle, off = 0, size = 1 << 16): string {
  const out = new Uint8Array(size);
  const read = plane.plane.sb.virtual!.read(plane.by(process.pid), fh, off, out);
  assert.ok(read >= 0, `${read}`);
  return Buffer.from(out.subarray(0, read)).toString();
}

test('open files of .leasefs go on under their numbers: texts anywhere, streams where they were', () => {
  const plane = new SmallPlane();
  const journal = new SmallJournal();
  plane.plane.keepIn(journal);
  const { tree } = plane.plane.sb.virtual!;
  const inoOf = (name: string): InodeNumber => tree.lookup(tree.top, name as Name)!;
  const opened = new Opened();
  const open = (name: string): FileHandle => {
    assert.is(plane.filesystem.open(plane.caller, inoOf(name), 0o4000, opened), 0);
    return opened.fh;
  };
  const [leases, events, torn] = [open('leases'), open('events'), open('events')];
  const caller = plane.by(process.pid);
  for (const kind of [SHARED, EXCLUSIVE] as const)
    plane.filesystem.setLease(caller, plane.ino(0), plane.fhs[0]!, lease(kind));
  const whole = text(plane, events);
  const head = text(plane, torn, 0, 10);
  assert.is(head, whole.slice(0, 10));
  plane.filesystem.setLease(caller, plane.ino(0), plane.fhs[0]!, lease(NONE));
  journal.commit(0);
  const next = SmallPlane.from(journal.reader());
  next.restorer!.takeOver();
  assert.is(text(next, leases, 3), 'KIND STATE MUST BREAK_MS PINS AGE_MS PID START COMMAND PATH\n');
  const lines = (fh: FileHandle): Record<string, unknown>[] =>
    text(next, fh)
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line));
  assert.equal(
    lines(events).map(({ seq, event, count }) => [seq, event, count]),
    [
      [3, 'lost', 1],
      [4, 'restarted', undefined],
    ],
  );
  const rest = text(next, torn);
  const [first, ...others] = (head + rest)
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  assert.is(first.seq, 1, 'no line is torn');
  assert.equal(
    others.map(({ event }) => event),
    ['lost', 'restarted'],
  );
  next.filesystem.release(events);
  next.end();
  plane.end();
});

test('through a journal in a memfd, which another one reads', () => {
  const memory = native.memfdCreate('leasefs-journal');
  const plane = new SmallPlane();
  const over = () => assert.unreachable('it has room');
  const journal = new Journal(memory, 1 << 20, over);
  plane.plane.keepIn(journal);
  const caller = plane.by(process.pid);
  for (const [d, fh] of plane.fhs.entries())
    assert.is(plane.filesystem.setLease(caller, plane.ino(d), fh, lease(SHARED, 10)), 0);
  commit(journal);
  const next = SmallPlane.from(new Journal(memory, 1 << 20, over).read());
  assert.equal(next.state(), plane.state());
  next.end();
  plane.end();
  memory.close();
});

function commit(journal: Journal): void {
  journal.commit(new Int32Array(0), 0);
}

test.run();
