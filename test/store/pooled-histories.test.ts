// The pooled store across the death of its daemon: any history, with deaths between and within commits and the journal
// written anew all the time, against byte arrays.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { BLOCK } from '../../src/base/units.js';
import type { Extent, FileStat, StoredFile } from '../../src/store/file-store.js';
import { checkExtents } from '../support/check-extents.js';
import { Naive } from '../support/naive-file.js';
import { PooledWorld } from '../support/pooled-world.js';
import { bytesOf, extentsOf, statOf } from '../support/stored-file.js';

const MIB = 1 << 20;
const test = suite('histories of the pooled store with deaths');

/** All that is to be the same after a death. */
interface Seen {
  readonly file: StoredFile;
  readonly stat: FileStat;
  readonly seq: number;
  readonly extents: Extent[];
  readonly naive: Naive;
}

/** What is done, on which file, and two numbers that say how. */
type Step = [op: number, which: number, a: number, b: number];

/** A file, its model, and the byte ranges that were changed in place since the last commit. */
interface Slot {
  file: StoredFile;
  naive: Naive;
  touched: (readonly [number, number])[];
}

const copyOf = ({ bytes, blocks }: Naive): Naive => {
  const copy = new Naive();
  copy.bytes = Buffer.from(bytes);
  for (const [pgoff, isWritten] of blocks) copy.blocks.set(pgoff, isWritten);
  return copy;
};

/** Bytes that a file is written with: of no other file that lives within 60 files. */
const byteFor = (file: StoredFile, n: number): number => 1 + ((file.number * 4 + (n % 4)) % 255);

/** Carries a history out on a store and on its model. */
class History {
  private world: PooledWorld;
  private readonly slots: Slot[];
  private committed: Seen[] = [];
  private total: number;
  private committedTotal = 0;
  /** Files that are gone since the last commit, which removed them. */
  private freed = 0;
  /** What was done since the last commit: the kernel sends it again. */
  private since: Step[] = [];
  private isSentAgain = false;
  private readonly isRoomy: boolean;

  /** @param total blocks; roomy: never full, so no block is used before the commit that frees it */
  constructor(total: number, isRoomy: boolean, small: number) {
    this.total = total;
    this.isRoomy = isRoomy;
    this.world = new PooledWorld({ size: total * BLOCK, small });
    this.slots = Array.from({ length: 4 }, () => this.newSlot());
    this.commit();
  }

  step(op: number, which: number, a: number, b: number): void {
    if (op <= 14 && op !== 11) this.since.push([op, which, a, b]);
    const slot = this.slots[which % this.slots.length]!;
    const { file, naive } = slot;
    const off = a % 2 === 0 ? ((a >> 1) % 20) * BLOCK : (a >> 1) % (20 * BLOCK);
    const len = b % 2 === 0 ? (1 + ((b >> 1) % 8)) * BLOCK : 1 + ((b >> 1) % (4 * BLOCK));
    const keep = (a ^ b) % 3 === 0;
    if (op <= 4) this.write(slot, off, len, byteFor(file, a));
    else if (op <= 6) this.setSize(slot, a % (30 * BLOCK));
    else if (op <= 8) {
      assert.is(file.punch(off, len, true), 0);
      naive.clear(off, len);
      naive.drop(Math.ceil(off / BLOCK), Math.floor((off + len) / BLOCK));
      slot.touched.push(
        [off, Math.ceil(off / BLOCK) * BLOCK],
        [Math.floor((off + len) / BLOCK) * BLOCK, off + len],
      );
    } else if (op <= 10) this.allocate(slot, off, len, keep, op === 10);
    else if (op === 11) {
      this.slots[which % this.slots.length] = this.newSlot();
      this.commit();
      file.free();
      this.freed++;
    } else if (op === 12) {
      assert.is(file.commit(off - (off % BLOCK), len), 0);
      for (let i = Math.floor(off / BLOCK); i < Math.floor(off / BLOCK) + Math.ceil(len / BLOCK); i++)
        if (naive.blocks.has(i)) naive.blocks.set(i, true);
    } else if (op === 13) this.copy(slot, off, len);
    else if (op === 14) this.resize(a);
    else if (op <= 18) this.commit();
    else if (op === 19) this.dieAfterCommit(a);
    else if (op === 20) this.die();
    else this.world.store.tidy();
    // A write that is to come again may show already.
    if (!this.isSentAgain) this.check(this.slots[which % this.slots.length]!);
  }

  checkAll(): void {
    for (const slot of this.slots) {
      this.check(slot);
      checkExtents(slot.file);
    }
    assert.is(this.world.store.capacity.used, this.used * BLOCK);
  }

  private check({ file, naive }: Slot): void {
    const stat = statOf(file);
    assert.is(stat.size, naive.bytes.length);
    assert.is(stat.blocks, naive.blocks.size * 8);
    assert.is(Buffer.compare(bytesOf(file), naive.bytes), 0);
    for (let i = 0; i < 30; i++)
      if (file.hasData(i, i + 1) !== naive.blocks.has(i)) assert.unreachable(`block ${i}`);
  }

  private get used(): number {
    return this.slots.reduce((sum, { naive: { blocks } }) => sum + blocks.size, 0);
  }

  private newSlot(): Slot {
    return { file: this.world.store.create(), naive: new Naive(), touched: [] };
  }

  private write(slot: Slot, off: number, len: number, byte: number): void {
    const { file, naive } = slot;
    const fits = naive.fitting(off, len, this.total - this.used);
    assert.is(
      file.write(off, len, new Uint8Array(len).fill(byte).buffer, 0),
      fits === 0 ? -errno.ENOSPC : fits,
    );
    slot.touched.push([off, off + fits]);
    if (fits === 0) return;
    naive.grow(off + fits);
    naive.bytes.fill(byte, off, off + fits);
    naive.give(off, fits, true);
  }

  private setSize(slot: Slot, size: number): void {
    const { file, naive } = slot;
    assert.is(file.setSize(size), 0);
    slot.touched.push([size, Math.ceil(size / BLOCK) * BLOCK]);
    if (size <= naive.bytes.length) naive.drop(Math.ceil(size / BLOCK), Number.POSITIVE_INFINITY);
    naive.resize(size);
  }

  private allocate(slot: Slot, off: number, len: number, keep: boolean, zeroed: boolean): void {
    const { file, naive } = slot;
    const isFull = this.used + naive.missing(off, len) > this.total;
    const result = zeroed ? file.zero(off, len, keep, true) : file.allocate(off, len, keep, true);
    assert.is(result, isFull ? -errno.ENOSPC : 0);
    if (isFull) return;
    naive.give(off, len, false);
    if (!keep) naive.grow(off + len);
    if (!zeroed) return;
    naive.clear(off, len);
    slot.touched.push([off, off + len]);
  }

  /** As copy_file_range within a file, by read and write. */
  private copy({ file, naive, touched }: Slot, off: number, len: number): void {
    const buffer = new ArrayBuffer(len);
    const n = file.read(off, len, buffer, 0);
    if (n <= 0) return;
    const at = off + BLOCK;
    const fits = naive.fitting(at, n, this.total - this.used);
    assert.is(file.write(at, n, buffer, 0), fits === 0 ? -errno.ENOSPC : fits);
    touched.push([at, at + fits]);
    if (fits === 0) return;
    naive.grow(at + fits);
    Buffer.from(buffer, 0, fits).copy(naive.bytes, at);
    naive.give(at, fits, true);
  }

  private resize(a: number): void {
    const blocks = this.total - (a % 5);
    const can = blocks >= this.used;
    assert.is(this.world.store.resize(blocks * BLOCK), can ? 0 : -errno.EINVAL);
    if (can) this.total = blocks;
  }

  private commit(): void {
    this.world.commit();
    this.committed = this.slots.map(slot => {
      slot.touched = [];
      return {
        file: slot.file,
        stat: statOf(slot.file),
        seq: slot.file.seq,
        extents: extentsOf(slot.file),
        naive: copyOf(slot.naive),
      };
    });
    this.committedTotal = this.total;
    this.since = [];
    this.freed = 0;
  }

  /** @param a now and then no inode has one of the files */
  private dieAfterCommit(a: number): void {
    this.commit();
    const { used } = this.world.store.capacity;
    this.world = this.world.died();
    assert.is(this.world.store.capacity.used, used);
    const lost = a % 8;
    this.committed.forEach((seen, i) => {
      if (i === lost) return;
      this.slots[i] = { file: this.same(seen), naive: seen.naive, touched: [] };
    });
    assert.is(this.world.store.freeUnclaimed(), lost < this.slots.length ? 1 : 0);
    if (lost < this.slots.length) this.slots[lost] = this.newSlot();
    this.commit();
    this.checkAll();
  }

  private die(): void {
    const { since, freed } = this;
    this.world = this.world.died();
    this.total = this.committedTotal;
    const touched = new Map(this.slots.map(slot => [slot.file, slot.touched]));
    this.committed.forEach((seen, i) => {
      const file = this.same(seen);
      const bytes = bytesOf(file);
      if (this.isRoomy) checkBytes(file, bytes, seen.naive.bytes, touched.get(seen.file) ?? []);
      seen.naive.bytes = bytes;
      this.slots[i] = { file, naive: seen.naive, touched: [] };
    });
    assert.is(this.world.store.freeUnclaimed(), freed, 'files that were made since are unknown');
    this.commit();
    this.isSentAgain = true;
    for (const step of since) this.step(...step);
    this.isSentAgain = false;
    this.checkAll();
  }

  /** The file after a death, which is what it was. */
  private same({ file, stat, seq, extents }: Seen): StoredFile {
    const now = this.world.restored(file);
    assert.equal([now.number, now.seq], [file.number, seq]);
    assert.equal(statOf(now), stat);
    assert.equal(extentsOf(now), extents);
    return now;
  }
}

/** In what was not touched the bytes are the same, elsewhere the file's own: never those of another file. */
function checkBytes(
  file: StoredFile,
  now: Buffer,
  before: Buffer,
  touched: readonly (readonly [number, number])[],
): void {
  const own = new Set([0, ...[0, 1, 2, 3].map(n => byteFor(file, n))]);
  assert.ok(now.every(byte => own.has(byte)));
  for (const [from, to] of touched) {
    now.copy(before, Math.min(from, before.length), Math.min(from, now.length), Math.min(to, now.length));
  }
  assert.is(Buffer.compare(now, before), 0);
}

const steps: fc.Arbitrary<Step> = fc.tuple(fc.nat(21), fc.nat(3), fc.nat(2 ** 17), fc.nat(2 ** 16));

function holds(total: number, isRoomy: boolean, small: number, numRuns: number): void {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 120, size: 'max' }), history => {
      const run = new History(total, isRoomy, small);
      for (const step of history) run.step(...step);
      run.step(19, 0, 7, 0);
      run.checkAll();
    }),
    // A history is cut short by hand: fast-check takes minutes for it.
    { numRuns, endOnFailure: true },
  );
}

test('any history with deaths is what it is without them; a death before a commit undoes the rest', () => {
  holds(600, true, 400, 24);
});

test('the same while the store is full most of the time', () => {
  holds(48, false, 400, 24);
});

test('the same with a journal that is never written anew', () => {
  holds(600, true, MIB, 8);
});

test.run();
