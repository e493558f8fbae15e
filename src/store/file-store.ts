// What the filesystem sees of a store: one object a regular file, for each kind of store. It moves bytes and blocks and
// knows nothing of inodes, leases or pins: the filesystem has checked the caller's rights before.
import type { Gather } from '../base/gather.js';

/** What the store knows of a file's data now. One object serves all calls in turn. */
export class FileStat {
  size = 0;
  /** Units of 512 bytes. */
  blocks = 0;
  atime = 0;
  atimeNsec = 0;
  mtime = 0;
  mtimeNsec = 0;
  ctime = 0;
  ctimeNsec = 0;
  /** Counts the changes of the content; undefined where the store reports them only by its times. */
  changes: number | undefined;
}

/** A run of a file's blocks in one segment of the store. One object serves all calls in turn. */
export class Extent {
  /** Bytes in the file, whole blocks. */
  off = 0;
  len = 0;
  /** Bytes into the segment. */
  store = 0;
  /** Which segment, from 1 on; 0: the file itself. */
  segment = 0;
  /** Has blocks and reads as zeros. */
  unwritten = false;
}

/** Of blocks of the store: the first, how many. */
export type Held = (blk: number, n: number) => void;

/** Blocks granted to a client. The store gives them to no other file before `release` and while a process maps them. */
export interface Grant {
  /**
   * Adds an extent of a segment; the segment's descriptor, for the client, valid until `release`. -EBUSY while a process
   * maps the segment though its grant has ended; -EMFILE, -ENOMEM; -ENOLCK: the user has no
   * share left for another run of blocks, or a quarter of the store is freed and kept.
   */
  add(extent: Extent): number;
  /** Of all blocks that it holds. */
  readonly bytes: number;
  /** Those blocks in runs, the first and how many of each. */
  readonly runs: readonly number[];
  /** Holds a run that the last daemon's grant held, as `add`. Before any blocks are freed. */
  restore(blk: number, n: number): void;
  release(): void;
}

/** Answered for a part of what was asked: the same is asked again until all of it is done. */
export const MORE = 1;

/** What takes long and is done by a thread: starts it; 0 or `-errno`. */
export type Aside = () => Promise<number>;

/** Memory that a thread is to free. */
export interface Freeing {
  readonly bytes: number;
  readonly start: Aside;
}

export interface StoredFile {
  /** Of the store, never used again: by it the next daemon finds the file. */
  readonly number: number;
  /** A descriptor that the kernel may serve by passthrough; -1: none, or at rest. */
  readonly backing: number;
  /**
   * Gives its descriptor up, where it has one of its own: until `wake` only `stat`, `size`, `isInUse` and `free` work. 0;
   * -EBUSY while a process has it open or mapped.
   */
  rest(): number;
  /** 0; -ENFILE, -EMFILE, -ENOMEM, and nothing is changed. */
  wake(): number;
  /** Whether a process other than this one has its memory open or mapped, as far as the kernel reports it. */
  isInUse(): boolean;
  /** Bytes, as the store has them now: the daemon does not see passthrough writes (K22). */
  size(): number;
  stat(out: FileStat): void;
  /**
   * Where [off, off + len) lies in memory, up to 1 MiB, into `out`: the bytes that are there, 0 at or beyond the end. -1
   * for a file that must be read; nothing is in `out` then.
   */
  gather(off: number, len: number, out: Gather): number;
  /** Bytes read, 0 at or beyond the end; `-errno`. */
  read(off: number, len: number, out: ArrayBuffer, at: number): number;
  /** The user who pays for the memory that the next changes add to the file's extent map; at first its maker. */
  chargeTo(uid: number): void;
  /** Bytes written, fewer than `len` where no more find a block; -ENOSPC where none does, `-errno`. */
  write(off: number, len: number, data: ArrayBuffer, at: number): number;
  /**
   * 0, MORE or `-errno` (-EFBIG). Frees what is cut off, and blocks beyond the end unless the file grows; what is added reads
   * as zeros. The first call sets the size.
   */
  setSize(size: number): number;
  /** The same for a thread where it may take long; undefined where `setSize` does not. @param waits a writer may hold it up. */
  cutAside(size: number, waits: boolean): Aside | undefined;
  /**
   * Gives the holes of [off, off + len) their blocks; extends the file unless `keepSize`. `lift`: the guard may be
   * lifted for an instant (F14). -ENOSPC; -EOPNOTSUPP for blocks beyond the end of a file whose guard must stay.
   */
  allocate(off: number, len: number, keepSize: boolean, lift: boolean): number;
  /** Whether the holes of [off, off + len) would find their blocks now; true also where so many runs are not looked at. */
  fits(off: number, len: number): boolean;
  /** Makes [off, off + len) read as zeros and, where `lift` allows it, frees its whole blocks. 0, MORE or `-errno`. */
  punch(off: number, len: number, lift: boolean): number;
  /** The same, `lift` being true, for a thread where it may take long. */
  punchAside(off: number, len: number): Aside | undefined;
  /** Makes [off, off + len) read as zeros and keeps or gives it blocks. 0 or `-errno`. */
  zero(off: number, len: number, keepSize: boolean, lift: boolean): number;
  /** SEEK_DATA (3) or SEEK_HOLE (4); -ENXIO beyond the end. */
  seek(off: number, whence: number): number;
  /** Whether [start, end), in blocks, holds data or lies partly in a hole, at this instant. */
  hasData(start: number, end: number): boolean;
  hasHole(start: number, end: number): boolean;
  /** Counts the changes of the layout; of the identity, which never changes, 0. */
  readonly seq: number;
  /**
   * The first extent that ends behind byte `off`, from its block on, not beyond the block of the last byte; false: none.
   */
  nextExtent(off: number, out: Extent): boolean;
  /** How many extents the file has; of the identity, which is never in pieces, 1. */
  extentCount(): number;
  /** Makes the unwritten blocks of [off, off + len) written: they read as before. 0 or -ENOSPC. */
  commit(off: number, len: number): number;
  /**
   * Frees the file's memory and blocks; with a journal, behind the commit that has removed it: no death restores them. What is left of that for a thread, if it is much; see also `FileStore.tidy`. */
  free(): Freeing | undefined;
}

export interface LentMemory {
  /** Bytes of freed blocks that no file gets before their grants have ended and no process maps their segment. */
  readonly kept: number;
  /** st_dev of the segments. */
  readonly dev: number;
  /** Their numbers, as extents have them, by inode. */
  readonly byIno: ReadonlyMap<number, number>;
}

export interface FileStore {
  readonly name: 'direct' | 'pooled';
  /** Whether each file's blocks are the store's own (the identity): then writes change no layout (X8). */
  readonly isDirect: boolean;
  /** A new empty file. Throws an Error with `code` (EMFILE, ENOMEM, ENOSPC). @param uid see `chargeTo`. */
  create(uid: number): StoredFile;
  /** A file of the last daemon's, by its number. */
  restored(number: number, uid: number): StoredFile;
  /** Whether the user has no share left of the memory of extent maps: then no hole gets blocks, ENOSPC. */
  isShort(uid: number): boolean;
  /** @param uid whose share of the holds it takes. @param held called with each run of blocks that it holds from now on. */
  newGrant(uid: number, held?: Held): Grant;
  /** The memory of which clients may have mappings of their own; undefined where that is each file itself. */
  lent(): LentMemory | undefined;
  /** Bytes of free space in runs of 2 MiB and more; undefined where no block has a place. */
  readonly freeInLongRuns: number | undefined;
  /** Files that have a descriptor of their own now; undefined where none ever has. */
  readonly descriptors: number | undefined;
  /** Frees some of what deleted files have left; whether more is left. */
  tidy(): boolean;
  /** Which pages may be huge (huge= of tmpfs); null where the kernel's page cache decides. */
  readonly huge: string | null;
  /** Bytes promised by --size, and used. */
  readonly capacity: Space;
  /** Changes what is promised. 0; -EINVAL below what is used, and beyond what the store can count. */
  resize(size: number): number;
}

/** Bytes that there may be in all, and that are used. */
interface Space {
  readonly total: number;
  readonly used: number;
}

/** The same, counted. */
export class Capacity implements Space {
  total: number;
  used = 0;

  constructor(total: number) {
    this.total = total;
  }

  get free(): number {
    return this.total - this.used;
  }
}
