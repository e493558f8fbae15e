// Layouts granted to clients: direct mappings by this process and by a program in C, recalled by breaks. On both
// stores: what the store is must not be seen.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { Calls } from '../../src/client/calls.js';
import type { LeaseFile } from '../../src/client/index.js';
import { readLayout } from '../../src/client/layout.js';
import { native } from '../../src/native/binding.js';
import { eventually } from '../support/actors.js';
import { clientModule, LIMIT_MS, run, truncate } from '../support/client-process.js';
import { bothStores, PATIENT, type Store } from '../support/mounted.js';
import { mountedSuite } from '../support/suites.js';
import { code } from '../support/thrown-code.js';

const BLOCK = 4096;
const MIB = 1 << 20;

const sources = fileURLToPath(new URL('../../../native', import.meta.url));

function layouts(store: Store): void {
  const args = ['--size', '64m', ...PATIENT];
  mountedSuite(`layouts, ${store} store`, { store, args }, ({ test, mount, files }) => {
    test('every process may read a layout; only the owner of a lease on the description is granted one', async () => {
      const path = files.fresh(3 * BLOCK);
      const reader = files.open(path, constants.O_RDONLY);
      const { extents, segments } = reader.layout(0, MIB);
      assert.equal(
        extents.map(({ off, len, unwritten }) => ({ off, len, unwritten })),
        [{ off: 0, len: 3 * BLOCK, unwritten: false }],
      );
      assert.is(segments.length, 0);
      const grant = (file: LeaseFile) => code(() => readLayout(new Calls(file.fd), 0, BLOCK, false));
      assert.is(grant(reader), 'EPERM');
      reader.setLeaseSync('shared,breakable');
      assert.is(grant(reader), 'EBADF', 'what comes with it can be written');
      const writer = files.open(path);
      assert.is(grant(writer), 'EPERM', 'the lease is on another description');
      for (const kind of ['shared,breakable', 'shared'] as const) {
        writer.setLeaseSync(kind);
        assert.is(grant(writer), 'ok', kind);
      }
      reader.close();
      for (const kind of ['exclusive,breakable', 'exclusive'] as const) {
        writer.setLeaseSync(kind);
        assert.is(grant(writer), 'ok', kind);
      }
      const child = spawnSync(
        process.execPath,
        [
          '--input-type=module',
          '-e',
          `import { LeaseFile } from ${JSON.stringify(clientModule)};
try { new LeaseFile(3).mapDirect(0, 4096); process.stdout.write('ok'); } catch (e) { process.stdout.write(e.code); }`,
        ],
        { stdio: ['ignore', 'pipe', 'inherit', writer.fd], timeout: LIMIT_MS },
      );
      assert.is(
        child.stdout.toString(),
        'EPERM',
        'N2: a process that was passed the descriptor needs a lease of its own',
      );
      for (const [off, len] of [
        [0, 0],
        [Number.MAX_SAFE_INTEGER, 1],
      ] as const)
        assert.is(
          code(() => writer.layout(off, len)),
          'EINVAL',
        );
      assert.is(
        code(() => files.open(mount.path, constants.O_RDONLY).layout(0, 1)),
        'EINVAL',
      );
    });

    test('what is stored in the mapping is the file, and what is written to the file is in the mapping', () => {
      const path = files.fresh(MIB + 5);
      const file = files.leased(path);
      const before = mount.report('status').requests;
      const mapping = file.mapDirect(BLOCK, MIB + 5 - BLOCK);
      const bytes = new Uint8Array(mapping.memory);
      assert.is(bytes.length, MIB + 5 - BLOCK);
      assert.ok(bytes.every(byte => byte === 1));
      bytes.fill(7, 100, 200);
      bytes[bytes.length - 1] = 8;
      const seen = mount.report('status').requests;
      for (const name of ['READ', 'WRITE'])
        assert.is(seen[name] ?? 0, before[name] ?? 0, `no ${name}: the daemon is not asked`);
      const content = readFileSync(path);
      assert.equal([content[BLOCK + 99], content[BLOCK + 100], content[BLOCK + 199]], [1, 7, 7]);
      assert.is(content.at(-1), 8);
      writeSync(file.fd, Buffer.from('written'), 0, 7, BLOCK + 50);
      assert.is(Buffer.from(bytes.subarray(50, 57)).toString(), 'written');
      mapping.unmap();
      assert.is(bytes.length, 0);
      assert.is(mapping.mapped, false);
      mapping.unmap();
    });

    test('a process that had the file open sees what was stored once it is unmapped', () => {
      const path = files.fresh(2 * BLOCK);
      const reader = openSync(path, 'r');
      const piece = Buffer.alloc(1);
      readSync(reader, piece, 0, 1, BLOCK);
      const file = files.leased(path);
      const mapping = file.mapDirect(0, 2 * BLOCK);
      new Uint8Array(mapping.memory)[BLOCK] = 99;
      mapping.unmap();
      readSync(reader, piece, 0, 1, BLOCK);
      assert.is(piece[0], 99);
      closeSync(reader);
    });

    test('a store that the kernel still had in its cache is in the mapping', () => {
      const path = files.fresh(BLOCK);
      const writer = openSync(path, 'r+');
      const memory = native.map(writer, 0, BLOCK, 3);
      new Uint8Array(memory)[5] = 55;
      const file = files.leased(path);
      const mapping = file.mapDirect(0, BLOCK);
      assert.is(new Uint8Array(mapping.memory)[5], 55);
      native.unmap(memory);
      closeSync(writer);
    });

    test('a hole is not granted: ENXIO; allocated it is, and reads as zeros', () => {
      const path = files.fresh(BLOCK);
      truncateSync(path, 3 * BLOCK);
      const file = files.leased(path);
      assert.is(
        code(() => file.mapDirect(0, 3 * BLOCK)),
        'ENXIO',
      );
      assert.is(
        code(() => file.mapDirect(0, 4 * BLOCK)),
        'ENXIO',
      );
      assert.is(native.fallocate(file.fd, 0, 0, 3 * BLOCK), 0);
      const mapping = file.mapDirect(0, 3 * BLOCK);
      const bytes = new Uint8Array(mapping.memory);
      assert.is(bytes[BLOCK - 1], 1);
      assert.ok(bytes.subarray(BLOCK).every(byte => byte === 0));
      bytes[2 * BLOCK] = 3;
      assert.is(readFileSync(path)[2 * BLOCK], 3, 'it is data now');
      assert.ok(file.layout(0, 3 * BLOCK).extents.every(({ unwritten }) => !unwritten));
      assert.is(
        code(() => file.mapDirect(1, BLOCK)),
        'EINVAL',
      );
      assert.is(
        code(() => file.mapDirect(0, 0)),
        'EINVAL',
      );
    });

    test('X2: blocks given beyond the end and grown over are listed, granted, and taken by no other process', () => {
      const path = files.fresh(BLOCK);
      const file = files.open(path);
      const KEEP_SIZE = 1;
      assert.is(native.fallocate(file.fd, KEEP_SIZE, 2 * BLOCK, 3 * BLOCK), 0);
      assert.is(file.layout(0, 8 * BLOCK).extents.length, 1, 'beyond the end nothing is listed');
      writeSync(file.fd, 'x', 7 * BLOCK);
      assert.equal(
        file.layout(0, 8 * BLOCK).extents.map(({ off, len, unwritten }) => [off, len, unwritten]),
        [
          [0, BLOCK, false],
          [2 * BLOCK, 3 * BLOCK, true],
          [7 * BLOCK, BLOCK, false],
        ],
      );
      file.setLeaseSync('exclusive');
      const punch = ['-p', '-o', `${3 * BLOCK}`, '-l', `${BLOCK}`, path];
      assert.match(spawnSync('fallocate', punch, { encoding: 'utf8' }).stderr, 'Text file busy');
      const mapping = file.mapDirect(2 * BLOCK, 3 * BLOCK);
      assert.ok(new Uint8Array(mapping.memory).every(byte => byte === 0));
      assert.is(fstatSync(file.fd).blocks, 5 * (BLOCK / 512));
    });

    test('a break recalls: the holder is notified, unmaps and releases, and the truncate goes on', async () => {
      const path = files.fresh(4 * BLOCK);
      const file = files.leased(path);
      const mapping = file.mapDirect(0, 4 * BLOCK);
      const mapped: boolean[] = [];
      file.onBreak(() => mapped.push(mapping.mapped));
      assert.is(await truncate(path, 0), 'ok');
      assert.equal(mapped, [true], 'notified first');
      assert.is(mapping.mapped, false);
      assert.is(file.getLease().kind, 'none');
      assert.ok(
        mount.log().includes('break: lease') && !mount.log().includes(`forced: lease on /${basename(path)} `),
      );
    });

    test('releasing the lease and closing unmap', () => {
      const file = files.leased(files.fresh(BLOCK));
      const first = file.mapDirect(0, BLOCK);
      file.setLeaseSync('none');
      assert.is(first.mapped, false);
      assert.is(
        code(() => file.mapDirect(0, BLOCK)),
        'EPERM',
      );
      file.setLeaseSync('shared,breakable');
      const second = file.mapDirect(0, BLOCK);
      file.close();
      assert.is(second.mapped, false);
    });

    test('X2: an unbreakable lease keeps the layout: others are refused, the mapping stays', async () => {
      const path = files.fresh(4 * BLOCK);
      const file = files.open(path);
      file.setLeaseSync('exclusive');
      const mapping = file.mapDirect(0, 4 * BLOCK);
      assert.is(await truncate(path, 0), 'ETXTBSY');
      assert.is(new Uint8Array(mapping.memory)[0], 1);
    });

    test('while it is being broken no more is granted: EAGAIN', async () => {
      const path = files.fresh(4 * BLOCK);
      const file = files.leased(path);
      const truncated = truncate(path, 0);
      await eventually('the break', () => file.getLease().breakMs > 0);
      assert.is(
        code(() => readLayout(new Calls(file.fd), 0, BLOCK, false)),
        'EAGAIN',
      );
      file.setLeaseSync('none');
      assert.is(await truncated, 'ok');
      assert.is(
        code(() => readLayout(new Calls(file.fd), 0, BLOCK, false)),
        'EPERM',
      );
    });

    test('many extents are mapped side by side', () => {
      const path = files.unused();
      const other = openSync(files.unused(), 'w+');
      const fd = openSync(path, 'w+');
      // Every second block of the file in another order.
      const count = 300;
      for (let n = 0; n < count; n++) {
        const at = n % 2 === 0 ? n : count - n;
        writeSync(fd, Buffer.alloc(BLOCK, at % 251), 0, BLOCK, at * BLOCK);
        writeSync(other, Buffer.alloc(BLOCK, 255), 0, BLOCK, n * BLOCK);
      }
      const file = files.leased(path);
      const mapping = file.mapDirect(0, count * BLOCK);
      const bytes = new Uint8Array(mapping.memory);
      for (let n = 0; n < count; n++) {
        assert.is(bytes[n * BLOCK], n % 251, `block ${n}`);
        bytes[n * BLOCK + 1] = 9;
      }
      const content = readFileSync(path);
      for (let n = 0; n < count; n++) assert.is(content[n * BLOCK + 1], 9);
      closeSync(fd);
      closeSync(other);
    });

    test('the example in C maps, stores, hears the recall and yields', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'leasefs-direct-map-'));
      try {
        const program = join(directory, 'direct-map');
        const flags = ['-std=gnu99', '-O1', '-Wall', '-Wextra', '-Werror', '-I', join(sources, 'include')];
        execFileSync('gcc', [...flags, '-o', program, join(sources, 'examples/direct-map.c')], {
          stdio: 'pipe',
        });
        const path = files.fresh(5 * BLOCK + 10);
        const child = run(program, path);
        await eventually('the lease', () => mount.report('leases').leases.length > 0);
        const third = (): bigint => readFileSync(path).readBigUInt64LE(3 * BLOCK);
        await eventually('its stores', () => third() === 3n);
        assert.is(await truncate(path, BLOCK), 'ok');
        assert.match(await child, /^mapped 24576 bytes.*\nwritten.*\nrecalled, unmapped, yielded\n$/);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  });
}

for (const store of bothStores) layouts(store);
