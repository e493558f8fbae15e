// Registrations that the kernel itself refused, of buffers with an io_uring: they were judged before the call, and are no
// pins. The supervisor does not see what a call returns. At the next call of the same thread that is stopped, the ring's
// list in /proc says whether it has the buffers, unless another call in between may have taken them out.
import { linkOf, readText } from '../process/proc-text.js';
import { parseBuffers, RING } from '../process/registered-buffers.js';
import type { RegisteredMemory } from './buffers.js';
import type { UnleasedRegistration } from './report.js';

/** What was counted for one call. */
export interface Judged {
  readonly pins: readonly number[];
  readonly unleased: readonly UnleasedRegistration[];
}

interface Call extends Judged {
  readonly ring: number;
  readonly buffers: readonly RegisteredMemory[];
}

/** Threads whose last call is kept. */
const THREADS = 256;
/** A ring in use leaves its list out. */
const BUSY_TRIES = 50;

export class Unmade {
  private readonly last = new Map<number, Call>();
  private readonly tell: (judged: Judged) => void;

  /** @param tell gets what the kernel refused. */
  constructor(tell: (judged: Judged) => void) {
    this.tell = tell;
  }

  /** The thread stands at a call whose buffers were judged. */
  judged(tid: number, buffers: readonly RegisteredMemory[], judged: Judged): void {
    const ring = buffers[0]?.fd ?? -1;
    if (ring < 0 || buffers.some(({ kind }) => kind !== 'buffer')) return;
    if (this.last.size < THREADS) this.last.set(tid, { ...judged, ring, buffers });
  }

  /** The thread stands at another call. @param registers one that may change what a ring has. */
  stopped(tid: number, registers: boolean): void {
    const call = this.last.get(tid);
    if (call !== undefined && isMissing(tid, call)) this.tell(call);
    if (registers) this.last.clear();
    else this.last.delete(tid);
  }
}

/** The ring is there and says that it has none of the buffers. */
function isMissing(tid: number, { ring, buffers }: Call): boolean {
  try {
    if (linkOf(`/proc/${tid}/fd/${ring}`) !== RING) return false;
    for (let tries = 0; tries < BUSY_TRIES; tries++) {
      const listed = parseBuffers(readText(`/proc/${tid}/fdinfo/${ring}`));
      if (listed === 'busy') continue;
      return !buffers.some(({ addr, bytes }) =>
        listed.some(({ address, length }) => address === addr && length === bytes),
      );
    }
  } catch {
    // It may not be looked at.
  }
  return false;
}
