// A pooled store with a journal, and the next daemon's store from the same segments and the same journal.
import { Journal } from '../../src/journal/journal.js';
import { restore } from '../../src/journal/restorer.js';
import { native } from '../../src/native/binding.js';
import type { StoredFile } from '../../src/store/file-store.js';
import { PooledStore } from '../../src/store/pooled-store.js';

const MIB = 2 ** 20;
const none = new Int32Array(0);

export class PooledWorld {
  readonly store: PooledStore;
  readonly journal: Journal;
  private readonly segments = new Map<number, number>();
  private readonly options: WorldOptions;

  /** @param before the daemon that has died */
  constructor(options: WorldOptions, before?: PooledWorld) {
    this.options = options;
    const { size, most = size, small, bytes = 4 * MIB } = options;
    const memory =
      before === undefined ? native.memfdCreate('journal') : native.dup(before.journal.memory.fd);
    const overflowed = (): void => {
      throw new Error('the journal overflowed');
    };
    this.journal = new Journal(memory, bytes, overflowed, small);
    this.store = new PooledStore(size, most);
    this.store.keepSegments((segment, fd) => this.segments.set(segment, fd));
    for (const [segment, fd] of before?.segments ?? []) {
      const adopted = native.dup(fd);
      this.segments.set(segment, adopted.fd);
      this.store.adoptSegment(segment, adopted);
    }
    this.store.recordIn(this.journal);
    if (before !== undefined) restore(this.journal.read(), [this.store.restorer()]);
  }

  commit(): void {
    this.journal.commit(none, 0);
  }

  /** The daemon dies: descriptors that it alone had are closed, and what was not committed is lost. */
  died(): PooledWorld {
    const { segments } = this.store['space'];
    for (const segment of segments.lent) segments.reclaim(segment);
    return new PooledWorld(this.options, this);
  }

  restored(file: StoredFile): StoredFile {
    return this.store.restored(file.number, 0);
  }

  /** Blocks of segment 0 that have pages. */
  get populated(): number {
    return this.store['space'].segments.populated(0);
  }
}

interface WorldOptions {
  readonly size: number;
  readonly most?: number;
  /** Of the journal: words from which on a log is written anew, and bytes of a log. */
  readonly small?: number;
  readonly bytes?: number;
}
