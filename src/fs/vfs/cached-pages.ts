// The kernel's page cache of a file that is served through the daemon, as far as our answers depend on it.
//
// write(2) bypasses the page cache (FOPEN_DIRECT_IO, files.ts): the kernel writes dirty pages of the range back and drops
// them, asks us, and drops them again. A page that a process reads into the cache between the first drop and our write has
// the old bytes; after a store into it, its writeback would overwrite the new bytes with them. So a write over such pages
// keeps the bytes that it replaced, and bytes of a writeback that equal them are not stored. The kept bytes are dropped at
// the next request that holds the inode's lock, since the kernel has then finished the write.
//
// After the answer to a truncate, a punch or a copy the kernel drops pages with their stores, under the inode's lock.
// Kernel counterparts: fuse_direct_io, fuse_file_fallocate, fuse_do_setattr (fs/fuse).
import { BLOCK, blockOf, blocksFor } from '../../base/units.js';
import type { StoredFile } from '../../store/file-store.js';
import type { Inode } from './inode.js';

/** Bytes that all files together keep of what writes have replaced; the oldest go first. */
const KEPT_BYTES = 16 << 20;

/** Bytes [off, off + before.length) as they were before a write. */
interface Replaced {
  readonly off: number;
  readonly before: Uint8Array;
  /** Those of its blocks that were read into the cache since. */
  readonly fresh: Set<number>;
}

/** In the order in which they were made. */
const kept = new Map<CachedPages, number>();
let keptBytes = 0;

const scratch = new ArrayBuffer(1 << 20);

export class CachedPages {
  /** Answers after which the kernel drops pages, and how many of these drops are known to be complete. */
  private drops = 0;
  private dropped = 0;
  /** Pages were read into the cache while a process could store into them. */
  mayBeStored = false;
  /** Blocks [from, to) hold all that were read into the cache since a write was last carried out. */
  private from = 0;
  private to = 0;
  private replaced: Replaced | undefined;

  /** A request that holds the inode's lock has come. */
  locked(): void {
    this.dropped = this.drops;
    this.forget();
  }

  /** A request is answered after which the kernel drops pages. */
  dropping(): void {
    this.drops++;
  }

  /** Undefined: the kernel drops no pages now. Else to be called when it has had the inode's lock once from now on. */
  whenDropped(): (() => void) | undefined {
    const { drops } = this;
    if (drops === this.dropped) return undefined;
    return () => {
      this.dropped = Math.max(this.dropped, drops);
    };
  }

  /** The kernel reads [off, off + len) into its cache. */
  filled(off: number, len: number, storable: boolean): void {
    const start = blockOf(off);
    const end = blocksFor(off + len);
    this.mayBeStored ||= storable;
    this.from = this.to === 0 ? start : Math.min(this.from, start);
    this.to = Math.max(this.to, end);
    const { replaced } = this;
    if (replaced === undefined) return;
    const stop = Math.min(end, blocksFor(replaced.off + replaced.before.length));
    for (let at = Math.max(start, blockOf(replaced.off)); at < stop; at++) replaced.fresh.add(at);
  }

  /** Before write(2) changes [off, off + len) of the file. */
  writing(file: StoredFile, off: number, len: number): void {
    this.forget();
    const start = Math.max(off, this.from * BLOCK);
    const end = Math.min(off + len, this.to * BLOCK);
    this.from = 0;
    this.to = 0;
    if (start >= end) return;
    // What lies beyond the end reads as zeros in the cache too.
    const before = new Uint8Array(end - start);
    file.read(start, before.length, before.buffer, 0);
    this.replaced = { off: start, before, fresh: new Set() };
    kept.set(this, before.length);
    keptBytes += before.length;
    for (const [oldest] of kept) {
      if (keptBytes <= KEPT_BYTES) break;
      oldest.forget();
    }
  }

  /** Removes from the `len` bytes of a writeback at `off` those that are older than a write and no store. */
  settle(file: StoredFile, off: number, len: number, buffer: ArrayBuffer, at: number): void {
    const { replaced } = this;
    if (replaced === undefined) return;
    const data = new Uint8Array(buffer, at, len);
    const start = Math.max(off, replaced.off);
    const end = Math.min(off + len, replaced.off + replaced.before.length);
    if (start >= end) return;
    const now = new Uint8Array(scratch, 0, end - start);
    const there = file.read(start, end - start, scratch, 0);
    now.fill(0, Math.max(there, 0));
    for (let i = start; i < end; i++) {
      if (data[i - off] === replaced.before[i - replaced.off] && !replaced.fresh.has(blockOf(i))) {
        data[i - off] = now[i - start]!;
      }
    }
  }

  /** No description of the file is open for stores any more. */
  closed(): void {
    this.mayBeStored = false;
  }

  private forget(): void {
    if (this.replaced === undefined) return;
    this.replaced = undefined;
    keptBytes -= kept.get(this) ?? 0;
    kept.delete(this);
  }
}

/** The request that is answered now makes the kernel drop pages of the file. One that passthrough serves has none. */
export function dropsPages(inode: Inode): void {
  const pages = (inode.file?.backing ?? -1) < 0 ? inode.pages : inode.cachedPages;
  pages?.dropping();
}
