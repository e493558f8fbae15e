// Open descriptions: a user has a share of them; what a statfs looks at is bounded.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { ROOT_INO } from '../../src/base/units.js';
import { StatFs } from '../../src/fs/operations.js';
import { statfs } from '../../src/fs/vfs/attributes.js';
import { open } from '../../src/fs/vfs/open.js';
import { opendir } from '../../src/fs/vfs/readdir.js';
import type { FileStore, StoredFile } from '../../src/store/file-store.js';
import { PooledStore } from '../../src/store/pooled-store.js';
import { SmallFilesystem } from './small-filesystem.js';

const test = suite('descriptions');

test('one user has a quarter of them, of files and directories, and others go on: ENFILE', () => {
  const fs = new SmallFilesystem({}, new PooledStore(1 << 22), 100, 16);
  fs.caller.uid = 1000;
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
  fs.caller.uid = 1000;
  fs.sb.closeFile(fh);
  assert.is(open(fs.sb, fs.caller, inode.ino, 0, fs.opened), 0);
});

test('statfs looks at 512 of the files that are open for writing, and at the others next', () => {
  const looked = new Map<string, number>();
  const pooled = new PooledStore(1 << 26);
  let made = 0;
  const watched = (file: StoredFile, name: string): StoredFile =>
    Object.create(file, {
      size: {
        value: () => {
          looked.set(name, (looked.get(name) ?? 0) + 1);
          return file.size();
        },
      },
    });
  const store: FileStore = Object.create(pooled, {
    isDirect: { value: true },
    create: { value: () => watched(pooled.create(), `${made++}`) },
  });
  const fs = new SmallFilesystem({}, store, 100, 4096, 2000);
  for (let n = 0; n < 600; n++) fs.create(`f${n}`);
  looked.clear();
  const total = (): number => [...looked.values()].reduce((sum, n) => sum + n, 0);
  statfs(fs.sb, new StatFs());
  assert.is(total(), 512);
  statfs(fs.sb, new StatFs());
  assert.is(total(), 1024);
  assert.is(looked.size, 600);
});

test.run();
