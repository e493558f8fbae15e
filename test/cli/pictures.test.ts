// What `leasefs top`, `layout` and `events` print, without a mount.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { eventText } from '../../src/cli/events.js';
import { parseWords } from '../../src/cli/inject.js';
import { type Picture, pictureLines } from '../../src/cli/layout-picture.js';
import { pictureSvg } from '../../src/cli/layout-svg.js';
import { exactSize } from '../../src/cli/sizes.js';
import { fileRows, fit, type Look, screen, type View } from '../../src/cli/top-screen.js';
import { UsageError } from '../../src/cli/verb.js';
import type { LayoutExtent, ReportedLease, ReportedPin, ReportedStatus } from '../../src/client/index.js';

const KIB = 1024;

const lease = (ino: number, more: Partial<ReportedLease> = {}): ReportedLease => ({
  id: ino,
  ino,
  path: `/file${ino}`,
  deleted: false,
  kind: 'exclusive',
  state: 'held',
  breakMs: null,
  must: null,
  owner: { pid: 100 + ino, start: 1, command: 'fio', uid: 0, alive: true },
  ageMs: 1000,
  pins: 0,
  layout: 0,
  ...more,
});
const pin = (ino: number, off: number, len: number, pid = 7): ReportedPin => ({
  id: off / 4096 + 1,
  ino,
  path: `/file${ino}`,
  deleted: false,
  off,
  len,
  lease: ino,
  pid,
  start: 1,
  command: 'rdma <x>',
  owner: 'process',
  ownerIno: null,
  ageMs: 5,
  zombie: false,
  uid: 0,
});
const status = {
  store: 'direct',
  passthrough: true,
  used: 4096,
  size: 1 << 30,
  waiters: 0,
  files: 3,
} as ReportedStatus;
const look = (more: Partial<Look> = {}): Look => ({
  at: 0,
  status,
  leases: [],
  pins: [],
  events: {},
  ...more,
});
const view: View = { mountPoint: '/mnt', sort: 'pins', filter: '', typing: false };
const extent = (off: number, len: number, unwritten = false): LayoutExtent =>
  ({ off, len, unwritten, segment: 0, store: off }) as LayoutExtent;

const test = suite('pictures');

test('top: leases and pins come together by file, those with the most pinned bytes first', () => {
  const now = look({
    leases: [
      lease(1),
      lease(2, { kind: 'shared,breakable', state: 'breaking', breakMs: 1500, must: 'none' }),
      lease(1),
    ],
    pins: [pin(1, 0, 8192), pin(1, 8192, 4096)],
  });
  const [first, second] = fileRows(now, view);
  assert.equal([first!.path, first!.leases, first!.pins, first!.pinned], ['/mnt/file1', 2, 2, 12288]);
  assert.equal([second!.path, second!.state, second!.breakMs], ['/mnt/file2', 'breaking', 1500]);
  assert.is(fileRows(now, { ...view, sort: 'breaks' })[0]!.path, '/mnt/file2');
  assert.is(fileRows(now, { ...view, filter: 'FILE2' }).length, 1);
  assert.equal(
    fileRows(now, { ...view, sort: 'path' }).map(({ path }) => path),
    ['/mnt/file1', '/mnt/file2'],
  );
});

test('top: refusals a second come from two looks', () => {
  const before = look({ at: 1000, events: { refused: 10 } });
  const lines = screen(look({ at: 3000, events: { refused: 13 } }), before, view);
  assert.match(lines[2]!, 'refused 13 (1.5/s)');
  assert.match(screen(look({ events: { refused: 13 } }), undefined, view)[2]!, 'refused 13;');
  assert.is(lines.at(-1), 'no leases');
});

test('top: the screen fits 80x24, however much there is, and the keys are its last line', () => {
  const many = look({
    leases: Array.from({ length: 100 }, (_, n) => lease(n + 1, { path: `/${'x'.repeat(200)}${n}` })),
  });
  const shown = fit(screen(many, undefined, view, 80), 80, 24);
  assert.is(shown.length, 24);
  for (const line of shown) assert.ok([...line].length <= 80);
  assert.match(shown.at(-1)!, /^q quit/);
  assert.is(fit(screen(look(), undefined, view), 80, 24).length, 24);
});

test('top: the path comes first, and of a long one its end, at 80 and at 40 columns', () => {
  const now = look({ leases: [lease(1, { path: `/${'x'.repeat(200)}/checkpoint` }), lease(2)] });
  for (const columns of [80, 40]) {
    const lines = fit(screen(now, undefined, view, columns), columns, 24);
    assert.match(lines[5]!, /^PATH +PINS/);
    assert.ok(lines[7]!.startsWith(`…${'x'.repeat(columns / 2 - 12)}/checkpoint  `), lines[7]);
    assert.match(lines[6]!, /^\/mnt\/file2 /);
  }
  assert.match(screen(now, undefined, view)[7]!, /^\/mnt\/x{200}\/checkpoint /);
});

const picture: Picture = {
  path: '/mnt/f',
  size: 64 * KIB,
  store: 'direct',
  layout: { seq: 1, segments: [], extents: [extent(0, 16 * KIB), extent(16 * KIB, 16 * KIB, true)] },
  leases: [lease(1)],
  pins: [pin(1, 0, 8 * KIB), pin(1, 16 * KIB, 4 * KIB, 8)],
  mappings: [{ pid: 9, command: 'fio', off: 0, len: 64 * KIB, resident: 32 * KIB, huge: 0 }],
};

test('layout: a lease over the file, its blocks and holes, a line for each process with pins', () => {
  const lines = pictureLines(picture, 9 + 16);
  const line = (label: string): string => lines.find(text => text.startsWith(label))!.slice(9);
  assert.is(line('lease 1 '), `├${'═'.repeat(14)}┤`);
  assert.is(line('blocks'), '████▒▒▒▒········');
  assert.is(line('pins A '), '▲▲');
  assert.is(line('pins B '), '    ▲');
  assert.ok(lines.includes('pins A: 7 rdma <x>, [0,8k)'));
  assert.is(lines.at(-1), 'mapped by 9 fio: [0,64k), 32k in its page tables, 0 in huge pages');
  for (const text of pictureLines(picture, 80)) assert.ok([...text].length <= 80, text);
});

test('layout: an empty file, and one without leases, have a picture too', () => {
  const none = { ...picture, size: 0, layout: { ...picture.layout, extents: [] }, leases: [], pins: [] };
  assert.equal(pictureLines(none, 80).slice(1), ['empty: no blocks and no holes', 'no lease']);
  assert.match(pictureSvg(none), /^<svg .*<\/svg>\n$/s);
});

test('layout: the SVG is well formed with any name in it', () => {
  const svg = pictureSvg({ ...picture, path: '/mnt/<a & "b">\u0001' });
  assert.not.match(svg.replace(/<\/?(svg|style|line|rect|text|title)\b[^<>]*>/g, ''), /[<&](?!#)/);
  const rects = 1 + 1 + 3 + 2 + 1 + 7;
  assert.is(svg.match(/<rect /g)!.length, rects, 'background, lease, pieces, pins, mapping, legend');
});

test('layout: the SVG has an axis in bytes, and kind and owner of each row in print', () => {
  const printed = [...pictureSvg(picture).matchAll(/<text [^>]*>([^<]*)</g)].map(([, text]) => text);
  assert.equal(printed.slice(0, 11), [
    '/mnt/f: 64 KiB, 2 extents, direct store',
    ...['bytes', '0', '8k', '16k', '24k', '32k', '40k', '48k', '56k', '64k'],
  ]);
  assert.equal(printed.slice(11, 16), [
    'lease 1: exclusive, 101 fio',
    'blocks',
    'pin: 7 rdma &#60;x&#62;',
    'pin: 8 rdma &#60;x&#62;',
    'mapped: 9 fio',
  ]);
  assert.ok(printed.includes('unbreakable lease') && printed.includes('hole'));
});

test('layout: the axis of a file of any size ends with its end, and no two of its numbers overlap', () => {
  for (const size of [1, 4097, 64 * KIB - 1, 5 * KIB * KIB, 2 ** 40 + 12345]) {
    const layout = { ...picture.layout, extents: [] };
    const svg = pictureSvg({ ...picture, size, layout, pins: [], mappings: [] });
    const ticks = [...svg.matchAll(/<text x="([\d.]+)"[^>]*"middle">([^<]*)</g)];
    assert.is(ticks.at(-1)![2], exactSize(size));
    assert.ok(ticks.length <= 10);
    const at = ticks.map(([, x]) => Number(x));
    for (const [n, x] of at.entries()) if (n > 0) assert.ok(x - at[n - 1]! > 40, `${size}: ${at}`);
  }
});

test('events: each is one line, what is hidden is left out', () => {
  const base = {
    seq: 1,
    time: '2026-01-01T00:00:00.000Z',
    rule: 'X1',
    pid: 5,
    command: 'cut\n',
    uid: 0,
  } as const;
  const whole = eventText({
    ...base,
    event: 'refused',
    ino: 2,
    path: '/f',
    call: 'truncate to 0',
    errno: 'ETXTBSY',
    ends: 'it is unpinned or its owner dies',
    holder: {
      pid: 9,
      command: 'fio',
      uid: 0,
      kind: 'exclusive',
      lease: 1,
      zombie: false,
      pin: 3,
      off: 0,
      len: 4096,
    },
  });
  assert.match(
    whole,
    /refused +5 \(cut\\x0a\) \/f truncate to 0: ETXTBSY; pin 3 \[0,4k\) of 9 \(fio\), until it is unpinned or its owner dies \[X1\]$/,
  );
  assert.match(eventText({ ...base, event: 'pin' }), /pin +5 \(cut\\x0a\) \[X1\]$/);
  assert.match(eventText({ seq: 5, event: 'lost', count: 4 }), 'lost       4 events');
});

test('inject: its words are the JSON form', () => {
  assert.equal(parseWords(['change', 'f', '4k', '1m']), { do: 'change', file: 'f', off: 4096, len: 1 << 20 });
  assert.equal(parseWords(['pins', '2', 'EAGAIN']), { do: 'pins', count: 2, errno: 'EAGAIN' });
  for (const wrong of [[], ['brake'], ['break'], ['pins', 'x', 'EAGAIN'], ['enospc', '1', '2']]) {
    assert.throws(
      () => parseWords(wrong),
      (error: unknown) => error instanceof UsageError,
    );
  }
});

test.run();
