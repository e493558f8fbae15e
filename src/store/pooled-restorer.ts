// Reads what PooledRecords wrote (pooled-records.ts): files with their maps, in the order of the records, and the space.
// Free is what no file maps; the allocator's bitmap is made once, from all maps.
import { type ExtentArena, MAX_PGOFF } from '../extent/index.js';
import type { LogReader } from '../journal/log.js';
import { RECORD } from '../journal/records.js';
import type { Restorer } from '../journal/restorer.js';
import { BlockBitmap } from './block-bitmap.js';
import type { ChargedMap } from './charged-map.js';
import type { FileState } from './pooled-file.js';
import type { PooledSpace } from './pooled-space.js';
import { type RestoredSpace, restoreSpace } from './restored-space.js';

export interface RestoredFile extends FileState {
  readonly map: ChargedMap;
}

export class PooledRestorer implements Restorer, RestoredSpace {
  readonly files = new Map<number, RestoredFile>();
  private readonly space: PooledSpace;
  private readonly arena: ExtentArena;
  private readonly newMap: (number: number) => ChargedMap;
  total: number | undefined;
  readonly lent = new Set<number>();
  exposed: BlockBitmap | undefined;
  private last: RestoredFile | undefined;

  constructor(space: PooledSpace, arena: ExtentArena, newMap: (number: number) => ChargedMap) {
    this.space = space;
    this.arena = arena;
    this.newMap = newMap;
  }

  readonly handlers = {
    [RECORD.pooledFile]: (record: LogReader): void => {
      const file = this.file(record.f64());
      file.size = record.f64();
      file.mtimeSec = record.f64();
      file.mtimeNsec = record.u32();
      file.changes = record.f64();
      file.seq = record.f64();
    },
    [RECORD.pooledFileMade]: (record: LogReader): void => {
      const file = this.file(record.f64());
      file.atimeSec = record.f64();
      file.atimeNsec = record.u32();
    },
    [RECORD.pooledFileGone]: (record: LogReader): void => {
      const number = record.f64();
      // Its part of the arena is free again.
      this.file(number).map.truncate(0);
      this.files.delete(number);
      this.last = undefined;
    },
    [RECORD.blocks]: (record: LogReader): void => {
      const { map } = this.file(record.f64());
      const pgoff = record.f64();
      const value = record.u32() | 0;
      const n = record.u32();
      this.check(value > 0 ? map.map(pgoff, value, n) : map.preallocate(pgoff, -value, n));
    },
    [RECORD.written]: (record: LogReader): void => {
      const { map } = this.file(record.f64());
      this.check(map.markWritten(record.f64(), record.f64()));
    },
    [RECORD.hole]: (record: LogReader): void => {
      const { map } = this.file(record.f64());
      const pgoff = record.f64();
      const n = record.f64();
      this.check(pgoff + n < MAX_PGOFF ? map.punch(pgoff, n) : map.truncate(pgoff));
    },
    [RECORD.space]: (record: LogReader): void => {
      this.total = record.f64();
      this.sawNumber(record.f64());
    },
    [RECORD.lent]: (record: LogReader): void => {
      const segment = record.u32();
      if (record.u32() === 1) this.lent.add(segment);
      else this.lent.delete(segment);
    },
    [RECORD.exposed]: (record: LogReader): void => {
      const blk = record.u32();
      const end = blk + record.u32();
      this.exposed ??= new BlockBitmap(this.space.most + 1);
      if (record.u32() === 1) this.exposed.set(blk, end);
      else this.exposed.clear(blk, end);
    },
  };

  /** @throws Error: the journal or the segments are damaged. */
  finish(): void {
    restoreSpace(this.space, mapsOf(this.files), this);
  }

  private file(number: number): RestoredFile {
    if (this.last?.map.number === number) return this.last;
    let file = this.files.get(number);
    if (file === undefined) {
      file = {
        map: this.newMap(number),
        size: 0,
        atimeSec: 0,
        atimeNsec: 0,
        mtimeSec: 0,
        mtimeNsec: 0,
        changes: 0,
        seq: 0,
      };
      this.files.set(number, file);
      this.sawNumber(number);
    }
    this.last = file;
    return file;
  }

  private sawNumber(number: number): void {
    this.space.lastNumber = Math.max(this.space.lastNumber, number);
  }

  private check(result: number): void {
    if (result < 0)
      throw new Error(
        `the journal's extents do not fit into the memory of maps: ${this.arena.room} pages free`,
      );
  }
}

function* mapsOf(files: ReadonlyMap<number, RestoredFile>): Generator<ChargedMap> {
  for (const { map } of files.values()) yield map;
}
