// What a daemon takes over from its keeper.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BLOCK } from '../../src/base/units.js';
import { Keeping } from '../../src/cli/keeping.js';
import type { ServeOptions } from '../../src/cli/mount-options.js';
import type { Filesystem } from '../../src/fs/filesystem.js';
import { KeeperLink, type KeptName } from '../../src/keeper/link.js';
import { type Descriptor, native } from '../../src/native/binding.js';
import { SEGMENT_BLOCKS } from '../../src/store/segments.js';

const test = suite('keeping');

class SmallKeeper extends KeeperLink {
  readonly by = 'leasefs-keeper';
  readonly deaths = 0;
  readonly kept: ReadonlyMap<string, Descriptor>;
  readonly held = new Map<string, Descriptor>();

  constructor(before?: SmallKeeper) {
    super();
    this.kept = new Map([...(before?.held ?? [])].map(([name, { fd }]) => [name, native.dup(fd)]));
  }

  keep(name: KeptName, fd: number): void {
    this.held.set(name, native.dup(fd));
  }

  drop(name: KeptName): void {
    this.held.delete(name);
  }

  mounted(): void {}

  serving(): void {}

  next(): number {
    return 0;
  }
}

const options = { size: 2 * SEGMENT_BLOCKS * BLOCK } as ServeOptions;
const keepingOf = (keeper: SmallKeeper): Keeping =>
  new Keeping(keeper, options, line => assert.unreachable(line));
const none = (): Filesystem => {
  throw new Error('no commit leaves anything here');
};

test('all segments of the last daemon, also behind a number that none has', () => {
  const keeper = new SmallKeeper();
  keeper.keep('fuse', native.memfdCreate('in the place of /dev/fuse').fd);
  const store = keepingOf(keeper).pooledStore(none);
  store['space'].allocator.claim(1, SEGMENT_BLOCKS - 1);
  assert.is(store.create().write(0, BLOCK, new ArrayBuffer(BLOCK), 0), BLOCK);
  const names = ['fuse', 'journal', 'segment1'];
  assert.equal([...keeper.held.keys()].sort(), names);
  const { segments } = keepingOf(new SmallKeeper(keeper)).pooledStore(none)['space'];
  assert.equal([segments.count, segments.has(0), segments.has(1)], [2, false, true]);
});

test.run();
