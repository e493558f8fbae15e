// The direct store against a plain byte array: sizes, data, holes, the guard's two ways, the capacity.
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { DirectStore } from '../../src/store/direct-store.js';
import { Extent, FileStat, type StoredFile } from '../../src/store/file-store.js';
import { checkExtents } from '../support/check-extents.js';
import { suiteNeeding } from '../support/suites.js';

const BLOCK = 4096;
const KEEP = true;

suiteNeeding('direct store', ['root', 'immutable'], test => {
  let store: DirectStore;
  test.before(() => {
    store = new DirectStore({ size: 1 << 30 });
  });

  function content(file: StoredFile): Buffer {
    const out = new ArrayBuffer(file.size());
    const n = file.read(0, out.byteLength, out, 0);
    assert.is(n, out.byteLength);
    return Buffer.from(out);
  }

  function fill(file: StoredFile, off: number, len: number, byte: number): void {
    assert.is(file.write(off, len, new Uint8Array(len).fill(byte).buffer, 0), len);
  }

  test('any sequence of operations leaves what it would leave in a byte array', () => {
    const range = { off: fc.nat(5 * BLOCK), len: fc.integer({ min: 1, max: 3 * BLOCK }) };
    const operation = fc.oneof(
      fc.record({ op: fc.constant('write' as const), ...range, byte: fc.integer({ min: 1, max: 255 }) }),
      fc.record({
        op: fc.constantFrom('punch' as const, 'zero' as const, 'allocate' as const),
        ...range,
        keep: fc.boolean(),
        lift: fc.boolean(),
      }),
      fc.record({ op: fc.constant('size' as const), size: fc.nat(8 * BLOCK) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 20 }), operations => {
        const file = store.create();
        let naive = Buffer.alloc(0);
        const resize = (size: number) => {
          const next = Buffer.alloc(size);
          naive.copy(next);
          naive = next;
        };
        for (const step of operations) {
          if (step.op === 'size') {
            assert.is(file.setSize(step.size), 0);
            resize(step.size);
          } else if (step.op === 'write') {
            fill(file, step.off, step.len, step.byte);
            if (step.off + step.len > naive.length) resize(step.off + step.len);
            naive.fill(step.byte, step.off, step.off + step.len);
          } else {
            const { off, len, keep, lift } = step;
            if (step.op === 'punch') assert.is(file.punch(off, len, lift), 0);
            else {
              const beyond = keep && !lift && off + len > file.size();
              const result =
                step.op === 'zero' ? file.zero(off, len, keep, lift) : file.allocate(off, len, keep, lift);
              assert.is(result, beyond ? -errno.EOPNOTSUPP : 0);
              // A refusal clears nothing.
              if (beyond) continue;
              if (!keep && off + len > naive.length) resize(off + len);
            }
            if (step.op !== 'allocate')
              naive.fill(0, Math.min(off, naive.length), Math.min(off + len, naive.length));
          }
          assert.is(Buffer.compare(content(file), naive), 0, JSON.stringify(step));
          checkExtents(file, JSON.stringify(step));
        }
        file.free();
      }),
      { numRuns: 150 },
    );
  });

  test('a punch frees its blocks where the guard may be lifted, and keeps them where not', () => {
    const file = store.create();
    const stat = new FileStat();
    fill(file, 0, 4 * BLOCK, 1);
    file.punch(0, BLOCK, false);
    file.stat(stat);
    assert.is(stat.blocks, 4 * 8);
    file.punch(0, BLOCK, true);
    file.stat(stat);
    assert.is(stat.blocks, 3 * 8);
    file.free();
  });

  test('allocation fills holes, and hasData and hasHole tell blocks, not bytes', () => {
    const file = store.create();
    file.setSize(2 * BLOCK + 100);
    assert.not(file.hasData(0, 3));
    assert.ok(file.hasHole(0, 3));
    assert.is(file.allocate(BLOCK, BLOCK + 100, KEEP, false), 0);
    assert.ok(file.hasHole(0, 1));
    assert.ok(file.hasData(1, 3));
    assert.not(file.hasHole(1, 3), 'the block of the last byte is there');
    assert.ok(file.hasHole(1, 4), 'beyond the end is a hole');
    file.free();
  });

  test('blocks that fallocate gave beyond the end, or within it, are there: unwritten, and no hole', () => {
    const store = new DirectStore({ size: 8 * BLOCK });
    const file = store.create();
    fill(file, 0, BLOCK, 1);
    file.setSize(2 * BLOCK);
    assert.is(file.allocate(BLOCK, 5 * BLOCK, KEEP, true), 0);
    assert.ok(file.hasData(3, 4));
    assert.not(file.hasHole(0, 6), 'beyond the end too');
    checkExtents(file);
    file.setSize(8 * BLOCK);
    const extent = new Extent();
    assert.ok(file.nextExtent(2 * BLOCK, extent));
    assert.equal([extent.off, extent.len, extent.unwritten], [2 * BLOCK, 4 * BLOCK, true]);
    assert.not(file.hasHole(0, 6));
    assert.ok(file.hasHole(5, 7));
    assert.not(file.hasData(6, 8));
    checkExtents(file);
    fill(store.create(), 0, 2 * BLOCK, 1);
    assert.ok(file.fits(0, 6 * BLOCK), 'they need no other room');
    assert.is(file.allocate(0, 6 * BLOCK, KEEP, false), 0);
    assert.not(file.fits(0, 7 * BLOCK));
    fill(file, 3 * BLOCK, BLOCK, 1);
    assert.is(file.punch(2 * BLOCK, 2 * BLOCK, true), 0);
    assert.ok(file.hasHole(2, 3));
    checkExtents(file);
  });

  test('a cut of a large file goes to a thread only where it frees much', async () => {
    const file = store.create();
    const MIB = 1 << 20;
    fill(file, 0, 4 * MIB, 1);
    assert.is(file.cutAside(4 * MIB - BLOCK, false), undefined);
    assert.is(await file.cutAside(MIB, false)!(), 0);
    assert.is(file.size(), MIB);
    assert.is(file.allocate(MIB, 4 * MIB, KEEP, true), 0);
    assert.is(await file.cutAside(MIB - BLOCK, false)!(), 0, 'what lies beyond the end goes too');
    file.free();
  });

  test('what does not fit into the capacity is ENOSPC and leaves nothing', () => {
    const store = new DirectStore({ size: 4 * BLOCK });
    const file = store.create();
    fill(file, 0, 3 * BLOCK, 1);
    file.setSize(8 * BLOCK);
    assert.is(file.allocate(0, 8 * BLOCK, KEEP, false), -errno.ENOSPC);
    assert.is(file.allocate(0, 4 * BLOCK, KEEP, false), 0, 'holes alone count');
    assert.is(file.write(5 * BLOCK, 1, new ArrayBuffer(1), 0), -errno.ENOSPC);
    assert.is(file.write(100, 5 * BLOCK, new ArrayBuffer(5 * BLOCK), 0), 4 * BLOCK - 100, 'what fits');
    assert.is(file.zero(0, 8 * BLOCK, true, true), -errno.ENOSPC);
    assert.is(content(file)[0], 1, 'a refusal clears nothing');
    assert.is(file.setSize(3 * BLOCK + 1), 0);
    assert.is(file.allocate(0, 4 * BLOCK, false, true), 0, 'the block of the last byte is there');
    assert.is(file.write(0, BLOCK, new ArrayBuffer(BLOCK), 0), BLOCK, 'present blocks may be written');
    file.free();
    assert.is(store.capacity.used, 0);
  });

  test('what frees more than 1 MiB is for a thread, which does the same', async () => {
    const MIB = 1 << 20;
    const store = new DirectStore({ size: 64 * MIB });
    const file = store.create();
    fill(file, 0, MIB, 1);
    assert.is(file.cutAside(0, false), undefined);
    assert.is(file.punchAside(0, 8 * MIB), undefined);
    assert.is(typeof file.cutAside(0, true), 'function', 'a writer may hold it up');
    fill(file, MIB, 7 * MIB, 2);
    assert.is(file.punchAside(0, MIB), undefined);
    assert.is(await file.punchAside(4096, 4 * MIB)!(), 0);
    assert.is(store.capacity.used, 4 * MIB);
    assert.is(file.size(), 8 * MIB);
    assert.equal([...content(file).subarray(4095, 4098)], [1, 0, 0]);
    assert.is(file.punch(0, 4096, true), 0);
    assert.is(await file.cutAside(6 * MIB + 1, false)!(), 0);
    assert.is(file.size(), 6 * MIB + 1);
    assert.is(store.capacity.used, 2 * MIB);
    const cut = file.cutAside(4096, false)!;
    assert.is(file.rest(), 0);
    assert.is(await cut(), 0, 'it has rested since');
    assert.is(file.size(), 4096);
    file.free();
    const other = store.create();
    fill(other, 0, 4 * MIB, 3);
    assert.is(other.rest(), 0);
    const freeing = other.free()!;
    assert.is(freeing.bytes, 4 * MIB);
    assert.is(store.capacity.used, 4 * MIB);
    assert.is(await freeing.start(), 0);
    assert.is(store.capacity.used, 0);
    assert.is(store.descriptors, 0);
  });
});
