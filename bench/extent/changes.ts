// Changes to a contestant's file, and back: piece i is punched, piece i - lag is mapped again as it was (workload.ts).
import type { Contestant } from './contestant.js';
import type { Pieces } from './workload.js';

export class Changes {
  private readonly contestant: Contestant;
  private readonly pieces: Pieces;
  /** The next change. */
  private next = 0;

  constructor(contestant: Contestant, pieces: Pieces) {
    this.contestant = contestant;
    this.pieces = pieces;
  }

  /** The next n changes. */
  carryOut(n: number): number {
    const end = this.next + n;
    for (let i = this.next; i < end; i++) this.change(i);
    this.next = end;
    return end;
  }

  /** Maps again what the last changes punched, so that the file is as it was loaded. */
  restore(): void {
    for (const end = this.next + 2 * this.pieces.lag + 2; this.next < end; this.next++)
      if ((this.next & 1) === 1) this.change(this.next);
  }

  /** Punches for even i, maps again for odd ones. */
  private change(i: number): void {
    const { start, length, blk, lag } = this.pieces;
    const last = start.length - 1;
    const punched = (i >> 1) & last;
    if ((i & 1) === 0) {
      this.contestant.punch!(start[punched]!, length[punched]!);
    } else {
      const mapped = (punched - lag) & last;
      this.contestant.map!(start[mapped]!, blk[mapped]!, length[mapped]!);
    }
  }
}
