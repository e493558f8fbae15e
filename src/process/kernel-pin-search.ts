// Looks for kernel pins (N10) without holding the caller up: in a thread of its own, which a daemon starts when it first
// asks. It reads the memory maps of processes that may be waiting for this very daemon, so that it may have to wait until
// the daemon has served them; the wait is bounded.
import { Worker } from 'node:worker_threads';
import type { KernelPin } from './kernel-pins.js';

/** What is looked for in the memory maps of processes. */
export interface Place {
  /** As /proc/PID/maps writes it. */
  readonly device: string;
  readonly inos: readonly number[];
}

export interface Question extends Place {
  readonly id: number;
}

export interface Answer {
  readonly id: number;
  readonly pins: readonly KernelPin[];
}

/** Beyond this many ms nothing was found. A search takes some 10 ms; the first starts the thread, in an emulator 2 s. */
const LIMIT_MS = 5000;

interface Asked {
  readonly found: (pins: readonly KernelPin[]) => void;
  readonly late: NodeJS.Timeout;
}

export class KernelPinSearch {
  private readonly log: (line: string) => void;
  private readonly asked = new Map<number, Asked>();
  private worker: Worker | undefined;
  private lastId = 0;

  constructor(log: (line: string) => void) {
    this.log = log;
  }

  /** Calls `found`, which throws nothing, once, later; with nothing when the search fails or takes too long, which the log tells. */
  find(place: Place, found: Asked['found']): void {
    const id = ++this.lastId;
    const late = setTimeout(() => {
      this.log(`the search for kernel pins took over ${LIMIT_MS} ms: the change goes on without`);
      this.finish(id, []);
    }, LIMIT_MS);
    this.asked.set(id, { found, late });
    this.thread().postMessage({ id, ...place } satisfies Question);
  }

  /** Nobody is told any more. */
  close(): void {
    for (const { late } of this.asked.values()) clearTimeout(late);
    this.asked.clear();
    void this.worker?.terminate();
    this.worker = undefined;
  }

  private thread(): Worker {
    if (this.worker !== undefined) return this.worker;
    const worker = new Worker(new URL('./kernel-pins-thread.js', import.meta.url));
    worker.unref();
    worker.on('message', ({ id, pins }: Answer) => this.finish(id, pins));
    worker.on('error', error => {
      this.log(`the search for kernel pins failed: ${error.message}`);
      if (this.worker === worker) this.worker = undefined;
      for (const id of [...this.asked.keys()]) this.finish(id, []);
    });
    this.worker = worker;
    return worker;
  }

  private finish(id: number, pins: readonly KernelPin[]): void {
    const asked = this.asked.get(id);
    if (asked === undefined) return;
    this.asked.delete(id);
    clearTimeout(asked.late);
    asked.found(pins);
  }
}
