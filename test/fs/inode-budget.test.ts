// --inodes counts what costs the daemon memory: inodes, further names of a file, extended attributes, long targets.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { type InodeNumber, type Name, ROOT_INO } from '../../src/base/units.js';
import { StatFs } from '../../src/fs/operations.js';
import { DEFAULT_ACL } from '../../src/fs/vfs/acl.js';
import { statfs } from '../../src/fs/vfs/attributes.js';
import { link, mkdir, symlink } from '../../src/fs/vfs/create.js';
import { inodesOfHeap } from '../../src/fs/vfs/inode-budget.js';
import { rename, unlink } from '../../src/fs/vfs/unlink-rename.js';
import { removexattr, setxattr } from '../../src/fs/vfs/xattrs.js';
import { SmallFilesystem } from './small-filesystem.js';

const test = suite('inode budget');

/** Of SmallFilesystem, the root one of them. */
const MAX = 100;
const KIB = 1024;
const nothing = new Uint8Array(0);

const free = ({ sb }: SmallFilesystem): number => {
  const out = new StatFs();
  statfs(sb, out);
  return out.filesFree;
};

/** How often it can be done before ENOSPC. */
function often(call: (n: number) => number): number {
  for (let n = 0; ; n++) {
    const answer = call(n);
    if (answer === -errno.ENOSPC) return n;
    assert.is(answer, 0);
  }
}

const linkTo = ({ sb, attr }: SmallFilesystem, ino: InodeNumber, name: string): number =>
  link(sb, ino, ROOT_INO, name as Name, attr);
const xattr = ({ sb, caller }: SmallFilesystem, ino: InodeNumber, name: string, value = nothing): number =>
  setxattr(sb, caller, ino, name as Name, value, 0);

test('a further name of a file counts as an inode: ENOSPC at --inodes, and it is freed with the name', () => {
  const small = new SmallFilesystem();
  const { inode, fh } = small.create('file');
  small.sb.closeFile(fh);
  const made = often(n => linkTo(small, inode.ino, `${n}`.padStart(255, '0')));
  assert.is(made, MAX - 2);
  assert.is(free(small), 0);
  assert.is(unlink(small.sb, ROOT_INO, `${0}`.padStart(255, '0') as Name), 0);
  assert.is(free(small), 1);
  assert.is(unlink(small.sb, ROOT_INO, 'file' as Name), 0);
  assert.is(free(small), 2, 'whichever name it is');
  small.create('other');
  const over = `${1}`.padStart(255, '0') as Name;
  assert.is(rename(small.sb, small.caller, ROOT_INO, 'other' as Name, ROOT_INO, over, 0), 0);
  assert.is(free(small), 2, 'a name that a rename removes is freed');
});

test('the last of many names frees everything', () => {
  const small = new SmallFilesystem();
  const before = free(small);
  const { inode, fh } = small.create('file');
  for (let n = 0; n < 10; n++) assert.is(linkTo(small, inode.ino, `${n}`), 0);
  assert.is(free(small), before - 11);
  for (let n = 0; n < 10; n++) assert.is(unlink(small.sb, ROOT_INO, `${n}` as Name), 0);
  assert.is(unlink(small.sb, ROOT_INO, 'file' as Name), 0);
  assert.is(free(small), before - 1);
  small.sb.closeFile(fh);
  inode.nlookup = 0;
  small.sb.reap(inode);
  assert.is(free(small), before);
});

test('an empty extended attribute counts what it costs, some 400 bytes', () => {
  const small = new SmallFilesystem();
  const { inode } = small.create('file');
  const set = often(n => xattr(small, inode.ino, `user.${n}`));
  assert.ok(set > (MAX - 2) * 2 && set < (MAX - 2) * 4, `${set}`);
  assert.is(free(small), 0);
  for (let n = 0; n < set; n++) removexattr(small.sb, inode.ino, `user.${n}` as Name);
  assert.is(free(small), MAX - 2);
});

test('an attribute that grows counts more, one that shrinks less, and what finds no room changes nothing', () => {
  const small = new SmallFilesystem();
  const { inode } = small.create('file');
  const before = free(small);
  assert.is(xattr(small, inode.ino, 'user.a', new Uint8Array(10 * KIB)), 0);
  assert.is(free(small), before - 11);
  assert.is(xattr(small, inode.ino, 'user.a', new Uint8Array(before * KIB)), -errno.ENOSPC);
  assert.is(free(small), before - 11);
  assert.is(xattr(small, inode.ino, 'user.a'), 0);
  assert.is(free(small), before - 1);
});

test("a symbolic link's long target counts its bytes, a short one nothing", () => {
  const small = new SmallFilesystem();
  const { sb, caller, attr } = small;
  const before = free(small);
  const to = (name: string, length: number) =>
    symlink(sb, caller, ROOT_INO, name as Name, new Uint8Array(length).fill(97), attr);
  assert.is(to('short', 128), 0);
  assert.is(free(small), before - 1);
  assert.is(to('long', 4095), 0);
  assert.is(free(small), before - 6);
  assert.is(
    often(n => to(`${n}`, 4095)),
    Math.floor(((before - 2) * KIB) / 5119) - 1,
  );
});

test('a directory whose inherited ACL finds no room is not made', () => {
  const small = new SmallFilesystem();
  const { sb, caller, attr } = small;
  const acl = new Uint8Array([
    2, 0, 0, 0, 1, 0, 7, 0, 0, 0, 0, 0, 4, 0, 7, 0, 0, 0, 0, 0, 32, 0, 7, 0, 0, 0, 0, 0,
  ]);
  const dir = small.mkdir('dir');
  assert.is(setxattr(sb, caller, dir, DEFAULT_ACL, acl, 0), 0);
  while (free(small) > 0) small.mkdir(`${free(small)}`);
  const left = sb.inodes.size;
  for (const name of ['0', '1']) assert.is(mkdir(sb, caller, dir, name as Name, 0o755, attr), -errno.ENOSPC);
  assert.is(sb.inodes.size, left);
  assert.is(free(small), 0);
});

test('the default leaves heap for what is no inode, and is never none', () => {
  const MIB = 2 ** 20;
  assert.is(inodesOfHeap(112 * MIB), 24 * 1024);
  assert.is(inodesOfHeap(4144 * MIB), 2040 * 1024);
  assert.is(inodesOfHeap(10 * MIB), 2048);
});

test.run();
