// Directory entries on the wire: fuse_dirent, 24 bytes and the name, filled up to 8; in readdirplus a fuse_entry_out
// stands before each.
//
//    0 ino      8 off: the cookie after this entry     16 namelen     20 type (mode >> 12)     24 name
import type { InodeNumber, Name } from '../../base/units.js';
import type { Attr, DirSink } from '../../fs/operations.js';
import { ENTRY_OUT, putEntry, putNoEntry } from './attr.js';
import { OUT_HEADER, type Reply } from './reply.js';

const DIRENT = 24;

/** Collects the entries of one READDIR or READDIRPLUS in the reply. One object serves all requests in turn. */
export class Dirents implements DirSink {
  private readonly reply: Reply;
  private limit = 0;
  private plus = false;
  /** Bytes of payload so far. */
  length = 0;

  constructor(reply: Reply) {
    this.reply = reply;
  }

  /** @param size how many bytes the kernel takes. */
  begin(size: number, plus: boolean): void {
    this.limit = Math.min(size, this.reply.capacity);
    this.plus = plus;
    this.length = 0;
  }

  add(name: Name, ino: InodeNumber, mode: number, next: number, attr: Attr | undefined): boolean {
    const { reply } = this;
    const at = this.plus ? this.length + ENTRY_OUT : this.length;
    const end = (at + DIRENT + name.length + 7) & ~7;
    if (end > this.limit) return false;
    if (this.plus) {
      // Node 0: no lookup is counted and nothing is cached.
      if (attr === undefined) putNoEntry(reply, this.length, 0);
      else putEntry(reply, this.length, attr);
    }
    reply.setU32(end - 8, 0);
    reply.setU32(end - 4, 0);
    reply.set64(at, ino);
    reply.set64(at + 8, next);
    reply.setU32(at + 16, name.length);
    reply.setU32(at + 20, mode >> 12);
    const { bytes } = reply;
    const start = OUT_HEADER + at + DIRENT;
    for (let i = 0; i < name.length; i++) bytes[start + i] = name.charCodeAt(i);
    this.length = end;
    return true;
  }
}
