// Threads that wait for another server or process and are left to it: each ends when its wait does.
import type { Worker } from 'node:worker_threads';

export class LeftThreads<Wait> {
  private readonly max: number;
  private readonly left = new Map<Worker, Wait>();

  /** @param max beyond this number no thread should begin what may wait. */
  constructor(max: number) {
    this.max = max;
  }

  get isFull(): boolean {
    return this.left.size >= this.max;
  }

  /** What each waits for. */
  get waits(): Wait[] {
    return [...this.left.values()];
  }

  leave(worker: Worker, wait: Wait): void {
    this.left.set(worker, wait);
    worker.once('exit', () => this.left.delete(worker));
    void worker.terminate();
  }
}
