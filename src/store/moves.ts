// A direct file's way into the pool and back, so that more files can be there than descriptors.
//
// The order is lease test, copy, seal, copy, free (F20). The kernel's write lease proves that no other process has the memfd
// open or mapped, and keeps new opens out while it is held. The first copy shows whether there is room, since a seal is
// final. The seal against writing fails while the kernel has a page pinned, for a device that may still write into it; a
// sealed memfd cannot be written, so the second copy is exact.
import { errno, FsError, failureOf } from '../base/errno.js';
import { F_ADD_SEALS, F_SEAL_WRITE } from '../base/linux.js';
import { BLOCK, blocksFor } from '../base/units.js';
import { native } from '../native/binding.js';
import { copyContents } from './contents.js';
import type { DirectStore } from './direct-store.js';
import { FileStat, type Moves, type StoredFile } from './file-store.js';
import { probeUnused } from './in-use.js';
import { PooledStore } from './pooled-store.js';

const stat = new FileStat();

export class DirectMoves implements Moves {
  private readonly direct: DirectStore;
  private pool: PooledStore | undefined;

  constructor(direct: DirectStore) {
    this.direct = direct;
  }

  get descriptors(): number {
    return this.direct.descriptors;
  }

  out(file: StoredFile): StoredFile | number {
    const { capacity } = this.direct;
    file.stat(stat);
    // Blocks beyond the end, which no listing of a memfd's extents shows.
    if (stat.blocks * 512 > blocksFor(stat.size) * BLOCK) return -errno.EBUSY;
    const alone = probeUnused(file.backing);
    if (alone === undefined) return -errno.EAGAIN;
    this.pool ??= new PooledStore(capacity.total, capacity);
    const moved = this.pool.create();
    try {
      const failed = copyContents(file, moved) || native.fcntl(file.backing, F_ADD_SEALS, F_SEAL_WRITE);
      if (failed < 0) {
        moved.free();
        return failed;
      }
      const result = copyContents(file, moved);
      if (result < 0) throw new FsError(result, 'copying a sealed file');
    } finally {
      alone.close();
    }
    file.free();
    return moved;
  }

  in(file: StoredFile, label: string): StoredFile | number {
    const { capacity } = this.direct;
    let back: StoredFile;
    try {
      back = this.direct.create(label);
    } catch (error) {
      return failureOf(error);
    }
    // The file was admitted when it was written: its size is not checked again, even if passthrough wrote beyond --size.
    const { used } = capacity;
    capacity.used -= used;
    const result = copyContents(file, back);
    capacity.used += used;
    if (result < 0) {
      back.free();
      return result;
    }
    file.free();
    return back;
  }
}
