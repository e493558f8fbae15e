// The oracle: file block -> value in plain arrays, one element a block, over a few windows of a file of 2^53 bytes.
// It knows nothing of runs or segments; what the map answers about those is worked out from end to end each time.
import { EXTENT_FIELDS, EXTENT_LAST, EXTENT_UNWRITTEN, MAX_PGOFF } from '../../src/extent/index.js';

export interface Extent {
  pgoff: number;
  blk: number;
  n: number;
  flags: number;
}

export class NaiveMap {
  /** First block of each window, rising, far enough apart that no extent reaches from one to the next. */
  readonly origins: readonly number[];
  readonly width: number;
  private readonly windows: Int32Array[];

  constructor(origins: readonly number[], width: number) {
    this.origins = origins;
    this.width = width;
    this.windows = origins.map(() => new Int32Array(width));
  }

  value(pgoff: number): number {
    for (let w = 0; w < this.origins.length; w++) {
      const i = pgoff - this.origins[w]!;
      if (i >= 0 && i < this.width) return this.windows[w]![i]!;
    }
    return 0;
  }

  /** Sets the values from `value` on, 0 for holes; what lies outside of the windows is dropped. */
  set(pgoff: number, n: number, value: number): void {
    this.each(pgoff, n, (window, i, k) => {
      window[i] = value > 0 ? value + k : value < 0 ? value - k : 0;
    });
  }

  markWritten(pgoff: number, n: number): void {
    this.each(pgoff, n, (window, i) => {
      window[i] = Math.abs(window[i]!);
    });
  }

  get blocks(): number {
    return this.windows.reduce(
      (sum, window) => sum + window.reduce((n, value) => n + (value !== 0 ? 1 : 0), 0),
      0,
    );
  }

  /** The first block at or behind `pgoff` within the windows that `wanted` takes; -1 if there is none. */
  find(pgoff: number, wanted: (value: number) => boolean): number {
    for (let w = 0; w < this.origins.length; w++) {
      const origin = this.origins[w]!;
      for (let i = Math.max(0, pgoff - origin); i < this.width; i++)
        if (wanted(this.windows[w]![i]!)) return origin + i;
    }
    return -1;
  }

  /** All extents, maximal, in order. */
  extents(): Extent[] {
    const extents: Extent[] = [];
    this.origins.forEach((origin, w) => {
      let last: Extent | undefined;
      this.windows[w]!.forEach((value, i) => {
        const flags = value < 0 ? EXTENT_UNWRITTEN : 0;
        const blk = Math.abs(value);
        const goesOn =
          last !== undefined &&
          last.pgoff + last.n === origin + i &&
          last.blk + last.n === blk &&
          last.flags === flags;
        if (value === 0) return;
        if (goesOn) {
          last!.n++;
          return;
        }
        last = { pgoff: origin + i, blk, n: 1, flags };
        extents.push(last);
      });
    });
    return extents;
  }

  /** What fiemap must answer. */
  fiemap(pgoff: number, n: number, most: number): Extent[] {
    const all = this.extents();
    const meeting = all
      .filter(extent => extent.pgoff < pgoff + n && extent.pgoff + extent.n > pgoff)
      .slice(0, most);
    const last = meeting.at(-1);
    if (last !== undefined && last === all.at(-1)) last.flags |= EXTENT_LAST;
    return meeting;
  }

  private each(pgoff: number, n: number, visit: (window: Int32Array, i: number, k: number) => void): void {
    const end = Math.min(pgoff + n, MAX_PGOFF);
    this.origins.forEach((origin, w) => {
      for (let at = Math.max(pgoff, origin); at < Math.min(end, origin + this.width); at++) {
        visit(this.windows[w]!, at - origin, at - pgoff);
      }
    });
  }
}

/** The records that fiemap wrote. */
export function records(out: Float64Array, n: number): Extent[] {
  return Array.from({ length: n }, (_, i) => {
    const [pgoff, blk, length, flags] = out.subarray(i * EXTENT_FIELDS, (i + 1) * EXTENT_FIELDS);
    return { pgoff: pgoff!, blk: blk!, n: length!, flags: flags! };
  });
}
