// rename(2), without a mount.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT, S_IFCHR } from '../../src/base/linux.js';
import { type InodeNumber, type Name, ROOT_INO } from '../../src/base/units.js';
import { forget } from '../../src/fs/vfs/create.js';
import { rename } from '../../src/fs/vfs/unlink-rename.js';
import { SmallFilesystem } from './small-filesystem.js';

const test = suite('rename');

const move = (
  fs: SmallFilesystem,
  name: string,
  toName: string,
  flags = 0,
  from: InodeNumber = ROOT_INO,
  to: InodeNumber = ROOT_INO,
): number => rename(fs.sb, fs.caller, from, name as Name, to, toName as Name, flags);

test('a file takes another name, and its path with it', () => {
  const fs = new SmallFilesystem();
  const dir = fs.mkdir('d');
  const { inode } = fs.create('a');
  assert.is(move(fs, 'a', 'b', 0, ROOT_INO, dir), 0);
  assert.is(fs.lookup('a'), -errno.ENOENT);
  assert.is(fs.lookup('b', dir), inode.ino);
  assert.is(fs.sb.pathOf(inode.ino), '/d/b');
});

test('a file that is renamed over lives on while it is open, and goes with its last reference', () => {
  const fs = new SmallFilesystem();
  const { inode: over, fh } = fs.create('over');
  const { inode } = fs.create('a');
  assert.is(move(fs, 'a', 'over'), 0);
  assert.is(fs.lookup('over'), inode.ino);
  assert.is(over.nlink, 0);
  forget(fs.sb, over.ino, 1);
  assert.ok(fs.sb.inode(over.ino));
  fs.sb.closeFile(fh);
  assert.not.ok(fs.sb.inode(over.ino));
});

test('A2: a file that is renamed over stays while the gate holds it', () => {
  let held = true;
  const fs = new SmallFilesystem({ holds: () => held });
  const { inode: over, fh } = fs.create('over');
  fs.create('a');
  move(fs, 'a', 'over');
  forget(fs.sb, over.ino, 1);
  fs.sb.closeFile(fh);
  assert.ok(fs.sb.inode(over.ino));
  held = false;
  fs.sb.reap(over);
  assert.not.ok(fs.sb.inode(over.ino));
});

test('a directory does not move below itself', () => {
  const fs = new SmallFilesystem();
  const dir = fs.mkdir('d');
  const below = fs.mkdir('e', dir);
  assert.is(move(fs, 'd', 'f', 0, ROOT_INO, below), -errno.EINVAL);
  assert.is(move(fs, 'd', 'd', 0, ROOT_INO, dir), -errno.EINVAL);
});

test('a directory replaces an empty directory only; a file replaces no directory', () => {
  const fs = new SmallFilesystem();
  const full = fs.mkdir('full');
  fs.create('f', full);
  fs.mkdir('empty');
  fs.mkdir('d');
  fs.create('file');
  assert.is(move(fs, 'd', 'full'), -errno.ENOTEMPTY);
  assert.is(move(fs, 'd', 'file'), -errno.ENOTDIR);
  assert.is(move(fs, 'file', 'empty'), -errno.EISDIR);
  const { nlink } = fs.sb.root;
  assert.is(move(fs, 'd', 'empty'), 0);
  assert.is(fs.sb.root.nlink, nlink - 1);
});

test('NOREPLACE, EXCHANGE and WHITEOUT do what renameat2(2) says', () => {
  const fs = new SmallFilesystem();
  const { inode: a } = fs.create('a');
  const { inode: b } = fs.create('b');
  assert.is(move(fs, 'a', 'b', RENAME_NOREPLACE), -errno.EEXIST);
  assert.is(move(fs, 'a', 'c', RENAME_EXCHANGE), -errno.ENOENT);
  assert.is(move(fs, 'a', 'b', RENAME_EXCHANGE | RENAME_WHITEOUT), -errno.EINVAL);
  assert.is(move(fs, 'a', 'b', RENAME_EXCHANGE), 0);
  assert.is(fs.lookup('a'), b.ino);
  assert.is(fs.lookup('b'), a.ino);
  assert.is(move(fs, 'b', 'c', RENAME_WHITEOUT), 0);
  assert.is(fs.lookup('c'), a.ino);
  assert.ok(fs.lookup('b') > 0);
  assert.is(fs.attr.mode, S_IFCHR);
});

test('the kernel drops cached attributes of what was renamed: its ctime moved', () => {
  const fs = new SmallFilesystem();
  const { inode } = fs.create('a');
  assert.ok(inode.cache.attrsCached);
  fs.asked.length = 0;
  move(fs, 'a', 'b');
  assert.equal(fs.asked, [`invalidate ${inode.ino}`]);
});

test.run();
