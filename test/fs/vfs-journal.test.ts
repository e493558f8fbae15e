// The tree of files across the death of a daemon: what a second superblock reads from the journal is what the first one had.
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FileHandle, InodeNumber, Name } from '../../src/base/units.js';
import { SET_MODE, SET_MTIME, SetAttr } from '../../src/fs/operations.js';
import { setattr } from '../../src/fs/vfs/attributes.js';
import { forget, link, symlink } from '../../src/fs/vfs/create.js';
import { tmpfile } from '../../src/fs/vfs/open.js';
import type { Superblock } from '../../src/fs/vfs/superblock.js';
import { rename, rmdir, unlink } from '../../src/fs/vfs/unlink-rename.js';
import { VfsJournal } from '../../src/fs/vfs/vfs-journal.js';
import { VfsRestorer } from '../../src/fs/vfs/vfs-restorer.js';
import { removexattr, setxattr } from '../../src/fs/vfs/xattrs.js';
import { Journal } from '../../src/journal/journal.js';
import { restore } from '../../src/journal/restorer.js';
import { native } from '../../src/native/binding.js';
import type { StoredFile } from '../../src/store/file-store.js';
import { PooledStore } from '../../src/store/pooled-store.js';
import { SmallFilesystem } from './small-filesystem.js';

const test = suite('the journal of files');

const NOTHING = new Int32Array(0);
const BYTES = 1 << 22;

/** A pooled store whose files outlive the daemon. */
class LastingStore {
  readonly files = new Map<number, StoredFile>();
  private readonly pooled = new PooledStore(1 << 22);

  make(): PooledStore {
    return Object.create(this.pooled, {
      create: {
        value: (uid: number) => {
          const number = this.files.size + 1;
          const file: StoredFile = Object.create(this.pooled.create(uid), { number: { value: number } });
          this.files.set(number, file);
          return file;
        },
      },
      restored: { value: (number: number) => this.files.get(number) },
    });
  }
}

/** Everything of a superblock that must come back, in plain words. */
function stateOf(sb: Superblock): unknown {
  const inodes = [...sb.inodes.values()].map(inode => {
    const { ino, mode, uid, gid, rdev, nlink, nlookup, nopen, nrdwr, nextCookie, target } = inode;
    const { atime, mtime, ctime, btime, file, children, xattrs, links } = inode;
    return {
      ino,
      mode,
      uid,
      gid,
      rdev,
      nlink,
      nlookup,
      nopen,
      nrdwr,
      nextCookie,
      target: target && [...target],
      times: [atime, mtime, ctime, btime],
      file: file?.number,
      names: links?.size,
      // Of several names the newest is the path, which is not recorded.
      path: links === undefined ? sb.pathOf(ino) : undefined,
      parent: inode.parent?.ino,
      entries:
        children && [...children.values()].map(({ name, inode: of, cookie }) => [name, of.ino, cookie]),
      xattrs: [...(xattrs?.entries() ?? [])].map(([name, value]) => [name, [...value]]).sort(),
    };
  });
  const handles = [...sb.handles.values()].map(({ fh, inode, uid, flags, end }) => [
    fh,
    inode.ino,
    uid,
    flags,
    end,
  ]);
  return {
    inodes: inodes.sort((one, other) => one.ino - other.ino),
    handles: handles.sort(),
    files: sb.files,
    used: sb.budget.used,
  };
}

const names = ['a', 'b', 'c', 'd'] as Name[];

type Step = {
  readonly what: number;
  readonly n: number;
  readonly m: number;
  readonly name: number;
  readonly to: number;
};

class Life {
  readonly fs: SmallFilesystem;
  private readonly dirs: InodeNumber[] = [1 as InodeNumber];
  private readonly inos: InodeNumber[] = [];
  private readonly handles: FileHandle[] = [];

  constructor(fs: SmallFilesystem) {
    this.fs = fs;
  }

  /** One operation, which may fail. */
  step({ what, n, m, name, to }: Step): void {
    const { fs } = this;
    const { sb, caller, attr, opened } = fs;
    const dir = this.dirs[n % this.dirs.length]!;
    const other = this.dirs[m % this.dirs.length]!;
    const ino = this.inos[n % Math.max(1, this.inos.length)] ?? (1 as InodeNumber);
    const from = names[name % names.length]!;
    const target = names[to % names.length]!;
    switch (what) {
      case 0:
        try {
          this.dirs.push(fs.mkdir(from, dir));
        } catch {}
        break;
      case 1:
      case 2:
        try {
          const { inode, fh } = fs.create(from, dir);
          this.inos.push(inode.ino);
          this.handles.push(fh);
        } catch {}
        break;
      case 3:
        if (symlink(sb, caller, dir, from, Buffer.from('target'), attr) === 0) this.inos.push(attr.ino);
        break;
      case 4:
        link(sb, ino, dir, target, attr);
        break;
      case 5:
        unlink(sb, dir, from);
        break;
      case 6:
        rmdir(sb, dir, from);
        break;
      case 7:
        rename(sb, caller, dir, from, other, target, m % 3);
        break;
      case 8:
        sb.closeFile(this.handles.splice(n % Math.max(1, this.handles.length), 1)[0] ?? (0 as FileHandle));
        break;
      case 9:
        forget(sb, ino, m);
        break;
      case 10: {
        const set = Object.assign(new SetAttr(), {
          valid: SET_MODE | SET_MTIME,
          mode: m * 8,
          mtime: n,
          mtimeNsec: m,
        });
        setattr(sb, caller, ino, set, attr);
        break;
      }
      case 11:
        setxattr(sb, caller, ino, `user.${from}` as Name, Buffer.alloc(m), 0);
        break;
      case 12:
        removexattr(sb, ino, `user.${from}` as Name);
        break;
      default:
        if (tmpfile(sb, caller, dir, 0o600, 2, attr, opened) === 0) this.handles.push(opened.fh);
    }
  }
}

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.nat(13),
  n: fc.nat(20),
  m: fc.nat(20),
  name: fc.nat(3),
  to: fc.nat(3),
});

const keepIn = (sb: Superblock, journal: Journal): void => {
  sb.journal = new VfsJournal(sb, journal);
  sb.journal.changed(sb.root);
  journal.sources.push(sb.journal);
};

test('a daemon that takes over has the files, names, attributes and descriptions of the last one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(step, { maxLength: 3 }), { maxLength: 60 }),
      fc.nat(400),
      (batches, limit) => {
        const lasting = new LastingStore();
        const memory = native.memfdCreate('journal');
        const journal = new Journal(memory, BYTES, () => {}, limit);
        const fs = new SmallFilesystem({}, lasting.make());
        keepIn(fs.sb, journal);
        journal.commit(NOTHING, 0);
        const life = new Life(fs);
        for (const batch of batches) {
          for (const one of batch) life.step(one);
          journal.commit(NOTHING, 0);
        }
        const next = new SmallFilesystem({}, lasting.make());
        restore(new Journal(memory, BYTES, () => {}).read(), [new VfsRestorer(next.sb)]);
        assert.equal(stateOf(next.sb), stateOf(fs.sb));
        // A number of an inode is never used again.
        assert.ok(next.sb.nextIno >= Math.max(...fs.sb.inodes.keys()) + 1);
      },
    ),
    { numRuns: 150 },
  );
});

test('a file that is removed is freed behind the commit', () => {
  const lasting = new LastingStore();
  const journal = new Journal(native.memfdCreate('journal'), BYTES, () => {});
  const fs = new SmallFilesystem({}, lasting.make());
  keepIn(fs.sb, journal);
  const { inode, fh } = fs.create('a');
  let freed = false;
  inode.file = Object.create(inode.file!, {
    free: {
      value: () => {
        freed = true;
      },
    },
  });
  journal.commit(NOTHING, 0);
  forget(fs.sb, inode.ino, 1);
  unlink(fs.sb, 1 as InodeNumber, 'a' as Name);
  fs.sb.closeFile(fh);
  assert.not(freed);
  journal.commit(NOTHING, 0);
  assert.ok(freed);
});

test.run();
