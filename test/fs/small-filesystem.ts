// A POSIX filesystem without leases: the pooled store behind a gate that a test opens and closes. No mount, no root.
import type { FileHandle, InodeNumber, Name } from '../../src/base/units.js';
import { ROOT_INO } from '../../src/base/units.js';
import { Attr, Caller, type Host, Opened } from '../../src/fs/operations.js';
import { lookup, mkdir } from '../../src/fs/vfs/create.js';
import type { Inode } from '../../src/fs/vfs/inode.js';
import { type LayoutGate, openGate } from '../../src/fs/vfs/layout-gate.js';
import { create } from '../../src/fs/vfs/open.js';
import { Superblock } from '../../src/fs/vfs/superblock.js';
import type { FileStore } from '../../src/store/file-store.js';
import { PooledStore } from '../../src/store/pooled-store.js';

const O_RDWR = 2;

export class SmallFilesystem {
  readonly sb: Superblock;
  readonly caller = new Caller();
  readonly attr = new Attr();
  readonly opened = new Opened();
  /** What the gate and the host were asked, in order. */
  readonly asked: string[] = [];

  constructor(
    gate: Partial<LayoutGate> = {},
    store: FileStore = new PooledStore(1 << 22),
    descriptors = 100,
    descriptions = 4096,
    inodes = 100,
  ) {
    this.sb = new Superblock(
      () => store,
      { isCapable: () => false, groupsOf: () => [] },
      { mode: 0o755, uid: 0, gid: 0, inodes, descriptors, descriptions, log: () => {} },
    );
    this.sb.gate = { ...openGate, ...gate };
    this.sb.host = {
      invalidateAttrs: (ino: InodeNumber) => this.asked.push(`invalidate ${ino}`),
      invalidateAttrsAsync: (ino: InodeNumber) => this.asked.push(`invalidate ${ino} async`),
      backingGone: (ino: InodeNumber) => this.asked.push(`gone ${ino}`),
    } as unknown as Host;
  }

  mkdir(name: string, parent: InodeNumber = ROOT_INO): InodeNumber {
    const answer = mkdir(this.sb, this.caller, parent, name as Name, 0o755, this.attr);
    if (answer !== 0) throw new Error(`mkdir: ${answer}`);
    return this.attr.ino;
  }

  /** A new file, open to read and write. */
  create(name: string, parent: InodeNumber = ROOT_INO): { readonly inode: Inode; readonly fh: FileHandle } {
    const { sb, caller, attr, opened } = this;
    const answer = create(sb, caller, parent, name as Name, 0o644, O_RDWR, attr, opened);
    if (answer !== 0) throw new Error(`create: ${answer}`);
    return { inode: sb.inode(attr.ino)!, fh: opened.fh };
  }

  /** The inode of the name; or `-errno`. */
  lookup(name: string, parent: InodeNumber = ROOT_INO): number {
    const answer = lookup(this.sb, parent, name as Name, this.attr);
    return answer === 0 ? this.attr.ino : answer;
  }
}
