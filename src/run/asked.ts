// Registrations that went on to the kernel, until it is seen what the kernel answered: the supervisor does not see what a call
// returns. That the ring has the memory says that it was made, at any time. That it has it not says that the kernel refused: only
// at the thread's next call that is stopped, unless another call in between may have taken it out.
import { holdsNow } from '../process/registration.js';
import type { RegisteredMemory } from './buffers.js';
import type { UnleasedRegistration } from './report.js';

/** What was counted for one call. */
export interface Judged {
  readonly pins: readonly number[];
  readonly unleased: readonly UnleasedRegistration[];
}

/** 'asked': the answer is not known yet. */
export type Outcome = 'asked' | 'held' | 'refused';

interface Caller {
  readonly tid: number;
  readonly pid: number;
  readonly start: number;
}

interface Call extends Judged {
  readonly caller: Caller;
  readonly held: readonly RegisteredMemory[];
  looks: number;
}

/** Threads whose last call is kept. */
const THREADS = 256;
/** ms between looks, and how many there are of a call. */
const LOOK_MS = 20;
const LOOKS = 5;

export class Asked {
  private readonly last = new Map<number, Call>();
  private readonly tell: (judged: Judged, outcome: Outcome) => void;
  private look: NodeJS.Timeout | undefined;

  constructor(tell: (judged: Judged, outcome: Outcome) => void) {
    this.tell = tell;
  }

  /** The thread stands at a call that registers the memory, and goes on. */
  judged({ tid, pid, start }: Caller, held: readonly RegisteredMemory[], judged: Judged): void {
    this.tell(judged, 'asked');
    if (this.last.size >= THREADS) return;
    this.last.set(tid, { ...judged, caller: { tid, pid, start }, held, looks: 0 });
    this.look ??= setInterval(() => this.lookAtAll(), LOOK_MS).unref();
  }

  /** The thread stands at another call. @param registers one that may change what a ring has. */
  stopped(tid: number, registers: boolean): void {
    const call = this.last.get(tid);
    if (call !== undefined && this.lookAt(tid, call) === 'no') this.tell(call, 'refused');
    if (registers) for (const [other, its] of this.last) if (other !== tid) this.lookAt(other, its);
    if (registers) this.last.clear();
    else this.last.delete(tid);
  }

  /** What is not known now stays so. */
  close(): void {
    this.lookAtAll();
    clearInterval(this.look);
    this.last.clear();
  }

  private lookAtAll(): void {
    let left = 0;
    for (const [tid, call] of this.last) {
      if (call.looks++ < LOOKS && this.lookAt(tid, call) !== 'yes') left++;
    }
    if (left > 0) return;
    clearInterval(this.look);
    this.look = undefined;
  }

  /** 'yes', which is reported: some of the memory is held; 'no': none is. */
  private lookAt(tid: number, call: Call): 'yes' | 'no' | 'unknown' {
    const { held, caller } = call;
    let isKnown = true;
    for (const { kind, fd, addr, listedAt, bytes, part = 0 } of held) {
      const seen = holdsNow({ ...caller, kind, fd, addr: listedAt ?? addr, bytes, part });
      if (seen === 'yes') {
        this.last.delete(tid);
        this.tell(call, 'held');
        return seen;
      }
      isKnown &&= seen === 'no';
    }
    return isKnown ? 'no' : 'unknown';
  }
}
