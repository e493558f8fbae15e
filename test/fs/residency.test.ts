// Which files keep a descriptor: over the budget, those that were closed longest ago rest, and get one again when opened.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { open } from '../../src/fs/vfs/open.js';
import { setSize } from '../../src/fs/vfs/space.js';
import type { FileStore, StoredFile } from '../../src/store/file-store.js';
import { PooledStore } from '../../src/store/pooled-store.js';
import { SmallFilesystem } from './small-filesystem.js';

const test = suite('residency');

/** The pooled store where each file costs a descriptor, as the direct store's do. `mapped`: files that cannot rest. */
class CostlyStore {
  descriptors = 0;
  readonly mapped = new Set<StoredFile>();
  readonly store: FileStore;

  constructor() {
    const pooled = new PooledStore(1 << 22);
    this.store = Object.create(pooled, {
      descriptors: { get: () => this.descriptors },
      create: { value: () => this.costly(pooled.create()) },
    });
  }

  private costly(pooled: StoredFile): StoredFile {
    let backing = 100;
    this.descriptors++;
    const set = (to: number): number => {
      this.descriptors += Math.sign(to - backing);
      backing = to;
      return 0;
    };
    const file: StoredFile = Object.create(pooled, {
      backing: { get: () => backing },
      rest: { value: () => (this.mapped.has(file) ? -errno.EBUSY : set(-1)) },
      wake: { value: () => set(100) },
    });
    return file;
  }
}

/** `count` closed files, the first one closed first; 8 of them may have a descriptor. */
function closedFiles(count: number) {
  const costly = new CostlyStore();
  const fs = new SmallFilesystem({}, costly.store, 8);
  const files = Array.from({ length: count }, (_, n) => {
    const { inode, fh } = fs.create(`f${n}`);
    fs.sb.closeFile(fh);
    return inode;
  });
  const resident = () => files.map(({ file }) => (file!.backing >= 0 ? 'open' : 'rests'));
  return { fs, costly, files, resident };
}

test('within the budget every file keeps its descriptor', () => {
  const { resident, fs } = closedFiles(7);
  assert.equal(resident(), Array(7).fill('open'));
  assert.is(fs.sb.residency.closed, 0);
});

test('beyond it the file that was closed longest ago rests', () => {
  const { resident, fs, files } = closedFiles(8);
  assert.equal(resident(), ['rests', ...Array(7).fill('open')]);
  assert.ok(fs.asked.includes(`gone ${files[0]!.ino}`), 'the kernel has let go of it');
});

test('an open or a truncate brings it back, and another rests for it', () => {
  const { resident, fs, files } = closedFiles(8);
  assert.is(open(fs.sb, fs.caller, files[0]!.ino, 0, fs.opened), 0);
  assert.ok(fs.opened.backing >= 0);
  assert.equal(resident(), ['open', 'rests', ...Array(6).fill('open')]);
  assert.is(fs.sb.residency.reopened, 1);
  assert.is(setSize(fs.sb, fs.caller, files[1]!, 100, undefined, false), 0);
  assert.equal(resident(), ['open', 'open', 'rests', ...Array(5).fill('open')]);
});

test('a file that is mapped keeps it, and is tried again later', () => {
  const { fs, costly, files, resident } = closedFiles(7);
  costly.mapped.add(files[0]!.file!);
  const { fh } = fs.create('one more');
  fs.sb.closeFile(fh);
  assert.equal(resident(), ['open', 'rests', ...Array(5).fill('open')]);
  costly.mapped.clear();
  for (let n = 0; n < 7; n++) fs.sb.closeFile(fs.create(`more${n}`).fh);
  assert.equal(resident(), Array(7).fill('rests'));
});

test('where all files are open, one more is ENFILE', () => {
  const fs = new SmallFilesystem({}, new CostlyStore().store, 8);
  for (let n = 0; n < 8; n++) fs.create(`f${n}`);
  assert.throws(() => fs.create('one more'), /-23/);
});

test('one user has a quarter of the descriptors for open files, and root goes on: ENFILE', () => {
  const fs = new SmallFilesystem({}, new CostlyStore().store, 32);
  const roots = fs.create('of root');
  fs.sb.closeFile(roots.fh);
  fs.caller.uid = 21_000;
  const files = Array.from({ length: 8 }, (_, n) => fs.create(`f${n}`));
  assert.throws(() => fs.create('one more'), /-23/);
  assert.is(open(fs.sb, fs.caller, roots.inode.ino, 0, fs.opened), -errno.ENFILE);
  assert.is(open(fs.sb, fs.caller, files[0]!.inode.ino, 0, fs.opened), 0, 'it has its descriptor');
  fs.caller.uid = 2000;
  assert.is(open(fs.sb, fs.caller, files[0]!.inode.ino, 0, fs.opened), 0, 'of the share of the first');
  for (let n = 0; n < 8; n++) fs.create(`g${n}`);
  fs.caller.uid = 0;
  for (let n = 0; n < 8; n++) fs.create(`r${n}`);
  fs.caller.uid = 21_000;
  fs.sb.closeFile(files[1]!.fh);
  fs.create('after a close');
});

test('files that are closed and mapped are of the share of who opened them, and leave others theirs', () => {
  const costly = new CostlyStore();
  const fs = new SmallFilesystem({}, costly.store, 32);
  fs.caller.uid = 21_000;
  const close = (): void => {
    const { inode, fh } = fs.create(`f${costly.descriptors}`);
    costly.mapped.add(inode.file!);
    fs.sb.closeFile(fh);
  };
  for (let n = 0; n < 28; n++) close();
  assert.throws(close, /-23/);
  assert.throws(close, /-23/);
  fs.caller.uid = 2000;
  const { inode } = fs.create('of another user');
  fs.create('the last but root’s');
  assert.throws(close, /-23/);
  fs.caller.uid = 0;
  fs.create('of root');
  fs.create('another');
  assert.throws(() => fs.create('one more'), /-23/);
  fs.caller.uid = 21_000;
  assert.is(open(fs.sb, fs.caller, inode.ino, 0, fs.opened), 0, 'of the share of the first');
  costly.mapped.clear();
  for (let n = 0; n < 8; n++) fs.create(`after their end ${n}`);
  assert.throws(() => fs.create('one more'), /-23/);
});

test.run();
