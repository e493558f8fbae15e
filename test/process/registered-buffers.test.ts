// N10: what /proc says of rings and memory, joined; on texts as the kernel writes them.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  liesIn,
  parseBuffers,
  parseMappings,
  rangesOf,
  slotsIn,
  writableIn,
} from '../../src/process/registered-buffers.js';

const maps = `55d0c0a00000-55d0c0a02000 r-xp 00001000 fe:00 1234                       /bin/actor
7f0000000000-7f0000008000 rw-s 00002000 00:2f 7                          /mnt/l/f
7f0000008000-7f000000a000 rw-s 00000000 00:2f 8                          /mnt/l/a 00:2f 9 (deleted)
7f0000010000-7f0000011000 rw-p 00000000 00:00 0 
7f0000020000-7f0000021000 rw-s 00000000 fe:00 5                          /tmp/ 00:2f 7
7f0000022000-7f0000023000 rw-s 00001000 00:2f 8
`;

const fdinfo = (buffers: string): string =>
  `pos:\t0\nflags:\t02000002\nSqMask:\t0x3\nUserFiles:\t1\n    0: [io_uring]\n${buffers}PollList:\nNAPI:\tdisabled\n`;

const test = suite('registered buffers');

test('mappings of the device alone, for any paths of others', () => {
  const found = parseMappings(maps, '00:2f');
  assert.equal(
    found.map(({ ino, off, path }) => [ino, off, path]),
    [
      [7, 8192, '/mnt/l/f'],
      [8, 0, '/mnt/l/a 00:2f 9 (deleted)'],
      [8, 4096, ''],
    ],
  );
  assert.is(found[0]!.begin, 0x7f0000000000);
  assert.is(found[0]!.end - found[0]!.begin, 0x8000);
  assert.equal(parseMappings('', '00:2f'), []);
});

test('buffers, empty slots of a sparse table and registered files beside them', () => {
  const text = fdinfo(
    'UserBufs:\t3\n    0: 0x7f0000001000/8192\n    1: <none>\n    2: 0x7f0000007800/4096\n',
  );
  assert.equal(parseBuffers(text), [
    { index: 0, address: 0x7f0000001000, length: 8192 },
    { index: 2, address: 0x7f0000007800, length: 4096 },
  ]);
  assert.equal(parseBuffers(fdinfo('UserBufs:\t0\n')), []);
});

test('what may be written, over the borders of mappings', () => {
  const pieces = writableIn(maps);
  const lies = (address: number, length: number) => liesIn({ address, length }, pieces);
  assert.ok(lies(0x7f0000000000, 0xa000));
  assert.ok(lies(0x7f0000007fff, 2));
  assert.not(lies(0x7f0000000000, 0xa001));
  assert.not(lies(0x7f000000a000, 1));
  assert.not(lies(0x55d0c0a00000, 16));
  assert.not(lies(0x8f0000000000, 16));
});

test('the slots of a table, empty ones too', () => {
  assert.is(slotsIn(fdinfo('UserBufs:\t3\n    0: <none>\n    1: <none>\n    2: <none>\n')), 3);
  assert.is(slotsIn(fdinfo('UserBufs:\t0\n')), 0);
  assert.is(slotsIn('pos:\t0\n'), undefined);
});

test('a ring in use says so by what is not there: the section, or the lines of the table', () => {
  assert.is(parseBuffers('pos:\t0\nflags:\t02000002\nmnt_id:\t17\nino:\t77\n'), 'busy');
  assert.is(parseBuffers(fdinfo('UserBufs:\t2\n')), 'busy');
  assert.is(parseBuffers('UserBufs:\t1\n'), 'busy');
});

test('a buffer covers what it overlaps, also of two files that are mapped side by side', () => {
  const mappings = parseMappings(maps, '00:2f');
  const ranges = (address: number, length: number): unknown =>
    rangesOf({ address, length }, mappings).map(({ ino, begin, end }) => [ino, begin, end]);
  assert.equal(ranges(0x7f0000001000, 4096), [[7, 12288, 16384]]);
  assert.equal(ranges(0x7f0000007800, 4096), [
    [7, 0x9800, 0xa000],
    [8, 0, 0x800],
  ]);
  assert.equal(ranges(0x7f000000a000, 4096), []);
  assert.equal(ranges(0x7f0000010000, 4096), []);
});

test.run();
