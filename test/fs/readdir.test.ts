// Cookies of readdir: a name has its own for good, so that reading goes on while names come and go.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { O_RDONLY } from '../../src/base/linux.js';
import { type FileHandle, type InodeNumber, type Name, ROOT_INO } from '../../src/base/units.js';
import { type DirSink, PARKED, SET_MODE, SetAttr } from '../../src/fs/operations.js';
import { setattr } from '../../src/fs/vfs/attributes.js';
import { forget, symlink } from '../../src/fs/vfs/create.js';
import { open } from '../../src/fs/vfs/open.js';
import { opendir, readdir } from '../../src/fs/vfs/readdir.js';
import { unlink } from '../../src/fs/vfs/unlink-rename.js';
import { SmallFilesystem } from './small-filesystem.js';

const test = suite('readdir');

const TARGET = new TextEncoder().encode('t');

/** Up to `entries` names after the cookie, the cookie to go on with, and the answer. */
function readOnce(fs: SmallFilesystem, fh: FileHandle, after: number, entries: number) {
  const names: string[] = [];
  let cookie = after;
  const answer = readdir(fs.sb, fs.caller, fh, after, false, {
    add(name, _ino, _mode, next) {
      if (names.length === entries) return false;
      names.push(name);
      cookie = next;
      return true;
    },
  });
  return { names, cookie, answer };
}

/** The same, which must be there at once. */
function list(fs: SmallFilesystem, fh: FileHandle, after: number, entries: number) {
  const { names, cookie, answer } = readOnce(fs, fh, after, entries);
  assert.is(answer, 0);
  return { names, cookie };
}

function filled(...names: readonly string[]): { fs: SmallFilesystem; fh: FileHandle } {
  const fs = new SmallFilesystem();
  for (const name of names) fs.create(name);
  assert.is(opendir(fs.sb, fs.caller, ROOT_INO, 0, fs.opened), 0);
  return { fs, fh: fs.opened.fh };
}

test('a directory is read in pieces, each name once', () => {
  const { fs, fh } = filled('a', 'b', 'c');
  const first = list(fs, fh, 0, 3);
  assert.equal(first.names, ['.', '..', 'a']);
  const second = list(fs, fh, first.cookie, 9);
  assert.equal(second.names, ['b', 'c']);
  assert.equal(list(fs, fh, second.cookie, 9).names, []);
});

test('an entry that did not fit is read again, unless it was removed since', () => {
  const { fs, fh } = filled('a', 'b', 'c');
  const { cookie } = list(fs, fh, 0, 3);
  unlink(fs.sb, ROOT_INO, 'b' as Name);
  assert.equal(list(fs, fh, cookie, 9).names, ['c']);
});

test('a seek back reads from there, though names before it are gone', () => {
  const { fs, fh } = filled('a', 'b', 'c');
  const { cookie } = list(fs, fh, 0, 4);
  list(fs, fh, cookie, 9);
  unlink(fs.sb, ROOT_INO, 'a' as Name);
  assert.equal(list(fs, fh, cookie, 9).names, ['c']);
  assert.equal(list(fs, fh, 2, 9).names, ['b', 'c']);
});

test('what is made after the beginning is not listed before the next rewind', () => {
  const { fs, fh } = filled('a');
  const { cookie } = list(fs, fh, 0, 2);
  fs.create('b');
  assert.equal(list(fs, fh, cookie, 9).names, ['a']);
  assert.equal(list(fs, fh, 0, 9).names, ['.', '..', 'a', 'b']);
});

test('two descriptions of one directory have a place each', () => {
  const { fs, fh } = filled('a', 'b');
  opendir(fs.sb, fs.caller, ROOT_INO, 0, fs.opened);
  const other = fs.opened.fh;
  const { cookie } = list(fs, fh, 0, 3);
  assert.equal(list(fs, other, 0, 9).names, ['.', '..', 'a', 'b']);
  assert.equal(list(fs, fh, cookie, 9).names, ['b']);
});

test('readdirplus carries the attributes of those files alone that the kernel does not have as they are', () => {
  const { fs, fh } = filled('a', 'b');
  const carried = (): string[] => {
    const names: string[] = [];
    const add: DirSink['add'] = (name, _ino, _mode, _next, attr) => {
      if (attr !== undefined) names.push(name);
      return true;
    };
    assert.is(readdir(fs.sb, fs.caller, fh, 0, true, { add }), 0);
    return names;
  };
  const a = fs.sb.inode(fs.lookup('a') as InodeNumber)!;
  assert.equal(carried(), []);
  Object.assign(a.ctime, { sec: a.ctime.sec - 1 });
  assert.equal(carried(), ['a'], 'it was changed');
  assert.equal(carried(), []);
  open(fs.sb, fs.caller, a.ino, O_RDONLY, fs.opened);
  assert.equal(carried(), ['a'], 'a read would move the atime');
  setattr(fs.sb, fs.caller, a.ino, Object.assign(new SetAttr(), { valid: SET_MODE, mode: 0o600 }), fs.attr);
  assert.equal(carried(), ['a'], 'those of a SETATTR do not last');
  forget(fs.sb, a.ino, a.nlookup);
  assert.equal(carried(), ['a'], 'the kernel has forgotten the inode');
  assert.is(a.nlookup, 1);
  assert.equal(carried(), []);
});

test('a seek in a large directory passes over 2048 entries in a turn of the event loop', async () => {
  const ENTRIES = 10_000;
  const fs = new SmallFilesystem({}, undefined, 100, 4096, ENTRIES + 10);
  for (let n = 0; n < ENTRIES; n++)
    assert.is(symlink(fs.sb, fs.caller, ROOT_INO, `${n}` as Name, TARGET, fs.attr), 0);
  assert.is(opendir(fs.sb, fs.caller, ROOT_INO, 0, fs.opened), 0);
  const { fh } = fs.opened;
  let taken = 0;
  const { children } = fs.sb.root;
  const values = children!.values.bind(children);
  children!.values = function* () {
    for (const value of values()) {
      taken++;
      yield value;
    }
  } as never;
  const steps: number[] = [];
  let listed = { names: [] as string[], answer: PARKED };
  const read = (): void => {
    const before = taken;
    listed = readOnce(fs, fh, 3 + ENTRIES - 2, 9);
    steps.push(taken - before);
  };
  Object.assign(fs.sb.host!, { retry: read });
  read();
  while (listed.answer === PARKED) await new Promise(resolve => setImmediate(resolve));
  assert.equal(listed.names, [`${ENTRIES - 2}`, `${ENTRIES - 1}`]);
  assert.is(steps.length, 5);
  for (const step of steps) assert.ok(step <= 2050, `${step}`);
});

test.run();
