// Paths for people: exact up to their bound, cut in the middle beyond it, and never a recursion on a user's depth.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { S_IFDIR, S_IFREG } from '../../src/base/linux.js';
import type { InodeNumber, Name } from '../../src/base/units.js';
import { addDentry, Inode, removeDentry, renameDentry } from '../../src/fs/vfs/inode.js';
import { CUT, pathOf } from '../../src/fs/vfs/path.js';

let last = 0;

function made(mode: number): Inode {
  const inode = new Inode(++last as InodeNumber, mode, 0, 0, { sec: 0, nsec: 0 });
  if (mode === S_IFDIR) inode.children = new Map();
  return inode;
}

/** Directories below each other with these names, and a file 'f' in the last. */
function tree(names: readonly string[]): { readonly root: Inode; readonly file: Inode } {
  const root = made(S_IFDIR);
  let dir = root;
  for (const name of names) {
    const below = made(S_IFDIR);
    addDentry(dir, name as Name, below);
    dir = below;
  }
  const file = made(S_IFREG);
  addDentry(dir, 'f' as Name, file);
  return { root, file };
}

const path = (names: readonly string[], limit?: number): string | undefined => {
  const { root, file } = tree(names);
  return pathOf(root, file, limit);
};

const test = suite('path');

test('a path is exact up to its bound', () => {
  assert.is(path([]), '/f');
  assert.is(path(['a', 'bc']), '/a/bc/f');
  const { root } = tree(['a']);
  assert.is(pathOf(root, root), '/');
  const names = Array.from({ length: 31 }, () => 'n'.repeat(31));
  assert.is(path(names, 31 * 32 + 2), `/${names.join('/')}/f`);
});

test('a longer one is cut in the middle, between two names, with a mark that no path has', () => {
  const names = Array.from({ length: 100 }, (_, n) => `d${n}`);
  const cut = path(names, 64)!;
  assert.ok(cut.length <= 64 + CUT.length, cut);
  const [head, tail] = cut.split(CUT);
  assert.match(head!, /^\/d0\/d1\/d2/);
  assert.match(tail!, /d98\/d99\/f$/);
  assert.ok(`/${names.join('/')}/f`.startsWith(`${head}/`));
  assert.ok(`/${names.join('/')}/f`.endsWith(`/${tail}`));
});

test('a name of 255 bytes that does not fit into half is left out, not torn', () => {
  const long = 'n'.repeat(255);
  assert.is(path([long, long, 'a', 'b'], 256), `/${CUT}a/b/f`);
});

test('12,000 and a million directories deep it takes no stack, and no more than its bound', () => {
  for (const depth of [12_000, 1_000_000]) {
    const { root, file } = tree(Array.from({ length: depth }, () => 'd'));
    const cut = pathOf(root, file)!;
    assert.ok(cut.length <= 4096 + CUT.length, `${cut.length}`);
    assert.ok(cut.endsWith('/d/d/f'));
    assert.ok(cut.includes(CUT));
    assert.not.ok(cut.startsWith('/d/d/'), 'beyond 512 there is no beginning');
  }
});

test('however deep the file is, few directories are looked at', () => {
  const { root, file } = tree(Array.from({ length: 20_000 }, () => 'd'));
  let looks = 0;
  for (let at = file; at.dentry !== undefined; ) {
    const { dentry } = at;
    Object.defineProperty(at, 'dentry', {
      get: () => {
        looks++;
        return dentry;
      },
    });
    at = dentry.dir;
  }
  looks = 0;
  assert.ok(pathOf(root, file, 1024)?.startsWith(CUT));
  // Each directory is looked at up to three times, on two walks.
  assert.ok(looks < 4000, `${looks}`);
});

test('of several names the path is one that still exists; without a name there is no path', () => {
  const { root, file } = tree(['a']);
  const dir = root.children!.get('a' as Name)!.inode;
  addDentry(root, 'second' as Name, file);
  addDentry(dir, 'third' as Name, file);
  assert.is(pathOf(root, file), '/a/third');
  removeDentry(dir.children!.get('third' as Name)!);
  assert.ok(['/second', '/a/f'].includes(pathOf(root, file)!));
  removeDentry(root.children!.get('second' as Name)!);
  assert.is(pathOf(root, file), '/a/f');
  const other = made(S_IFREG);
  addDentry(root, 'other' as Name, other);
  renameDentry(root.children!.get('other' as Name)!, file);
  removeDentry(dir.children!.get('f' as Name)!);
  assert.is(pathOf(root, file), '/other');
  assert.is(pathOf(root, other), undefined);
  removeDentry(root.children!.get('other' as Name)!);
  assert.is(pathOf(root, file), undefined);
});

test.run();
