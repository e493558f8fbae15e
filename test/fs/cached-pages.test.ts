// What is kept of pages in the kernel’s cache is bounded by what writes have replaced, however much is read beside it.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CachedPages } from '../../src/fs/vfs/cached-pages.js';
import { PooledStore } from '../../src/store/pooled-store.js';

const test = suite('cached pages');

const BLOCK = 4096;

test('after a write a read of a gigabyte beside it keeps nothing, and one of its blocks that block alone', () => {
  const file = new PooledStore(1 << 20).create();
  const old = new Uint8Array(3 * BLOCK).fill(1);
  file.write(0, old.length, old.buffer, 0);
  const pages = new CachedPages();
  pages.filled(0, 3 * BLOCK, true);
  pages.writing(file, BLOCK, BLOCK);
  file.write(BLOCK, BLOCK, new Uint8Array(BLOCK).fill(2).buffer, 0);
  let kept = 0;
  const { add } = Set.prototype;
  Set.prototype.add = function (value) {
    kept++;
    return add.call(this, value);
  };
  pages.filled(2 * BLOCK, 2 ** 30, true);
  pages.filled(0, BLOCK, true);
  Set.prototype.add = add;
  assert.is(kept, 0);
  // A page with the old bytes, which no store has changed.
  const back = new Uint8Array(BLOCK).fill(1);
  pages.settle(file, BLOCK, BLOCK, back.buffer, 0);
  assert.is(back[0], 2, 'it does not undo the write');
  pages.filled(BLOCK, 2 ** 30, true);
  back.fill(1);
  pages.settle(file, BLOCK, BLOCK, back.buffer, 0);
  assert.is(back[0], 1, 'a page that was read since has stores alone');
});

test.run();
