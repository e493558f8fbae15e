// What statfs says of space.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Name, ROOT_INO } from '../../src/base/units.js';
import { StatFs } from '../../src/fs/operations.js';
import { statfs } from '../../src/fs/vfs/attributes.js';
import { forget } from '../../src/fs/vfs/create.js';
import { unlink } from '../../src/fs/vfs/unlink-rename.js';
import type { FileStore, StoredFile } from '../../src/store/file-store.js';
import { PooledStore } from '../../src/store/pooled-store.js';
import { SmallFilesystem } from './small-filesystem.js';

const BLOCK = 4096;
const TOTAL = 1024;

const test = suite('statfs');

test('what a thread is still freeing of a removed file is free', async () => {
  const pooled = new PooledStore(TOTAL * BLOCK);
  let freed = (): void => {};
  const ends = new Promise<number>(resolve => {
    freed = () => resolve(0);
  });
  const slowly = (file: StoredFile): StoredFile =>
    Object.create(file, {
      free: {
        value: () => ({
          bytes: 100 * BLOCK,
          start: async () => {
            await ends;
            file.free();
            return 0;
          },
        }),
      },
    });
  const store: FileStore = Object.create(pooled, { create: { value: () => slowly(pooled.create()) } });
  const fs = new SmallFilesystem({}, store);
  const out = new StatFs();
  const free = (): number => {
    assert.is(statfs(fs.sb, out), 0);
    return out.blocksFree;
  };
  const { inode, fh } = fs.create('f');
  inode.file!.allocate(0, 100 * BLOCK, false, true);
  assert.is(free(), TOTAL - 100);
  fs.sb.closeFile(fh);
  assert.is(unlink(fs.sb, ROOT_INO, 'f' as Name), 0);
  forget(fs.sb, inode.ino, inode.nlookup);
  assert.is(pooled.capacity.used, 100 * BLOCK, 'the thread has not ended');
  assert.is(free(), TOTAL);
  freed();
  await ends;
  assert.is(free(), TOTAL);
});

test.run();
