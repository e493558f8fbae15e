// Searches for kernel pins (N10) in a thread of its own, which the daemon starts with its first search, so that the event
// loop does not wait. The search reads the memory maps of processes that may be waiting for this daemon, so it may have to
// wait until the daemon has served them; the wait is bounded.
//
// One search answers every caller that asked before it began. A search that could not look everywhere (no descriptor, no
// permission, no time) says so: that is not the same as having found nothing.
import { Worker } from 'node:worker_threads';
import { guarded, type Log } from '../base/guarded.js';
import type { Found, FoundPin } from './kernel-pins.js';

/** What is looked for in the memory maps of processes. */
export interface Question {
  /** As /proc/PID/maps writes it; the same for all callers. */
  readonly device: string;
  readonly inos: readonly number[];
}

/**
 * The longest wait for an answer, ms. A search takes some 10 ms; the first starts the thread, in an emulator 2 s; both took over
 * 5 s on a machine with ten programs a processor.
 */
const LIMIT_MS = 30_000;

interface Asked {
  readonly question: Question;
  readonly found: (found: Found) => void;
  readonly late: NodeJS.Timeout;
}

export class KernelPinSearch {
  private readonly log: Log;
  /** The callers that wait for the next search, and for the one under way. */
  private next = new Set<Asked>();
  private current = new Set<Asked>();
  private searching = false;
  private worker: Worker | undefined;

  constructor(log: Log) {
    this.log = log;
  }

  /** Calls `found` once, later; `found` must not throw. */
  find(question: Question, found: Asked['found']): void {
    const late = setTimeout(() => this.giveUp(asked), LIMIT_MS);
    const asked: Asked = { question, found, late };
    this.next.add(asked);
    // One search answers all callers of one turn of the event loop.
    setImmediate(() => this.start());
  }

  /** Waiting callers get no answer any more. */
  close(): void {
    for (const { late } of [...this.current, ...this.next]) clearTimeout(late);
    this.current.clear();
    this.next.clear();
    void this.worker?.terminate();
    this.worker = undefined;
  }

  private start(): void {
    if (this.searching || this.next.size === 0) return;
    this.current = this.next;
    this.next = new Set();
    const questions = [...this.current].map(({ question }) => question);
    const all: Question = {
      device: questions[0]!.device,
      inos: [...new Set(questions.flatMap(({ inos }) => inos))],
    };
    try {
      this.worker ??= this.newWorker();
      this.worker.postMessage(all);
      this.searching = true;
    } catch (error) {
      this.finish({ pins: [], unseen: (error as Error).message });
    }
  }

  private newWorker(): Worker {
    const worker = new Worker(new URL('./kernel-pins-thread.js', import.meta.url));
    worker.unref();
    worker.on(
      'message',
      guarded(this.log, 'message', (found: Found) => this.finish(found)),
    );
    worker.on(
      'error',
      guarded(this.log, 'message', ({ message }: Error) => {
        if (this.worker === worker) this.worker = undefined;
        this.finish({ pins: [], unseen: message });
      }),
    );
    return worker;
  }

  private finish({ pins, unseen }: Found): void {
    const { current } = this;
    this.searching = false;
    this.current = new Set();
    const byFile = new Map<number, FoundPin[]>();
    for (const pin of pins) {
      const same = byFile.get(pin.ino);
      if (same === undefined) byFile.set(pin.ino, [pin]);
      else same.push(pin);
    }
    for (const { question, late, found } of current) {
      clearTimeout(late);
      found({ pins: question.inos.flatMap(ino => byFile.get(ino) ?? []), unseen });
    }
    this.start();
  }

  private giveUp(asked: Asked): void {
    if (!this.current.delete(asked) && !this.next.delete(asked)) return;
    asked.found({ pins: [], unseen: `it took over ${LIMIT_MS} ms` });
  }
}
