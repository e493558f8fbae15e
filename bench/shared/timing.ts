// Timing of one contestant in this process. One call is far below the clock's resolution, so tinybench is given
// batches (`overriddenDuration`), and a round's figure is the median of its batches. The calls of a batch do not wait for
// one another: figures are throughput, not latency.
import { Bench } from 'tinybench';

/** A batch takes at least so long, ms, unless it has MOST_OPERATIONS. */
const BATCH_MS = 0.5;
export const MOST_OPERATIONS = 2 ** 13;
/**
 * Before the first batch counts: short calls for so long, so that V8 compiles the batch as a whole and not in the middle
 * of its first long loop, which gives slower code that stays; then long ones. ms.
 */
const WARM_MS = 60;
const SHORT = 16;
const LONG = 256;

/** Carries out `n` operations, a power of two up to MOST_OPERATIONS; answers something that depends on all of them. */
export type Batch = (n: number) => number;

export class Timed {
  private readonly batch: Batch;
  private operations = 0;
  /** Keeps the answers alive: the compiler drops a result that is never used. */
  sum = 0;

  constructor(batch: Batch) {
    this.batch = batch;
  }

  /** Measures for about `ms`; answers ns an operation. */
  async measure(ms: number): Promise<number> {
    if (this.operations === 0) this.operations = this.fit();
    const { operations } = this;
    const bench = new Bench({ time: ms, iterations: 3, warmup: false });
    bench.add('batch', () => {
      const from = bench.now();
      this.sum = (this.sum + this.batch(operations)) | 0;
      const took = bench.now() - from;
      return { overriddenDuration: took / operations, overriddenIterationCost: took };
    });
    await bench.run();
    const result = bench.tasks[0]!.result;
    if (!('latency' in result)) throw new Error(`tinybench: ${result.state}`);
    return result.latency.p50 * 1e6;
  }

  /** Warms up; answers how many operations a batch has. */
  private fit(): number {
    const ns = Math.min(this.warm(SHORT), this.warm(LONG));
    const most = Math.log2((BATCH_MS * 1e6) / ns);
    return 1 << Math.max(0, Math.min(Math.log2(MOST_OPERATIONS), Math.ceil(most)));
  }

  /** Answers ns an operation, the clock's included. */
  private warm(operations: number): number {
    const from = performance.now();
    let calls = 0;
    let took = 0;
    for (; took < WARM_MS; calls++) {
      this.sum = (this.sum + this.batch(operations)) | 0;
      took = performance.now() - from;
    }
    return (took * 1e6) / (calls * operations);
  }
}

/** Bytes that `batch` leaves on the heap an operation. Needs --expose-gc and a young generation that holds them all. */
export function garbageOf(batch: Batch, operations: number): number {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('the garbage is measured with node --expose-gc');
  batch(operations);
  batch(operations);
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3; i++) {
    gc();
    const before = process.memoryUsage().heapUsed;
    batch(operations);
    least = Math.min(least, Math.abs(process.memoryUsage().heapUsed - before));
  }
  // What the two questions themselves leave.
  gc();
  const before = process.memoryUsage().heapUsed;
  const asking = process.memoryUsage().heapUsed - before;
  return Math.max(0, least - asking) / operations;
}

/** What `heapOf` fills to tell small things from the heap's own noise. */
const ENOUGH = 2 ** 24;
const MOST_COPIES = 10_000;

/** Bytes of heap that one of what `make` makes takes. */
export function heapOf(make: () => object): number {
  const used = () => {
    globalThis.gc?.();
    globalThis.gc?.();
    return process.memoryUsage().heapUsed;
  };
  const measured = (copies: number) => {
    const before = used();
    const kept = Array.from({ length: copies }, make);
    return (used() - before) / kept.length;
  };
  measured(1);
  const rough = Math.max(measured(1), ENOUGH / MOST_COPIES);
  return measured(Math.max(1, Math.floor(ENOUGH / rough)));
}
