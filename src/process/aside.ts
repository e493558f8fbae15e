// A thread for work that may wait for processes which in turn wait for this daemon, or for another server (K29, K30). It
// answers questions later, and the wait is bounded. The first question starts the thread. A thread that is late is left to
// its wait, and another one answers what was asked after.
import { parentPort, Worker } from 'node:worker_threads';
import { LeftThreads } from './left-threads.js';

/** Beyond this many ms there is no answer. The start of a thread takes some 50 ms, in an emulator 2 s. */
const LIMIT_MS = 30_000;
/** Threads that are left to their wait; beyond this number there is no answer at once. */
const STUCK_MAX = 4;
/** Questions that wait; beyond this number there is no answer at once. */
const ASKED_MAX = 1024;

interface Asked<Question, Answer> {
  readonly content: Question;
  readonly answered: (answer: Answer | undefined) => void;
  readonly late: NodeJS.Timeout;
}

interface Message<Content> {
  readonly id: number;
  readonly content: Content;
}

export class Aside<Question, Answer> {
  private readonly url: URL;
  /** What the thread does, for the log: 'the search for ...'. */
  private readonly what: string;
  private readonly log: (line: string) => void;
  private readonly asked = new Map<number, Asked<Question, Answer>>();
  private worker: Worker | undefined;
  private readonly stuck = new LeftThreads<undefined>(STUCK_MAX);
  private lastId = 0;

  /** @param url the module of the thread, which calls `answerAside`. */
  constructor(url: URL, what: string, log: (line: string) => void) {
    this.url = url;
    this.what = what;
    this.log = log;
  }

  /** Calls `answered` once, later; with undefined when the thread fails or takes too long, which the log says. */
  ask(content: Question, answered: Asked<Question, Answer>['answered']): void {
    if (this.stuck.isFull || this.asked.size >= ASKED_MAX) {
      setImmediate(answered, undefined);
      return;
    }
    const id = ++this.lastId;
    const late = setTimeout(() => this.giveUp(id), LIMIT_MS);
    this.asked.set(id, { content, answered, late });
    this.thread().postMessage({ id, content } satisfies Message<Question>);
  }

  /** Whether a question is not answered yet. Questions are answered in their order. */
  get isAsked(): boolean {
    return this.asked.size > 0;
  }

  /** Pending questions get no answer any more. */
  close(): void {
    for (const { late } of this.asked.values()) clearTimeout(late);
    this.asked.clear();
    void this.worker?.terminate();
    this.worker = undefined;
  }

  private giveUp(id: number): void {
    this.log(`${this.what} took over ${LIMIT_MS} ms: given up`);
    const { worker } = this;
    this.worker = undefined;
    if (worker !== undefined) this.stuck.leave(worker, undefined);
    this.finish(id, undefined);
    for (const [later, { content, late }] of this.asked) {
      late.refresh();
      this.thread().postMessage({ id: later, content } satisfies Message<Question>);
    }
  }

  private thread(): Worker {
    if (this.worker !== undefined) return this.worker;
    const worker = new Worker(this.url);
    worker.unref();
    worker.on('message', ({ id, content }: Message<Answer>) => this.finish(id, content));
    worker.on('error', error => {
      this.log(`${this.what} failed: ${error.message}`);
      if (this.worker === worker) this.worker = undefined;
      for (const id of [...this.asked.keys()]) this.finish(id, undefined);
    });
    this.worker = worker;
    return worker;
  }

  private finish(id: number, answer: Answer | undefined): void {
    const asked = this.asked.get(id);
    if (asked === undefined) return;
    this.asked.delete(id);
    clearTimeout(asked.late);
    asked.answered(answer);
  }
}

/** In the thread: answers every question by `answer`. */
export function answerAside<Question, Answer>(answer: (question: Question) => Answer): void {
  parentPort!.on('message', ({ id, content }: Message<Question>) => {
    parentPort!.postMessage({ id, content: answer(content) } satisfies Message<Answer>);
  });
}
