// How long the kernel may cache attributes, and when they are taken over from the store.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { S_ISUID } from '../../src/base/linux.js';
import { BLOCK } from '../../src/base/units.js';
import { write } from '../../src/fs/vfs/file-io.js';
import type { Inode } from '../../src/fs/vfs/inode.js';
import type { FileStat, FileStore } from '../../src/store/file-store.js';
import { PooledStore } from '../../src/store/pooled-store.js';
import { SmallFilesystem } from './small-filesystem.js';

const test = suite('attribute cache');

const data = new ArrayBuffer(BLOCK);

const isLasting = (fs: SmallFilesystem, inode: Inode): boolean => {
  fs.sb.attributes(inode, fs.attr);
  return fs.attr.lasting;
};

/** The pooled store where it says that a file's memory is its own, as the direct store's is. */
const direct = (): FileStore =>
  Object.create(new PooledStore(1 << 22), { isDirect: { value: true } }) as FileStore;

test('pooled: attributes last until pages come back from the kernel, and again after the last close', () => {
  const fs = new SmallFilesystem();
  const { inode, fh } = fs.create('f');
  assert.ok(isLasting(fs, inode));
  fs.asked.length = 0;
  write(fs.sb, fs.caller, inode.ino, fh, 0, BLOCK, data, 0, true);
  assert.equal(fs.asked, [`invalidate ${inode.ino} async`]);
  assert.not(isLasting(fs, inode));
  fs.sb.closeFile(fh);
  assert.ok(isLasting(fs, inode));
});

test('setuid and setgid are asked for each time: a write clears them without a word', () => {
  const fs = new SmallFilesystem();
  const { inode } = fs.create('f');
  inode.mode |= S_ISUID;
  assert.not(isLasting(fs, inode));
});

test('direct: not while it is open for stores, nor with holes', () => {
  const fs = new SmallFilesystem({}, direct());
  const { inode, fh } = fs.create('f');
  assert.ok(isLasting(fs, inode), 'no mapping reaches an empty file');
  inode.file!.write(0, BLOCK, data, 0);
  assert.not(isLasting(fs, inode));
  fs.sb.closeFile(fh);
  assert.ok(isLasting(fs, inode));
  inode.file!.setSize(3 * BLOCK);
  assert.not(isLasting(fs, inode), 'a page fault would take blocks');
});

test('direct: blocks beyond the end are asked for', () => {
  const fs = new SmallFilesystem({}, direct());
  const { inode, fh } = fs.create('f');
  inode.file!.write(0, BLOCK, data, 0);
  fs.sb.closeFile(fh);
  inode.cache.allocatedBeyondEof = true;
  assert.not(isLasting(fs, inode));
});

test('refresh takes over the times that the store moved, and clears setuid after a write it had not seen', () => {
  const fs = new SmallFilesystem();
  const { inode } = fs.create('f');
  inode.mode |= S_ISUID;
  // As the direct store, which counts no changes.
  const times: Partial<FileStat> = { mtime: 1234, mtimeNsec: 5, changes: undefined };
  const { file } = inode;
  inode.file = Object.assign(Object.create(file!), {
    stat: (out: FileStat) => {
      file!.stat(out);
      Object.assign(out, times);
    },
  });
  fs.sb.refresh(inode);
  assert.equal({ ...inode.mtime }, { sec: 1234, nsec: 5 });
  assert.is(inode.mode & S_ISUID, 0);
  inode.mode |= S_ISUID;
  fs.sb.refresh(inode);
  assert.ok(inode.mode & S_ISUID, 'unchanged times clear nothing');
});

test.run();
