// Searches for kernel pins (N10) in a thread of its own, which the daemon starts with its first search, so that the event
// loop does not wait. The search reads the memory maps of processes that may be waiting for this daemon, so it may have to
// wait until the daemon has served them; the wait is bounded. A process may make the thread wait as long as it likes, by a
// server of its own that does not answer: such a thread is left to its wait, and another one searches without that process.
//
// One search answers every caller that asked before it began. A search that could not look everywhere (no descriptor, no
// permission, no time) says so: that is not the same as having found nothing.
import { Worker } from 'node:worker_threads';
import { guarded, type Log } from '../base/guarded.js';
import { userOf } from '../base/subordinates.js';
import type { Found, FoundPin, Stuck } from './kernel-pins.js';
import { LeftThreads } from './left-threads.js';
import { isInExec, uidOf } from './proc-text.js';

/** What is looked for in the memory maps of processes. */
export interface Question {
  /** As /proc/PID/maps writes it; the same for all callers. */
  readonly device: string;
  readonly inos: readonly number[];
}

/** What the thread is asked. */
export interface Ask extends Question {
  readonly stuck: Stuck;
}

/**
 * The longest wait for an answer, ms. A search takes some 10 ms; the first starts the thread, in an emulator 2 s; both took over
 * 5 s on a machine with ten programs a processor.
 */
const LIMIT_MS = 30_000;
/** A thread that looks at one process for longer is left to its wait, ms: it waits for a server of that process. */
const STUCK_MS = 3000;
/** How often that is checked, ms. */
const CHECK_MS = 100;
/** Of one user: from then on no process of that user is looked at, root apart. */
const STUCK_OF_USER = 2;
/** Threads that are left to their wait; beyond this number no search begins. */
const STUCK_MAX = 8;

/** The process that a thread waits for. */
interface Awaited {
  readonly pid: number;
  readonly uid: number;
}

interface Asked {
  readonly question: Question;
  readonly found: (found: Found) => void;
  readonly late: NodeJS.Timeout;
}

export class KernelPinSearch {
  private readonly log: Log;
  private readonly thread: URL;
  /** The callers that wait for the next search, and for the one under way. */
  private next = new Set<Asked>();
  private current = new Set<Asked>();
  private searching: Ask | undefined;
  private worker: Worker | undefined;
  private readonly stuck = new LeftThreads<Awaited>(STUCK_MAX);
  /** Of the thread: the pid of the process that it looks at, or 0, and how many it has looked at. */
  private looked: Int32Array = new Int32Array(2);
  private check: NodeJS.Timeout | undefined;

  /** @param thread the module that searches. */
  constructor(log: Log, thread = new URL('./kernel-pins-thread.js', import.meta.url)) {
    this.log = log;
    this.thread = thread;
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
    clearInterval(this.check);
    void this.worker?.terminate();
    this.worker = undefined;
  }

  private start(): void {
    if (this.searching !== undefined || this.next.size === 0) return;
    this.current = this.next;
    this.next = new Set();
    const questions = [...this.current].map(({ question }) => question);
    this.search({
      device: questions[0]!.device,
      inos: [...new Set(questions.flatMap(({ inos }) => inos))],
    });
  }

  private search(question: Question): void {
    try {
      if (this.stuck.isFull) throw new Error('the threads wait for other filesystem servers');
      this.searching = { ...question, stuck: this.leftOut() };
      this.worker ??= this.newWorker();
      this.worker.postMessage(this.searching);
      this.watch();
    } catch (error) {
      this.finish({ pins: [], unseen: (error as Error).message });
    }
  }

  private newWorker(): Worker {
    this.looked = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
    const worker = new Worker(this.thread, {
      workerData: this.looked,
    });
    worker.unref();
    worker.on(
      'message',
      guarded(this.log, 'message', (found: Found) => {
        if (this.worker === worker) this.finish(found);
      }),
    );
    worker.on(
      'error',
      guarded(this.log, 'message', ({ message }: Error) => {
        if (this.worker !== worker) return;
        this.worker = undefined;
        this.finish({ pins: [], unseen: message });
      }),
    );
    return worker;
  }

  private leftOut(): Stuck {
    const awaited = this.stuck.waits;
    const uids = awaited.map(({ uid }) => uid);
    return {
      pids: new Set(awaited.map(({ pid }) => pid)),
      uids: new Set(uids.filter(uid => uid !== 0 && uids.filter(its => its === uid).length >= STUCK_OF_USER)),
    };
  }

  /** Looks, until the search has ended, whether the thread waits for a process. */
  private watch(): void {
    clearInterval(this.check);
    let last = 0;
    let since = 0;
    const check = (): void => {
      const [pid = 0, looks = 0] = this.looked;
      const now = performance.now();
      if (pid === 0 || looks !== last) {
        last = looks;
        since = now;
      } else if (now - since > STUCK_MS || isInExec(pid)) {
        this.leave(pid);
      }
    };
    this.check = setInterval(guarded(this.log, 'pin search', check), CHECK_MS).unref();
  }

  /** The thread waits for the process: another one goes on. */
  private leave(pid: number): void {
    const { worker, searching } = this;
    if (worker === undefined || searching === undefined) return;
    const uid = userOf(uidOf(pid));
    this.log(
      `the search for kernel pins waits for process ${pid} of user ${uid}: it goes on without that process`,
    );
    this.stuck.leave(worker, { pid, uid });
    this.worker = undefined;
    this.search(searching);
  }

  private finish({ pins, unseen }: Found): void {
    const { current } = this;
    clearInterval(this.check);
    this.searching = undefined;
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
