// Layouts granted to clients: direct mappings by this process and by a program in C, recalled by breaks, with blocks
// that go to nobody else while somebody may still reach them. On both stores: what the store is must not be seen.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Calls } from '../../src/client/calls.js';
import { DirectMapping } from '../../src/client/direct-mapping.js';
import { LeaseFile } from '../../src/client/index.js';
import { openSegment, readLayout } from '../../src/client/layout.js';
import { native } from '../../src/native/binding.js';
import { code } from '../thrown-code.js';
import { timeFactor } from '../time-factor.js';
import { eventually } from './actors.js';
import { Mounted, requireMount, skipMount, stores } from './mounted.js';

const BREAK_MS = 600 * timeFactor;
const LIMIT_MS = 10_000 * timeFactor;
const BLOCK = 4096;
const MIB = 1 << 20;
const options = (store: string): string[] => [
  ...['--lease-break-time', `${BREAK_MS}`, '--size', '64m', '--store', store],
];

const sources = fileURLToPath(new URL('../../../native', import.meta.url));
const clientModule = fileURLToPath(new URL('../../src/client/index.js', import.meta.url));

/** A process of its own, which may wait without holding us up; what it said when it has ended. */
function run(program: string, ...args: string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT_MS });
  let said = '';
  child.stdout.on('data', data => {
    said += data;
  });
  child.stderr.on('data', data => {
    said += data;
  });
  return new Promise(resolve =>
    child.on('close', status => resolve(status === 0 ? said : `failed: ${said}`)),
  );
}

const node = (program: string): Promise<string> =>
  run(process.execPath, '--input-type=module', '-e', program);

/** 'ok', or what truncate(2) by another process said. */
const truncate = (path: string, size: number): Promise<string> =>
  node(`import fs from 'node:fs';
try { fs.truncateSync(${JSON.stringify(path)}, ${size}); process.stdout.write('ok'); }
catch (error) { process.stdout.write(error.code); }`);

/** A process that maps all of a file directly and stays; resolves when it has. */
async function mapper(path: string, bytes: number, more = ''): Promise<ChildProcess> {
  const program = `
import { LeaseFile } from ${JSON.stringify(clientModule)};
const file = LeaseFile.open(${JSON.stringify(path)});
file.setLeaseSync('exclusive');
const mapping = file.mapDirect(0, ${bytes});
const view = new Uint8Array(mapping.memory);
${more}
process.stdout.write('mapped');
setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const late = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  await new Promise<void>((resolve, reject) => {
    child.stdout!.once('data', () => resolve());
    child.once('exit', () => reject(new Error('the mapper ended')));
  });
  clearTimeout(late);
  return child;
}

const ended = (child: ChildProcess): Promise<void> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise(resolve => child.once('exit', () => resolve()));

for (const store of stores) {
  const test = suite(`layouts, ${store} store`);
  if (skipMount) {
    test.skip('LEASEFS_SKIP_MOUNT is set');
    test.run();
    continue;
  }
  requireMount();
  let mount: Mounted;
  let files: LeaseFile[] = [];
  let children: ChildProcess[] = [];
  let made = 0;

  test.before(async () => {
    mount = await Mounted.start(...options(store));
  });
  test.after(() => mount.stop());
  test.after.each(async () => {
    for (const file of files) file.close();
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map(ended));
    files = [];
    children = [];
  });

  const fresh = (bytes: number, byte = 1): string => {
    const path = mount.file(`f${made++}`);
    writeFileSync(path, Buffer.alloc(bytes, byte));
    return path;
  };
  const open = (path: string, flags?: number): LeaseFile => {
    const file = LeaseFile.open(path, flags);
    files.push(file);
    return file;
  };
  const leased = (path: string): LeaseFile => {
    const file = open(path);
    file.setLeaseSync('exclusive');
    return file;
  };
  const used = (): number => mount.report('status').used;

  test('a layout is told to anybody, granted to the owner of a lease on the description alone', async () => {
    const path = fresh(3 * BLOCK);
    const reader = open(path, constants.O_RDONLY);
    const { extents, segments } = reader.layout(0, MIB);
    assert.equal(
      extents.map(({ off, len, unwritten }) => ({ off, len, unwritten })),
      [{ off: 0, len: 3 * BLOCK, unwritten: false }],
    );
    assert.is(segments.length, 0);
    const grant = (file: LeaseFile) => code(() => readLayout(new Calls(file.fd), 0, BLOCK, false));
    assert.is(grant(reader), 'EPERM');
    reader.setLeaseSync('shared');
    assert.is(grant(reader), 'EBADF', 'what comes with it can be written');
    const writer = open(path);
    assert.is(grant(writer), 'EPERM', 'the lease is on another description');
    for (const kind of ['shared', 'shared,unbreakable'] as const) {
      writer.setLeaseSync(kind);
      assert.is(grant(writer), 'ok', kind);
    }
    reader.close();
    for (const kind of ['exclusive', 'exclusive,unbreakable'] as const) {
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
    assert.is(child.stdout.toString(), 'EPERM', 'N2: who was passed the descriptor needs a lease of its own');
    for (const [off, len] of [
      [0, 0],
      [Number.MAX_SAFE_INTEGER, 1],
    ] as const)
      assert.is(
        code(() => writer.layout(off, len)),
        'EINVAL',
      );
    assert.is(
      code(() => open(mount.path, constants.O_RDONLY).layout(0, 1)),
      'EINVAL',
    );
  });

  test('what is stored in the mapping is the file, and what is written to the file is in the mapping', () => {
    const path = fresh(MIB + 5);
    const file = leased(path);
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

  test('who had the file open sees what was stored once it is unmapped', () => {
    const path = fresh(2 * BLOCK);
    const reader = openSync(path, 'r');
    const piece = Buffer.alloc(1);
    readSync(reader, piece, 0, 1, BLOCK);
    const file = leased(path);
    const mapping = file.mapDirect(0, 2 * BLOCK);
    new Uint8Array(mapping.memory)[BLOCK] = 99;
    mapping.unmap();
    readSync(reader, piece, 0, 1, BLOCK);
    assert.is(piece[0], 99);
    closeSync(reader);
  });

  test('a store that the kernel still had in its cache is in the mapping', () => {
    const path = fresh(BLOCK);
    const writer = openSync(path, 'r+');
    const memory = native.map(writer, 0, BLOCK, 3);
    new Uint8Array(memory)[5] = 55;
    const file = leased(path);
    const mapping = file.mapDirect(0, BLOCK);
    assert.is(new Uint8Array(mapping.memory)[5], 55);
    native.unmap(memory);
    closeSync(writer);
  });

  test('a hole is not granted: ENXIO; allocated it is, and reads as zeros', () => {
    const path = fresh(BLOCK);
    truncateSync(path, 3 * BLOCK);
    const file = leased(path);
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

  test('a break recalls: the holder is told, unmaps and yields, and the truncate goes on', async () => {
    const path = fresh(4 * BLOCK);
    const file = leased(path);
    const mapping = file.mapDirect(0, 4 * BLOCK);
    const mapped: boolean[] = [];
    file.onBreak(() => mapped.push(mapping.mapped));
    assert.is(await truncate(path, 0), 'ok');
    assert.equal(mapped, [true], 'told first');
    assert.is(mapping.mapped, false);
    assert.is(file.getLease().kind, 'none');
    assert.ok(
      mount.log().includes('break: lease') && !mount.log().includes(`forced: lease on /f${made - 1} `),
    );
  });

  test('giving the lease back and closing unmap', () => {
    const file = leased(fresh(BLOCK));
    const first = file.mapDirect(0, BLOCK);
    file.setLeaseSync('none');
    assert.is(first.mapped, false);
    assert.is(
      code(() => file.mapDirect(0, BLOCK)),
      'EPERM',
    );
    file.setLeaseSync('shared');
    const second = file.mapDirect(0, BLOCK);
    file.close();
    assert.is(second.mapped, false);
  });

  test('X2: an unbreakable lease keeps the layout: others are refused, the mapping stays', async () => {
    const path = fresh(4 * BLOCK);
    const file = open(path);
    file.setLeaseSync('exclusive,unbreakable');
    const mapping = file.mapDirect(0, 4 * BLOCK);
    assert.is(await truncate(path, 0), 'ETXTBSY');
    assert.is(new Uint8Array(mapping.memory)[0], 1);
  });

  test('while it is being broken no more is granted: EAGAIN', async () => {
    const path = fresh(4 * BLOCK);
    const file = leased(path);
    const truncated = truncate(path, 0);
    await eventually('the break', () => file.getLease().breakMs > 0);
    assert.is(
      code(() => readLayout(new Calls(file.fd), 0, BLOCK, false)),
      'EAGAIN',
    );
    assert.is(await truncated, 'ok', 'by force');
    assert.is(
      code(() => readLayout(new Calls(file.fd), 0, BLOCK, false)),
      'EPERM',
    );
  });

  test('many extents are mapped side by side', () => {
    const path = mount.file(`f${made++}`);
    const other = openSync(mount.file(`f${made++}`), 'w+');
    const fd = openSync(path, 'w+');
    // Every second block of the file in another order.
    const count = 300;
    for (let n = 0; n < count; n++) {
      const at = n % 2 === 0 ? n : count - n;
      writeSync(fd, Buffer.alloc(BLOCK, at % 251), 0, BLOCK, at * BLOCK);
      writeSync(other, Buffer.alloc(BLOCK, 255), 0, BLOCK, n * BLOCK);
    }
    const file = leased(path);
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
      const path = fresh(5 * BLOCK + 10);
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

  if (store === 'pooled') {
    const NOBODY = 65534;

    test('a stale seq is refused, the present one is not', () => {
      const path = fresh(4 * BLOCK);
      const file = leased(path);
      const { seq } = file.mapDirect(0, 4 * BLOCK);
      assert.is(file.layout(0, BLOCK).seq, seq);
      writeSync(file.fd, Buffer.alloc(BLOCK), 0, BLOCK, 0);
      assert.is(file.layout(0, BLOCK).seq, seq, 'a write into blocks that are there changes no layout');
      ftruncateSync(file.fd, BLOCK);
      assert.ok(file.layout(0, BLOCK).seq > seq);
      // LAYOUT with LEASEFS_LAYOUT_SEQ
      const view = new DataView(new ArrayBuffer(4184));
      view.setUint32(0, 1, true);
      view.setUint32(4, 2, true);
      view.setBigUint64(16, 4096n, true);
      view.setBigUint64(24, BigInt(seq), true);
      assert.is(native.ioctl(file.fd, 0xd058_5986, view.buffer), -11);
      view.setBigUint64(24, BigInt(file.layout(0, BLOCK).seq), true);
      assert.is(native.ioctl(file.fd, 0xd058_5986, view.buffer), 0);
    });

    test('a granted block goes to nobody while the grant lives, unlinked or not', async () => {
      const before = used();
      const path = fresh(MIB, 5);
      const child = await mapper(path, MIB);
      children.push(child);
      // Its own truncate is not refused (X4): the blocks are the file's no more.
      unlinkSync(path);
      child.kill('SIGKILL');
      await ended(child);
      await eventually('the blocks to be free', () => {
        writeFileSync(mount.file('touch'), 'x');
        unlinkSync(mount.file('touch'));
        return used() === before;
      });
    });

    test('the owner cuts its own file: the blocks wait for the grant to end', () => {
      const file = leased(fresh(MIB));
      const before = used();
      const mapping = file.mapDirect(0, MIB);
      ftruncateSync(file.fd, 0);
      assert.is(used(), before, 'they wait');
      new Uint8Array(mapping.memory).fill(77);
      const filled = mount.file(`f${made++}`);
      writeFileSync(filled, Buffer.alloc(8 * MIB));
      new Uint8Array(mapping.memory).fill(78);
      assert.ok(
        readFileSync(filled).every(byte => byte === 0),
        'nobody got them',
      );
      file.setLeaseSync('none');
      unlinkSync(filled);
      assert.is(used(), before - MIB);
    });

    test('F20: who does not unmap when his layout is recalled keeps its blocks from everybody, nothing else', async () => {
      const path = fresh(MIB, 3);
      const before = used();
      // A client that ignores the break: a mapping of its own, which nobody unmaps.
      const file = leased(path);
      const mapping = new DirectMapping(file.fd, new Calls(file.fd), 0, MIB);
      assert.is(await truncate(path, 0), 'ok', 'by force');
      assert.is(file.getLease().kind, 'none');
      const bytes = new Uint8Array(mapping.memory).fill(66);
      const others = mount.file(`f${made++}`);
      writeFileSync(others, Buffer.alloc(8 * MIB));
      bytes.fill(67);
      assert.ok(readFileSync(others).every(byte => byte === 0));
      assert.is(used(), before + 8 * MIB, 'its blocks count as used');
      assert.is(
        code(() => leased(others).mapDirect(0, BLOCK)),
        'EBUSY',
        'the guard must stay',
      );
      mapping.unmap();
      assert.is(
        code(() => files.at(-1)!.mapDirect(0, BLOCK)),
        'ok',
      );
      unlinkSync(others);
      files.at(-1)!.close();
      await eventually('the blocks to be free', () => used() === before - MIB);
    });

    test('the memory cannot be cut, punched or grown by who was lent it', () => {
      const file = leased(fresh(MIB));
      const { segments } = readLayout(new Calls(file.fd), 0, MIB, false);
      const descriptor = openSegment(segments[0]!);
      const memory = native.map(descriptor.fd, 0, MIB, 3);
      assert.is(native.ftruncate(descriptor.fd, 0), -1);
      assert.is(native.ftruncate(descriptor.fd, 2 ** 31), -1);
      assert.is(native.fallocate(descriptor.fd, 3, 0, BLOCK), -1);
      assert.is(native.madvise(memory, 0, BLOCK, 9), -1);
      native.unmap(memory);
      descriptor.close();
    });

    test('another user is lent nothing, though the layout is granted', async () => {
      const path = fresh(MIB);
      const program = `
import fs from 'node:fs';
import { LeaseFile } from ${JSON.stringify(clientModule)};
fs.chownSync(${JSON.stringify(path)}, ${NOBODY}, ${NOBODY});
const file = LeaseFile.open(${JSON.stringify(path)});
process.setgid(${NOBODY}); process.setuid(${NOBODY});
file.setLeaseSync('exclusive');
try { file.mapDirect(0, 4096); process.stdout.write('ok'); } catch (e) { process.stdout.write(e.code); }`;
      assert.match(await node(program), /^E(PERM|ACCES)$/);
    });
  }

  test.run();
}
