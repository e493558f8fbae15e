// What one user may take of the memory of extent maps by the files of others, and what one request walks of a map.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { BLOCK } from '../../src/base/units.js';
import { MORE } from '../../src/store/file-store.js';
import { PooledStore } from '../../src/store/pooled-store.js';

const test = suite('bounds of extent maps');

test('whether a large range fits is asked of no more than 16,384 of its runs', () => {
  const store = new PooledStore(512 << 20);
  const file = store.create(0);
  // Each second block is written: 65,536 runs; half of the store is free, less than the range is long.
  assert.is(file.allocate(0, 256 << 20, false, true), 0);
  for (let at = 0; at < 256 << 20; at += 2 * BLOCK) file.commit(at, BLOCK);
  assert.is(file.extentCount(), 65_536);
  const { map } = file as unknown as { map: { translate: (pgoff: number) => number } };
  const translate = map.translate.bind(map);
  let looks = 0;
  map.translate = pgoff => {
    looks++;
    return translate(pgoff);
  };
  assert.ok(file.fits(0, 256 << 20));
  assert.is(looks, 0, 'there are as many free blocks as it is long');
  assert.ok(file.fits(0, 300 << 20));
  assert.is(looks, 16_384);
  assert.not.ok(file.hasHole(0, (256 << 20) / BLOCK));
  assert.ok(file.hasHole(0, (256 << 20) / BLOCK + 1));
  assert.is(looks, 16_384);
  assert.is(file.allocate(0, 600 << 20, false, true), -errno.ENOSPC, 'what does not fit gets nothing');
});

test('who makes a file grow pays for its extent map, not who made the file, and is repaid when it shrinks', () => {
  const store = new PooledStore(64 << 20);
  const files = Array.from({ length: 400 }, (_, n) => store.create(n % 2 === 0 ? 0 : 1002));
  const grow = (n: number, uid: number): number => {
    const file = files[n]!;
    file.chargeTo(uid);
    return file.write(2 ** 50, 1, new ArrayBuffer(1), 0);
  };
  let count = 0;
  while (count < files.length && grow(count, 1001) === 1) count++;
  assert.ok(count > 200 && count <= 256, `${count} of 1024`);
  assert.ok(store.isShort(1001));
  assert.is(grow(count, 1002), 1, 'the maker of half of the files has its whole share');
  // Of a file of two users each has what is its own back.
  files[0]!.chargeTo(1002);
  assert.is(files[0]!.write(2 ** 49, 1, new ArrayBuffer(1), 0), 1);
  for (const file of files) {
    while (file.setSize(0) === MORE);
    file.free();
  }
  while (store.tidy());
  for (const uid of [1001, 1002]) {
    for (let n = 0; n < 200; n++) {
      const file = store.create(uid);
      assert.is(file.write(2 ** 50, 1, new ArrayBuffer(1), 0), 1, `${uid} ${n}`);
    }
  }
});

test.run();
