// Which files keep a descriptor: over the budget, those that were closed longest ago move out, and come back when opened.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import type { InodeNumber } from '../../src/base/units.js';
import { open } from '../../src/fs/vfs/open.js';
import type { FileStore, Moves, StoredFile } from '../../src/store/file-store.js';
import { PooledStore } from '../../src/store/pooled-store.js';
import { SmallFilesystem } from './small-filesystem.js';

const test = suite('residency');

/** The pooled store where each file costs a descriptor, as the direct store's do. `stays`: files that cannot move. */
class MovingStore implements Moves {
  descriptors = 0;
  readonly stays = new Set<StoredFile>();
  readonly store: FileStore;

  constructor() {
    const pooled = new PooledStore(1 << 22);
    this.store = Object.create(pooled, {
      moves: { value: this },
      create: { value: () => this.with(pooled.create()) },
    });
  }

  out(file: StoredFile): StoredFile | number {
    if (this.stays.has(file)) return -errno.EAGAIN;
    this.descriptors--;
    return Object.create(Object.getPrototypeOf(file), { backing: { value: -1 } });
  }

  in(file: StoredFile): StoredFile | number {
    return this.with(Object.getPrototypeOf(file));
  }

  private with(file: StoredFile): StoredFile {
    this.descriptors++;
    return Object.create(file, { backing: { value: 100 + this.descriptors } });
  }
}

/** `count` closed files, the first one closed first; 8 of them may have a descriptor. */
function closedFiles(count: number, held = new Set<InodeNumber>()) {
  const moving = new MovingStore();
  const fs = new SmallFilesystem({ holds: ino => held.has(ino) }, moving.store, 8);
  const files = Array.from({ length: count }, (_, n) => {
    const { inode, fh } = fs.create(`f${n}`);
    fs.sb.closeFile(fh);
    return inode;
  });
  const resident = () => files.map(({ file }) => (file!.backing >= 0 ? 'in' : 'out'));
  return { fs, moving, files, resident };
}

test('within the budget every file keeps its descriptor', () => {
  const { resident, fs } = closedFiles(7);
  assert.equal(resident(), Array(7).fill('in'));
  assert.is(fs.sb.residency.movedOut, 0);
});

test('beyond it the file that was closed longest ago moves out', () => {
  const { resident, fs, files } = closedFiles(8);
  assert.equal(resident(), ['out', ...Array(7).fill('in')]);
  assert.ok(fs.asked.includes(`gone ${files[0]!.ino}`));
});

test('an open brings it back, and another moves out for it', () => {
  const { resident, fs, files } = closedFiles(8);
  assert.is(open(fs.sb, fs.caller, files[0]!.ino, 0, fs.opened), 0);
  assert.ok(fs.opened.backing >= 0);
  assert.equal(resident(), ['in', 'out', ...Array(6).fill('in')]);
  assert.is(fs.sb.residency.movedIn, 1);
});

test('a file that the gate holds never moves, nor one that is in use', () => {
  const held = new Set<InodeNumber>();
  const { fs, moving, files, resident } = closedFiles(7, held);
  held.add(files[0]!.ino);
  moving.stays.add(files[1]!.file!);
  fs.create('one more');
  assert.equal(resident(), ['in', 'in', 'out', ...Array(4).fill('in')]);
});

test('where all files are open, one more is ENFILE', () => {
  const moving = new MovingStore();
  const fs = new SmallFilesystem({}, moving.store, 8);
  for (let n = 0; n < 8; n++) fs.create(`f${n}`);
  assert.throws(() => fs.create('one more'), /-23/);
});

test('one user has a quarter of the descriptors for open files, and root goes on: ENFILE', () => {
  const moving = new MovingStore();
  const fs = new SmallFilesystem({}, moving.store, 32);
  const roots = fs.create('of root');
  fs.sb.closeFile(roots.fh);
  fs.caller.uid = 1000;
  const files = Array.from({ length: 8 }, (_, n) => fs.create(`f${n}`));
  assert.throws(() => fs.create('one more'), /-23/);
  assert.is(open(fs.sb, fs.caller, roots.inode.ino, 0, fs.opened), -errno.ENFILE);
  assert.is(open(fs.sb, fs.caller, files[0]!.inode.ino, 0, fs.opened), 0, 'it has its descriptor');
  fs.caller.uid = 2000;
  assert.is(open(fs.sb, fs.caller, files[0]!.inode.ino, 0, fs.opened), 0, 'of the share of the first');
  for (let n = 0; n < 8; n++) fs.create(`g${n}`);
  fs.caller.uid = 0;
  for (let n = 0; n < 8; n++) fs.create(`r${n}`);
  fs.caller.uid = 1000;
  fs.sb.closeFile(files[1]!.fh);
  fs.create('after a close');
});

test('the last descriptors are root’s, also where closed files cannot move', () => {
  const moving = new MovingStore();
  const fs = new SmallFilesystem({}, moving.store, 32);
  fs.caller.uid = 1000;
  const close = (): void => {
    const { inode, fh } = fs.create(`f${moving.descriptors}`);
    moving.stays.add(inode.file!);
    fs.sb.closeFile(fh);
  };
  for (let n = 0; n < 30; n++) close();
  assert.throws(close, /-23/);
  fs.caller.uid = 0;
  fs.create('of root');
  fs.create('another');
  assert.throws(() => fs.create('one more'), /-23/);
});

test.run();
