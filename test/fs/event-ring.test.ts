// The ring of events and one reader of it, without a mount.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { faults } from '../../src/base/guarded.js';
import type { InodeNumber, LeaseId } from '../../src/base/units.js';
import { EventStream } from '../../src/control/event-stream.js';
import { EventWakes } from '../../src/control/event-wakes.js';
import { Viewer } from '../../src/control/viewer.js';
import { EventRing, type LeaseEvent } from '../../src/fs/trace/event-ring.js';

const event = (uid = 0): Omit<LeaseEvent, 'seq'> => ({
  time: 0,
  event: 'grant',
  rule: 'L3',
  ino: 7 as InodeNumber,
  path: '/caf\u00c3\u00a9',
  by: { pid: 5, command: 'holder', uid },
  injected: false,
  facts: { lease: 1 as LeaseId, kind: 'shared,breakable' },
});
const viewer = new Viewer({ uid: 1000, privileged: false });
const other = new Viewer({ uid: 1001, privileged: false });

const wakesOf = (ring: EventRing): EventWakes => new EventWakes(ring, line => assert.unreachable(line));
const reader = (ring: EventRing, eyes = viewer): EventStream =>
  new EventStream(ring, eyes, wakesOf(ring), () => {});

function lines(stream: EventStream, size = 1 << 16): Record<string, unknown>[] {
  const out = new Uint8Array(size);
  const parts: Buffer[] = [];
  for (let n = stream.read(0, out); n > 0; n = stream.read(0, out))
    parts.push(Buffer.from(out.subarray(0, n)));
  const text = Buffer.concat(parts).toString();
  return text.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line)]));
}

const test = suite('event ring');

test('events are numbered from 1 and counted by their kind', () => {
  const ring = new EventRing(4);
  for (let n = 0; n < 3; n++) ring.add(event());
  assert.is(ring.first, 1);
  assert.is(ring.next, 4);
  assert.is(ring.at(2)?.seq, 2);
  assert.is(ring.at(4), undefined);
  assert.is(ring.counts.get('grant'), 3);
});

test('a slow reader loses the oldest, learns how many, and then reads on', () => {
  const ring = new EventRing(4);
  const stream = reader(ring);
  for (let n = 0; n < 10; n++) ring.add(event(1000));
  assert.equal(
    lines(stream).map(({ seq, event: name, count }) => [seq, name, count]),
    [[6, 'lost', 6], ...[7, 8, 9, 10].map(seq => [seq, 'grant', undefined])],
  );
  assert.is(stream.ready(), false);
  ring.add(event(1000));
  assert.is(lines(stream).length, 1);
  stream.close();
});

test('a line longer than the buffer comes in pieces, none is torn or lost', () => {
  const ring = new EventRing(8);
  const stream = reader(ring);
  for (let n = 0; n < 5; n++) ring.add(event(1000));
  const read = lines(stream, 17);
  assert.equal(
    read.map(({ seq }) => seq),
    [1, 2, 3, 4, 5],
  );
  assert.is(read[0]!.path, '/caf\u00e9', 'names are bytes, written as UTF-8');
  stream.close();
});

test('A1: of a process of another user a reader sees that something happened, no file and no lease', () => {
  const ring = new EventRing(8);
  ring.add(event(1000));
  const [mine] = lines(reader(ring));
  const [theirs] = lines(reader(ring, other));
  assert.is(mine!.ino, 7);
  assert.equal(Object.keys(theirs!), ['seq', 'time', 'event', 'rule', 'pid', 'command', 'uid']);
});

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

test('a reader that waits is woken after the event, once for many, and again when it waits again', async () => {
  const ring = new EventRing(8);
  let woken = 0;
  const stream = new EventStream(ring, viewer, wakesOf(ring), () => woken++);
  ring.add(event());
  await turn();
  assert.is(woken, 0, 'it does not wait');
  stream.listen();
  for (let n = 0; n < 3; n++) ring.add(event());
  assert.is(woken, 0, 'not within the call that records');
  await turn();
  assert.is(woken, 1);
  ring.add(event());
  await turn();
  assert.is(woken, 1, 'it waits no more');
  stream.listen();
  stream.close();
  ring.add(event());
  await turn();
  assert.is(woken, 1, 'closed');
});

test('10,000 readers that wait cost an event one call, and are woken some at a time, each once', async () => {
  const ring = new EventRing(8);
  const wakes = wakesOf(ring);
  const READERS = 10_000;
  let woken = 0;
  const wake = Array.from({ length: READERS }, () => () => void woken++);
  for (const one of wake) wakes.add(one);
  ring.add(event());
  assert.is(woken, 0);
  await turn();
  assert.ok(woken > 0 && woken < READERS / 10, `${woken} in one turn of the loop`);
  for (let turns = 0; woken < READERS && turns < READERS; turns++) await turn();
  await turn();
  assert.is(woken, READERS);
  assert.is(wakes.size, 0);
});

test('a reader whose wake throws is logged, and neither it nor the others miss the next event', async () => {
  const ring = new EventRing(8);
  const log: string[] = [];
  const wakes = new EventWakes(ring, line => log.push(line));
  const woken: string[] = [];
  faults.set('event wake', 1);
  const first = () => void woken.push('first');
  wakes.add(first);
  wakes.add(() => void woken.push('second'));
  ring.add(event());
  await turn();
  assert.equal(woken, ['second']);
  assert.match(log.join('\n'), /^event wake failed: Error: injected/);
  ring.add(event());
  await turn();
  assert.equal(woken, ['second', 'first']);
});

test.run();
