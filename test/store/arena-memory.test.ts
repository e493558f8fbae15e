// The memory of a store's extent maps: what of it is in huge pages, and that few extents commit none.
import { existsSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ExtentArena, ExtentMap } from '../../src/extent/index.js';
import { arenaInHugePages } from '../../src/store/arena-memory.js';

const test = suite('arena memory');
const PAGES = 4096;

/** KiB of this process's mappings that are advised to be in huge pages, and of them what is committed. */
function advised(): { readonly size: number; readonly rss: number } {
  const mappings = readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const kib = (name: string, text: string) =>
    Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1]);
  const huge = mappings.filter(text => /^VmFlags:.* hg\b/m.test(text));
  const sum = (name: string) => huge.reduce((sum, text) => sum + kib(name, text), 0);
  return { size: sum('Size'), rss: sum('Rss') };
}

test('words are in huge pages but for the first 2 MiB, and few extents commit none of them', () => {
  const before = advised();
  const arena = arenaInHugePages(PAGES);
  const map = new ExtentMap(arena);
  for (let i = 0; i < 10_000; i++) assert.is(map.map(i * 2, 1 + i * 3, 1), 0);
  map.check();
  arena.check();
  const after = advised();
  const words = arena.words.byteLength / 1024;
  assert.is(after.size - before.size, existsSync('/sys/kernel/mm/transparent_hugepage') ? words - 2048 : 0);
  assert.is(after.rss, before.rss);
});

test('an arena smaller than the small pages has no huge ones, and its maps are whole', () => {
  const arena = arenaInHugePages(64);
  const map = new ExtentMap(arena);
  assert.is(map.map(0, 1, 2000), 0);
  assert.is(map.lookup(1999), 2000);
  arena.check();
  assert.throws(() => arenaInHugePages(1), RangeError);
  assert.is(ExtentArena.bytesFor(64), arena.starts.byteLength + arena.words.byteLength);
});

test.run();
