// Extended attributes, without a mount: what a user asks of many of them costs no walk over all.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { type Name, ROOT_INO } from '../../src/base/units.js';
import { forget } from '../../src/fs/vfs/create.js';
import { unlink } from '../../src/fs/vfs/unlink-rename.js';
import { getxattr, listxattr, removexattr, setxattr } from '../../src/fs/vfs/xattrs.js';
import { SmallFilesystem } from './small-filesystem.js';

const test = suite('xattrs');

const MANY = 20_000;
const nothing = new Uint8Array(0);

/** A file with these attributes; `sees`: whether the caller is an administrator. */
function withAttributes(names: readonly string[], sees = false) {
  const fs = new SmallFilesystem({}, undefined, 100, 4096, MANY);
  Object.assign(fs.sb.credentials, { isCapable: () => sees });
  const { inode, fh } = fs.create('f');
  for (const name of names) assert.is(setxattr(fs.sb, fs.caller, inode.ino, name as Name, nothing, 0), 0);
  const list = (size: number): string | number => {
    const out = new Uint8Array(size + 8).fill(7);
    const answer = listxattr(fs.sb, fs.caller, inode.ino, out, 4, size);
    if (answer <= 0 || size === 0) return answer;
    assert.equal(
      [...out.subarray(4 + answer)],
      new Array(out.length - 4 - answer).fill(7),
      'nothing is behind',
    );
    return Buffer.from(out.subarray(4, 4 + answer)).toString('latin1');
  };
  return { fs, inode, fh, list };
}

const many = Array.from({ length: MANY }, (_, n) => `user.${n}`);

test('a label of SELinux is not supported until a file has got one: `ls -l` asks each file otherwise', () => {
  const { fs, inode } = withAttributes([]);
  const label = 'security.selinux' as Name;
  const asked = (name: Name, ino = inode.ino): number => getxattr(fs.sb, ino, name, new Uint8Array(8), 0, 8);
  assert.is(asked(label), -errno.EOPNOTSUPP);
  assert.is(asked('security.capability' as Name), -errno.ENODATA);
  assert.is(setxattr(fs.sb, fs.caller, inode.ino, label, new Uint8Array(3), 0), 0);
  assert.is(asked(label), 3);
  assert.is(asked(label, fs.create('g').inode.ino), -errno.ENODATA);
  removexattr(fs.sb, inode.ino, label);
  assert.is(asked(label), -errno.ENODATA);
});

test('the list has each name once, those of administrators for them alone; ERANGE where it does not fit', () => {
  const names = ['user.b', 'trusted.t', 'user.a'];
  const { list } = withAttributes(names);
  assert.is(list(64), 'user.b\0user.a\0');
  assert.is(list(14), 'user.b\0user.a\0');
  assert.is(list(0), 14);
  assert.is(list(13), -errno.ERANGE);
  const all = withAttributes(names, true);
  assert.is(all.list(64), 'user.b\0trusted.t\0user.a\0');
  removexattr(all.fs.sb, all.inode.ino, 'user.b' as Name);
  assert.is(all.list(0), 17);
  assert.is(withAttributes([]).list(8), 0);
});

/** How many entries of maps are visited by the call. */
function visits(call: () => void): number {
  let count = 0;
  const originals = (['keys', 'values', 'entries'] as const).map(
    name => [name, Map.prototype[name]] as const,
  );
  const counting = (original: () => Iterator<unknown>) =>
    function* (this: Map<unknown, unknown>) {
      for (const steps = original.call(this); ; ) {
        const { done, value } = steps.next();
        if (done) return;
        count++;
        yield value;
      }
    };
  for (const [name, original] of originals) {
    Object.assign(Map.prototype, { [name]: counting(original as () => Iterator<unknown>) });
  }
  const iterates = Map.prototype[Symbol.iterator];
  Object.assign(Map.prototype, { [Symbol.iterator]: Map.prototype.entries });
  try {
    call();
  } finally {
    for (const [name, original] of originals) Object.assign(Map.prototype, { [name]: original });
    Object.assign(Map.prototype, { [Symbol.iterator]: iterates });
  }
  return count;
}

test('of 20,000 attributes the length, a list that does not fit, and the end of the file visit none', () => {
  const { fs, inode, fh, list } = withAttributes(many);
  const { used } = fs.sb.budget;
  assert.ok(used > MANY * 0.38, `${used}`);
  const length = many.join('').length + MANY;
  assert.is(
    visits(() => assert.is(list(0), length)),
    0,
  );
  assert.is(
    visits(() => assert.is(list(65_536), -errno.ERANGE)),
    0,
  );
  const ends = (): void => {
    unlink(fs.sb, ROOT_INO, 'f' as Name);
    fs.sb.closeFile(fh);
    forget(fs.sb, inode.ino, 1);
  };
  assert.is(visits(ends), 0);
  assert.not.ok(fs.sb.inode(inode.ino));
  assert.is(fs.sb.budget.used, 1);
});

test.run();
