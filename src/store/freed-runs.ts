// Runs of blocks that were freed and still have their pages. They are returned to the kernel in batches, neighbours by one
// call. Kernel counterpart: the discards that ext4 gathers for a commit.

/** Blocks, 512 KiB, at which the pages are returned: bounds the unused memory and the time of one return. */
const FULL = 128;

export class FreedRuns {
  blocks = 0;
  private runs: { readonly start: number; readonly end: number }[] = [];

  get full(): boolean {
    return this.blocks >= FULL;
  }

  /** Precondition: not in it. */
  add(blk: number, n: number): void {
    this.runs.push({ start: blk, end: blk + n });
    this.blocks += n;
  }

  has(blk: number): boolean {
    return this.runs.some(({ start, end }) => start <= blk && blk < end);
  }

  /** Empties it: the first block of each run and how many, rising, joined where they meet. */
  take(each: (blk: number, n: number) => void): void {
    const runs = this.runs.sort((a, b) => a.start - b.start);
    this.runs = [];
    this.blocks = 0;
    for (let i = 0; i < runs.length; ) {
      const { start } = runs[i]!;
      let { end } = runs[i++]!;
      while (i < runs.length && runs[i]!.start === end) end = runs[i++]!.end;
      each(start, end - start);
    }
  }
}
