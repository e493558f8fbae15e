// Paths and names as the fuse-native package hands them over, and the inodes behind them. The package knows paths alone,
// as JavaScript strings decoded from UTF-8; the filesystem knows inodes, and names of bytes. The cache holds one lookup
// of each inode in it, released when the entry goes.
import { LRUCache } from 'lru-cache';
import { errno } from '../base/errno.js';
import { S_IFDIR, S_IFMT } from '../base/linux.js';
import { type InodeNumber, type Name, ROOT_INO } from '../base/units.js';
import { Attr, type Caller, type Operations } from '../fs/operations.js';

const CACHED_PATHS = 65_536;
/** What a decoder puts for bytes that are no UTF-8: which ones they were is lost. */
const REPLACEMENT = '\ufffd';

/** The name's bytes, one a char; undefined when they are not known any more (EILSEQ). */
export const nameOf = (text: string): Name | undefined =>
  text.includes(REPLACEMENT) ? undefined : (Buffer.from(text, 'utf8').toString('latin1') as Name);

/** The name as text; what is no UTF-8 cannot come in by this transport. */
export const textOf = (name: Name | string): string => Buffer.from(name, 'latin1').toString('utf8');

/** A name in its directory, or why not. */
interface Place {
  readonly parent: InodeNumber;
  readonly name: Name;
}

export class Paths {
  private readonly operations: Operations;
  private readonly caller: Caller;
  private readonly attr = new Attr();
  private readonly inos: LRUCache<string, InodeNumber>;

  constructor(operations: Operations, caller: Caller) {
    this.operations = operations;
    this.caller = caller;
    this.inos = new LRUCache({ max: CACHED_PATHS, dispose: ino => operations.forget(ino, 1) });
  }

  /** The inode, or `-errno`: ENOENT, ENOTDIR, EILSEQ. */
  resolve(path: string): InodeNumber | number {
    if (path === '/') return ROOT_INO;
    const known = this.inos.get(path);
    if (known !== undefined) return known;
    const place = this.place(path);
    if (typeof place === 'number') return place;
    const answer = this.operations.lookup(this.caller, place.parent, place.name, this.attr);
    if (answer < 0) return answer;
    this.inos.set(path, this.attr.ino);
    return this.attr.ino;
  }

  /** Where the last name of the path is, whether it is there or not. */
  place(path: string): Place | number {
    const slash = path.lastIndexOf('/');
    const name = nameOf(path.slice(slash + 1));
    if (name === undefined) return -errno.EILSEQ;
    const parent = this.resolve(slash === 0 ? '/' : path.slice(0, slash));
    return parent < 0 ? (parent as number) : { parent: parent as InodeNumber, name };
  }

  /** An entry was answered for the path: its lookup is ours. */
  entered(path: string, ino: InodeNumber): void {
    this.inos.set(path, ino);
  }

  /** The path names another inode or none now; nothing is below it. */
  gone(path: string): void {
    this.inos.delete(path);
  }

  /** Before two paths change their meaning: also all below them, if they are directories. Looks at all there are. */
  moving(from: string, to: string): void {
    const directory = this.isDirectory(from) || this.isDirectory(to);
    this.inos.delete(from);
    this.inos.delete(to);
    if (!directory) return;
    for (const known of [...this.inos.keys()]) {
      if (known.startsWith(`${from}/`) || known.startsWith(`${to}/`)) this.inos.delete(known);
    }
  }

  private isDirectory(path: string): boolean {
    const ino = this.resolve(path);
    if (ino < 0 || this.operations.getattr(this.caller, ino as InodeNumber, this.attr) < 0) return false;
    return (this.attr.mode & S_IFMT) === S_IFDIR;
  }
}
