// Open descriptions: a user has a share of them.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { FIRST_VIRTUAL, ROOT_INO } from '../../src/base/units.js';
import { open } from '../../src/fs/vfs/open.js';
import { opendir } from '../../src/fs/vfs/readdir.js';
import { Virtual, type VirtualFile, type VirtualTree } from '../../src/fs/vfs/virtual.js';
import { PooledStore } from '../../src/store/pooled-store.js';
import { SmallFilesystem } from './small-filesystem.js';

const test = suite('descriptions');

test('one user has a quarter of them, of files and directories, and others go on: ENFILE', () => {
  const fs = new SmallFilesystem({}, new PooledStore(1 << 22), 100, 16);
  fs.caller.uid = 21_000;
  const { inode, fh } = fs.create('f');
  assert.is(open(fs.sb, fs.caller, inode.ino, 0, fs.opened), 0);
  assert.is(opendir(fs.sb, fs.caller, ROOT_INO, 0, fs.opened), 0);
  assert.is(opendir(fs.sb, fs.caller, ROOT_INO, 0, fs.opened), 0);
  assert.is(opendir(fs.sb, fs.caller, ROOT_INO, 0, fs.opened), -errno.ENFILE);
  assert.is(open(fs.sb, fs.caller, inode.ino, 0, fs.opened), -errno.ENFILE);
  assert.throws(() => fs.create('not made'), /-23/);
  assert.is(fs.lookup('not made'), -errno.ENOENT);
  fs.caller.uid = 0;
  assert.is(open(fs.sb, fs.caller, inode.ino, 0, fs.opened), 0);
  fs.caller.uid = 21_000;
  fs.sb.closeFile(fh);
  assert.is(open(fs.sb, fs.caller, inode.ino, 0, fs.opened), 0);
});

test('virtual files count too', () => {
  const fs = new SmallFilesystem({}, new PooledStore(1 << 22), 100, 16);
  fs.caller.uid = 21_000;
  const file: VirtualFile = {
    stream: false,
    read: () => 0,
    write: () => 0,
    ready: () => true,
    listen() {},
    close() {},
  };
  const virtual = new Virtual(fs.sb, { open: () => file } as unknown as VirtualTree);
  const opens = (): number => virtual.open(fs.caller, FIRST_VIRTUAL, 0, fs.opened);
  for (let n = 0; n < 4; n++) assert.is(opens(), 0);
  assert.is(opens(), -errno.ENFILE);
  virtual.release(fs.opened.fh);
  assert.is(opens(), 0);
});

test.run();
