// Freed blocks that still have their bytes, of a store with a journal: until the next commit, since a death of the daemon
// before it undoes the change that freed them; and then until they come to their turn, since returning pages takes long.
// Kernel counterpart: the blocks that ext4 and XFS keep busy until the transaction that freed them is on disk.
import type { Journal } from '../journal/journal.js';

/** Blocks that one `slice` frees. */
const SLICE = 512;

/** Runs of blocks as pairs: the first, how many. */
type Runs = number[];

export class IdleBlocks {
  /** Those that count as free. */
  blocks = 0;
  private readonly committed: () => void;
  private awaitsCommit = false;
  /** Freed since the last commit; those in segments where something is held, which count as used. */
  private readonly fresh: Runs = [];
  private readonly held: Runs = [];
  private readonly settled: Runs = [];

  /** @param committed called behind each commit of such blocks */
  constructor(committed: () => void) {
    this.committed = () => {
      this.awaitsCommit = false;
      committed();
    };
  }

  /** Whether `slice` has something to do. */
  get hasSettled(): boolean {
    return this.settled.length > 0;
  }

  /** @param isHeld something is held in the segment */
  add(journal: Journal, blk: number, n: number, isHeld: boolean): void {
    if (!this.awaitsCommit) {
      this.awaitsCommit = true;
      journal.afterCommit(this.committed);
    }
    if (isHeld) {
      this.held.push(blk, n);
    } else {
      this.fresh.push(blk, n);
      this.blocks += n;
    }
  }

  /** What was freed since the last commit may be used. */
  settle(): void {
    const { fresh, settled } = this;
    for (let i = 0; i < fresh.length; i++) settled.push(fresh[i]!);
    fresh.length = 0;
  }

  /** Frees some. */
  slice(each: (blk: number, n: number) => void): void {
    const { settled } = this;
    for (let left = SLICE; left > 0 && settled.length > 0; ) {
      const n = settled.pop()!;
      const blk = settled.pop()!;
      const part = Math.min(n, left);
      if (part < n) settled.push(blk + part, n - part);
      left -= part;
      this.blocks -= part;
      each(blk, part);
    }
  }

  /** Something is to be held: what awaits a commit counts as used from now on. How many blocks those are. */
  keep(): number {
    const { blocks, fresh, held } = this;
    for (let i = 0; i < fresh.length; i += 2) {
      held.push(fresh[i]!, fresh[i + 1]!);
      this.blocks -= fresh[i + 1]!;
    }
    fresh.length = 0;
    return blocks - this.blocks;
  }

  /** Those that counted as used, behind their commit. */
  takeHeld(each: (blk: number, n: number) => void): void {
    const { held } = this;
    for (let i = 0; i < held.length; i += 2) each(held[i]!, held[i + 1]!);
    held.length = 0;
  }
}
