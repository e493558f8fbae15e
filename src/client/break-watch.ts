// Hears of lease breaks on one descriptor (B1). POLLPRI stays pending until the break is answered, so the poll is
// stopped at the first notice; while the break lasts the lease is asked from time to time, which tells when it is over
// and when the lease must become something else than was said.

import type { LeaseKind } from '../abi/kinds.js';
import type { Poller } from '../native/binding.js';
import type { Calls } from './calls.js';

export interface LeaseBreak {
  /** What the lease must become; with `breakMs` 0, what it is now. */
  readonly must: LeaseKind;
  /** ms until that is forced (B2); 0: the break is over, by force or because another sharer answered it. */
  readonly breakMs: number;
}

/** ms between two looks at a break that lasts. */
const LOOK_AGAIN_MS = 50;

export class BreakWatch implements Disposable {
  private readonly calls: Calls;
  private readonly ask: () => LeaseBreak;
  private readonly tell: (notice: LeaseBreak) => void;
  private poller: Poller | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** What the pending break was said to demand; undefined when none is known. */
  private told: LeaseKind | undefined;

  /**
   * Does not keep the event loop alive.
   * @param ask what F_GETLEASE says now; throws when the mount is gone, which ends the watch.
   */
  constructor(calls: Calls, ask: () => LeaseBreak, tell: (notice: LeaseBreak) => void) {
    this.calls = calls;
    this.ask = ask;
    this.tell = tell;
    this.listen();
  }

  /** To be called when this process has set the lease: what was told is settled. */
  answered(): void {
    if (this.poller === undefined && this.timer === undefined) return;
    this.listen();
  }

  /** Stops; idempotent. */
  close(): void {
    this.poller?.close();
    this.poller = undefined;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.told = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  private listen(): void {
    this.close();
    this.poller = this.calls.watch(() => this.look());
    this.poller.unref();
  }

  private look(): void {
    let now: LeaseBreak;
    try {
      now = this.ask();
    } catch {
      this.close();
      this.tell({ must: 'none', breakMs: 0 });
      return;
    }
    const news = now.breakMs === 0 || now.must !== this.told;
    // Watch again first: `tell` may answer the break or close the watch.
    if (now.breakMs === 0) {
      this.listen();
    } else {
      this.close();
      this.told = now.must;
      this.timer = setTimeout(() => this.look(), LOOK_AGAIN_MS).unref();
    }
    if (news) this.tell(now);
  }
}
