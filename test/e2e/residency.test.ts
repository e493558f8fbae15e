// More direct files than descriptors: those that no process has open or mapped rest without one, and neither a byte, nor a
// time, nor a mapping, lease or pin is lost. LEASEFS_RESIDENT_FILES files, 10,000 by default; `npm run test:long` makes a million.
import {
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { LeaseFile } from '../../src/client/index.js';
import { native, PROT_READ, PROT_WRITE, type Uring } from '../../src/native/binding.js';
import { clientModule, node } from '../support/client-process.js';
import { Mounted } from '../support/mounted.js';
import { O_RDWR } from '../support/numbers.js';
import { newSeed, random } from '../support/random.js';
import { mountedSuite } from '../support/suites.js';

const FILES = Number(process.env.LEASEFS_RESIDENT_FILES ?? 10_000);
/** Bytes by which files differ in size: a million files are of one block. */
const VARIETY = FILES > 100_000 ? 1 : 60 * 1024;
const LIMIT = 1024;
const MAPPED = 50;
const LEASED = 10;
const PINNED = 5;
/** From this file on no other process has changed the content. */
const PLAIN = MAPPED + LEASED + PINNED;
/** Layouts that each of three processes asks for. */
const ASKED = 500;
const randomModule = new URL('../support/random.js', import.meta.url).href;

/** What file `i` holds: 4 to 64 KiB, mostly not whole blocks, each word from the file's number and its place. */
function fillContent(i: number, words: Uint32Array): Uint8Array {
  const size = 4096 + ((i * 7919) % VARIETY);
  const n = Math.ceil(size / 4);
  for (let w = 0; w < n; w++) words[w] = Math.imul(i + 1, 0x9e3779b1) + w;
  return new Uint8Array(words.buffer, 0, size);
}

/** A process that maps random files from where their layout says, and compares a word of each with its content. */
const layouts = (path: string, seed: number): string => `
import { LeaseFile } from ${JSON.stringify(clientModule)};
import { random } from ${JSON.stringify(randomModule)};
const pick = random(${seed});
for (let n = 0; n < ${ASKED}; n++) {
  const i = ${PLAIN} + pick(${FILES - PLAIN});
  const file = LeaseFile.open(\`${path}/d\${i % 100}/f\${i}\`);
  const [extent] = file.layout(0, 4096).extents;
  if (extent.off !== 0 || extent.len < 4096) throw new Error(\`file \${i}: \${JSON.stringify(extent)}\`);
  try {
    file.setLeaseSync('shared,breakable');
    const [word] = new Uint32Array(file.mapDirect(0, 4096).memory);
    if (word !== Math.imul(i + 1, 0x9e3779b1) >>> 0) throw new Error(\`file \${i}: \${word}\`);
  } finally {
    file.close();
  }
}
process.stdout.write('ok');`;

const start = (): Promise<Mounted> => {
  const path = mkdtempSync(join(tmpdir(), 'leasefs-test-'));
  return Mounted.through(['prlimit', `--nofile=${LIMIT}:${LIMIT}`], path, '--store=direct');
};

mountedSuite('residency', { store: 'direct', start, needs: ['prlimit'] }, ({ test, mount }) => {
  const words = new Uint32Array(16 * 1024);
  const out = new Uint8Array(64 * 1024);
  const seed = newSeed();
  const pick = random(seed);
  const nameOf = (i: number): string => mount.file(`d${i % 100}/f${i}`);

  function sameContent(i: number): void {
    const expected = fillContent(i, words);
    const fd = openSync(nameOf(i), 'r');
    const n = readSync(fd, out, 0, out.length, 0);
    closeSync(fd);
    if (n !== expected.length || Buffer.compare(out.subarray(0, n), expected) !== 0)
      throw new Error(`file ${i} is not what was written (${n} bytes, seed ${seed})`);
  }

  test(`${FILES} files with ${LIMIT} descriptors: nothing is lost, mapped or not`, () => {
    for (let d = 0; d < 100; d++) mkdirSync(mount.file(`d${d}`));
    const maps: ArrayBuffer[] = [];
    const leases: LeaseFile[] = [];
    const rings: Uring[] = [];
    const times = new Map<number, number>();
    for (let i = 0; i < FILES; i++) {
      const fd = openSync(nameOf(i), 'wx+');
      const content = fillContent(i, words);
      assert.is(writeSync(fd, content, 0, content.length, 0), content.length);
      if (i < MAPPED) maps.push(native.map(fd, 0, content.length, PROT_READ | PROT_WRITE));
      else if (i < MAPPED + LEASED) {
        const file = LeaseFile.open(nameOf(i), O_RDWR);
        file.setLeaseSync('exclusive');
        file.pin(0, 4096);
        leases.push(file);
      } else if (i < MAPPED + LEASED + PINNED) {
        const memory = native.map(fd, 0, content.length, PROT_READ | PROT_WRITE);
        const ring = native.uring(4);
        assert.is(ring.register(memory, 0, 4096), 0);
        rings.push(ring);
        native.unmap(memory);
      } else if (i % 1000 === 0) times.set(i, fstatSync(fd).mtimeMs);
      closeSync(fd);
    }
    // Through the mappings of files that were closed long ago.
    for (let i = 0; i < MAPPED; i++) {
      const bytes = new Uint8Array(maps[i]!);
      assert.is(Buffer.compare(bytes, fillContent(i, words)), 0, `mapping ${i}`);
      bytes[0] = i + 1;
      const fd = openSync(nameOf(i), 'r');
      readSync(fd, out, 0, 1, 0);
      closeSync(fd);
      assert.is(out[0], i + 1, 'the mapping is the file');
      bytes[0] = fillContent(i, words)[0]!;
    }
    for (let i = MAPPED; i < MAPPED + LEASED; i++) {
      assert.throws(() => truncateSync(nameOf(i), 0), /EDEADLK|error -35/, 'X1: by its owner');
    }
    // A device that writes into pages that are mapped nowhere any more.
    const source = openSync(nameOf(MAPPED + LEASED + PINNED), 'r');
    for (let i = 0; i < PINNED; i++) {
      const at = MAPPED + LEASED + i;
      assert.is(rings[i]!.readFixed(source, 0, 0, 4096), 4096);
      const fd = openSync(nameOf(at), 'r');
      readSync(fd, out, 0, 4096, 0);
      closeSync(fd);
      const expected = fillContent(MAPPED + LEASED + PINNED, words).subarray(0, 4096);
      assert.is(Buffer.compare(out.subarray(0, 4096), expected), 0, `the pages of ${at} are the file's`);
    }
    closeSync(source);
    for (let n = 0; n < FILES; n++) {
      const i = pick(FILES);
      if (i < MAPPED + LEASED || i >= MAPPED + LEASED + PINNED) sameContent(i);
    }
    for (const [i, mtime] of times) assert.is(statSync(nameOf(i)).mtimeMs, mtime, `mtime of ${i}`);
    const { residency, files } = mount.report('status');
    assert.is(files, FILES);
    assert.ok(residency!.descriptors < LIMIT);
    if (FILES > LIMIT) assert.ok(residency!.closed > FILES - LIMIT, `closed ${residency!.closed}`);
    assert.ok(readdirSync(`/proc/${mount.pid}/fd`).length < LIMIT);
    for (const file of leases) file.close();
    for (const ring of rings) ring.close();
    for (const memory of maps) native.unmap(memory);
    assert.not.match(mount.log(), /EIO|refused: (ENFILE|EMFILE)/);
  });

  test('files get and lose their descriptor while processes ask for layouts and map them: each is the file', async () => {
    const before = mount.report('status').residency!.reopened;
    const said = await Promise.all([1, 2, 3].map(n => node(layouts(mount.path, seed + n))));
    assert.equal(said, ['ok', 'ok', 'ok'], `seed ${seed}`);
    if (FILES > LIMIT) assert.ok(mount.report('status').residency!.reopened > before);
  });

  test('more open files than descriptors: ENFILE, with the reason in the log, and all goes on', () => {
    const fds: number[] = [];
    const open = () => {
      for (;;) fds.push(openSync(mount.file(`open${fds.length}`), 'w+'));
    };
    assert.throws(open, /ENFILE/);
    assert.match(mount.log(), /create refused: EMFILE: .*raise RLIMIT_NOFILE/);
    mkdirSync(mount.file('still'));
    writeSync(fds[0]!, 'x');
    for (const fd of fds) closeSync(fd);
    for (let i = 0; i < 100; i++) closeSync(openSync(mount.file(`after${i}`), 'w'));
    assert.is(statSync(mount.file('open0')).size, 1);
    // Some of the files before may still have theirs.
    assert.ok(fds.length >= LIMIT / 2 - 16, `${fds.length} were open`);
  });
});
