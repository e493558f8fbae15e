// Runs of blocks that were freed and still have their pages: a few are given back to the kernel at once, those that are
// neighbours by one call. Kernel counterpart: the discards that ext4 gathers for a commit.

/** Give back when there are so many: 512 KiB, of memory that nobody uses and of waiting when it is given back. */
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
