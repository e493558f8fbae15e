// The seam between files and leases: every layout change asks the gate first and changes nothing where it says no; every
// description ends through it.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, O_TRUNC } from '../../src/base/linux.js';
import { BLOCK, ROOT_INO } from '../../src/base/units.js';
import { PARKED, SET_SIZE, SetAttr } from '../../src/fs/operations.js';
import { setattr } from '../../src/fs/vfs/attributes.js';
import { copyFileRange, write } from '../../src/fs/vfs/file-io.js';
import type { LayoutGate } from '../../src/fs/vfs/layout-gate.js';
import { open } from '../../src/fs/vfs/open.js';
import { opendir } from '../../src/fs/vfs/readdir.js';
import { fallocate } from '../../src/fs/vfs/space.js';
import { SmallFilesystem } from './small-filesystem.js';

const test = suite('layout gate');

const O_WRONLY = 1;
const PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
const data = new ArrayBuffer(BLOCK);

/** A file of two blocks behind a gate that answers `answer` once it is shut. */
function behind(answer: number) {
  let shut = false;
  const asked: string[] = [];
  const say = (what: string): number => {
    asked.push(what);
    return shut ? answer : 0;
  };
  const gate: Partial<LayoutGate> = {
    truncate: (_caller, _inode, _through, before, size) => say(`truncate ${before} ${size}`),
    fallocate: (_caller, _inode, _through, act, before, off, len) => say(`${act} ${before} ${off} ${len}`),
    write: (_caller, _inode, _fh, off, len) => say(`write ${off} ${len}`),
    extend: (_caller, _inode, _fh, off, len) => say(`extend ${off} ${len}`),
    closed: ({ fh }) => asked.push(`closed ${fh}`),
  };
  const fs = new SmallFilesystem(gate);
  const { inode, fh } = fs.create('f');
  const to = (off: number, writeback = false) =>
    write(fs.sb, fs.caller, inode.ino, fh, off, BLOCK, data, 0, writeback);
  assert.is(to(0), BLOCK);
  assert.is(to(BLOCK), BLOCK);
  shut = true;
  asked.length = 0;
  return { fs, inode, fh, asked, to };
}

for (const [name, answer] of [
  ['refused', -errno.ETXTBSY],
  ['parked', PARKED],
] as const) {
  test(`X: a change that is ${name} changes nothing`, () => {
    const { fs, inode, fh, asked, to } = behind(answer);
    const { sb, caller, attr, opened } = fs;
    const set = new SetAttr();
    set.valid = SET_SIZE;
    set.size = 10;
    assert.is(setattr(sb, caller, inode.ino, set, attr), answer);
    assert.is(fallocate(sb, caller, inode.ino, fh, PUNCH, 0, BLOCK), answer);
    assert.is(to(4 * BLOCK), answer);
    const { nopen } = inode;
    assert.is(open(sb, caller, inode.ino, O_TRUNC, opened), answer);
    assert.is(inode.nopen, nopen);
    assert.is(inode.file!.size(), 2 * BLOCK);
    assert.ok(inode.file!.hasData(0, 1));
    assert.equal(asked, [
      `truncate ${2 * BLOCK} 10`,
      `punch ${2 * BLOCK} 0 ${BLOCK}`,
      `write ${4 * BLOCK} ${BLOCK}`,
      `truncate ${2 * BLOCK} 0`,
    ]);
  });
}

test('X8: what comes back from the page cache is never refused', () => {
  const { asked, to } = behind(-errno.ETXTBSY);
  assert.is(to(0, true), BLOCK);
  assert.equal(asked, []);
});

test('X8: a hole that is copied asks as a growth of the file does', () => {
  const { fs, inode, fh, asked } = behind(-errno.ETXTBSY);
  const { inode: source } = fs.create('hole');
  // Open for stores, it would be copied by read and write.
  fs.sb.closeFile(fh);
  open(fs.sb, fs.caller, inode.ino, O_WRONLY, fs.opened);
  asked.length = 0;
  source.file!.setSize(8 * BLOCK);
  const answer = copyFileRange(
    fs.sb,
    fs.caller,
    source.ino,
    0,
    inode.ino,
    fs.opened.fh,
    2 * BLOCK,
    8 * BLOCK,
  );
  assert.is(answer, -errno.ETXTBSY);
  assert.equal(asked, [`extend ${2 * BLOCK} ${8 * BLOCK}`]);
});

test("N4, L2: the end of a file's description and of a directory's reach the gate, once", () => {
  const { fs, fh, asked } = behind(0);
  opendir(fs.sb, fs.caller, ROOT_INO, 0, fs.opened);
  const directory = fs.opened.fh;
  for (let i = 0; i < 2; i++) {
    fs.sb.closeFile(fh);
    fs.sb.closeFile(directory);
  }
  assert.equal(asked, [`closed ${fh}`, `closed ${directory}`]);
});

test('F14: the store may lift its guard only where the gate does not guard the file', () => {
  for (const guarded of [true, false]) {
    const fs = new SmallFilesystem({ guards: () => guarded });
    const { inode, fh } = fs.create('f');
    const lifts: boolean[] = [];
    const { file } = inode;
    inode.file = Object.assign(Object.create(file!), {
      punch: (_off: number, _len: number, lift: boolean) => {
        lifts.push(lift);
        return 0;
      },
    });
    assert.is(fallocate(fs.sb, fs.caller, inode.ino, fh, PUNCH, 0, BLOCK), 0);
    assert.equal(lifts, [!guarded]);
  }
});

test.run();
