// `leasefs extents`, `leasefs stat` and the io verb: pieces, bar and table, and what they say of a file on a mount.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { extentBar } from '../../src/cli/extent-bar.js';
import { extentTable } from '../../src/cli/extents.js';
import { type Piece, piecesOf } from '../../src/cli/pieces.js';
import { statLines } from '../../src/cli/stat.js';
import type { LayoutExtent, Pin, ReportedStatus } from '../../src/client/index.js';
import { LeaseFile } from '../../src/client/index.js';
import { cli } from '../support/mounted.js';
import { mountedSuite } from '../support/suites.js';

const KIB = 1024;
const BLOCK = 4096;

const extent = (off: number, len: number, more: Partial<LayoutExtent> = {}): LayoutExtent => ({
  off,
  len,
  store: off,
  segment: 0,
  unwritten: false,
  ...more,
});
const pin = (off: number, len: number): Pin => ({
  id: 1n,
  off,
  len,
  pid: 1,
  mine: true,
  owner: 'process',
  zombie: false,
});
const pieces = (extents: LayoutExtent[], size: number, ...pins: Pin[]): Piece[] =>
  piecesOf({ seq: 0, extents, segments: [] }, pins, size);

const test = suite('extents');

test('pieces lie side by side from the first byte to the last, for any extents', () => {
  const layouts = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 3 })));
  fc.assert(
    fc.property(layouts, fc.nat(100), (gaps, beyond) => {
      let at = 0;
      const extents = gaps.map(([gap, blocks]) => {
        const made = extent(at + gap * BLOCK, blocks * BLOCK);
        at = made.off + made.len;
        return made;
      });
      const size = at + beyond;
      let end = 0;
      for (const { off, len } of pieces(extents, size)) {
        assert.is(off, end);
        assert.ok(len > 0);
        end = off + len;
      }
      assert.is(end, size);
    }),
  );
});

test('a pin marks its part of each piece that it meets, holes too', () => {
  const made = pieces([extent(0, 8192), extent(16384, 4096)], 20480, pin(4096, 16384), pin(0, 4096));
  assert.equal(
    made.map(({ state, pinned }) => [state, pinned]),
    [
      [
        'written',
        [
          { begin: 4096, end: 8192 },
          { begin: 0, end: 4096 },
        ],
      ],
      ['hole', [{ begin: 8192, end: 16384 }]],
      ['written', [{ begin: 16384, end: 20480 }]],
    ],
  );
  assert.equal(pieces([], 0), []);
});

test('the bar draws the file to scale, the pins under it, and the smallest piece in a cell of its own', () => {
  const made = pieces([extent(0, 8192), extent(16384, 8192, { unwritten: true })], 40960, pin(4096, 4096));
  assert.equal(extentBar(made, 10), ['██··▒▒····', ' ▲']);
  assert.equal(extentBar(pieces([extent(0, 4096)], 4096), 3), ['███']);
  assert.equal(extentBar(pieces([extent(2 ** 40, 4096)], 2 ** 41), 5), ['··█··']);
  fc.assert(
    fc.property(
      fc.nat(1000),
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 1, max: 200 }),
      (off, len, width) => {
        const [bar] = extentBar(pieces([extent(off, len)], off + len + 7), width);
        assert.is([...bar!].length, width);
        assert.ok(bar!.includes('█'));
      },
    ),
  );
});

test('the table says where each piece lies', () => {
  const made = pieces([extent(0, 8192, { segment: 2, store: 65536 })], 10000, pin(0, 4096));
  assert.equal(extentTable(made), [
    'RANGE       SEGMENT  STORE      STATE    PINNED',
    '[0,8k)            2  [64k,72k)  written  [0,4k)',
    '[8k,10000)                      hole',
  ]);
  assert.equal(extentTable([]), ['no extents']);
});

test('stat of a pooled file says why it has no passthrough, and in which segments it lies', () => {
  const status = { store: 'pooled', passthrough: false, reason: 'EPERM', huge: null } as ReportedStatus;
  const file = {
    ino: 7,
    size: 5000,
    allocated: 8192,
    extents: 3,
    segments: [1, 4],
    leases: [],
    pins: { count: 0, bytes: 0 },
    mappings: [{ pid: 9, command: 'fio', off: 4096, len: 8192, resident: 4096, huge: 0 }],
  };
  assert.equal(statLines('f', status, file), [
    'file       f, inode 7',
    'store      pooled',
    'data path  daemon: EPERM',
    'size       4.88 KiB (5000 bytes), 8 KiB allocated',
    'extents    3 in segment 1, 4',
    'leases     none',
    'pins       none',
    'mapped by  9 fio: [4k,12k), 4k in its page tables, 0 in huge pages',
  ]);
});

test.run();

mountedSuite('extents on a mount', {}, ({ test, mount }) => {
  let path: string;
  let holder: ChildProcess | undefined;

  test.before(() => {
    path = mount.file('sparse');
    const fd = openSync(path, 'w');
    writeSync(fd, Buffer.alloc(64 * KIB, 1), 0, 64 * KIB, 128 * KIB);
    ftruncateSync(fd, 256 * KIB);
    closeSync(fd);
  });
  test.after(() => {
    holder?.kill('SIGKILL');
  });

  const leasefs = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
      encoding: 'utf8',
      timeout: 120_000,
    });
    return { status, out: stdout.trimEnd().split('\n'), err: stderr.trimEnd() };
  };

  test('a file on a mount: extents, pins and stat by the command line', async () => {
    const chain = ['lease exclusive', 'pin 128k 8k', 'extents', 'sleep 60000'];
    holder = spawn(process.execPath, [cli, 'io', ...chain.flatMap(verb => ['-c', verb]), path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    for await (const data of holder.stdout!.iterator({ destroyOnReturn: false })) {
      said += data;
      if (said.includes('hole\nextents: 131072 65536 data pinned\nextents: 196608 65536 hole')) break;
    }
    assert.equal(leasefs('extents', path).out, [
      'RANGE        SEGMENT  STORE        STATE    PINNED',
      '[0,128k)                           hole',
      '[128k,192k)     file  [128k,192k)  written  [128k,136k)',
      '[192k,256k)                        hole',
    ]);
    const json = JSON.parse(leasefs('extents', '--json', path).out.join('\n'));
    assert.is(json.version.command, 'leasefs extents');
    assert.is(json.mount, mount.path);
    assert.equal(json.extents[1], {
      off: 128 * KIB,
      len: 64 * KIB,
      state: 'written',
      segment: 0,
      store: 128 * KIB,
      pinned: [{ begin: 128 * KIB, end: 136 * KIB }],
    });
    const stat = leasefs('stat', path).out;
    assert.equal(stat.slice(1), [
      'store       direct',
      'data path   passthrough',
      'size        256 KiB (262144 bytes), 64 KiB allocated',
      'extents     1',
      `leases      exclusive, held, by ${holder.pid} leasefs-io`,
      'pins        1, 8k',
      'huge pages  advise',
      'mapped by   no process that this user may look into',
    ]);
    const facts = JSON.parse(leasefs('stat', '--json', path).out.join('\n'));
    assert.equal([facts.store, facts.passthrough, facts.pins], ['direct', true, { count: 1, bytes: 8192 }]);
  });

  test('an empty file has none; what is no file of a mount is said in one line', () => {
    const empty = mount.file('empty');
    closeSync(openSync(empty, 'w'));
    assert.equal(leasefs('extents', empty).out, ['no extents']);
    for (const verb of ['extents', 'stat']) {
      assert.equal(leasefs(verb, mount.path), {
        status: 1,
        out: [''],
        err: `leasefs ${verb}: ${mount.path}: not a regular file`,
      });
      assert.match(leasefs(verb, '/etc/passwd').err, /is not on a leasefs mount/);
    }
  });

  test('a layout of more extents than one answer holds is listed whole', () => {
    const many = mount.file('many');
    const fd = openSync(many, 'w+');
    const count = 1000;
    for (let n = 0; n < count; n++) writeSync(fd, 'x', 2 * n * BLOCK);
    const { extents } = new LeaseFile(fd).layout(0, 2 * count * BLOCK);
    assert.equal(
      extents.map(({ off, len }) => [off, len]),
      Array.from({ length: count }, (_, n) => [2 * n * BLOCK, BLOCK]),
    );
    assert.equal(
      new LeaseFile(fd).layout(3 * BLOCK + 1, 3 * BLOCK).extents.map(({ off, len }) => [off, len]),
      [
        [4 * BLOCK, BLOCK],
        [6 * BLOCK, BLOCK],
      ],
    );
    closeSync(fd);
  });
});
