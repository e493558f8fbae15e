// Notifies of lease breaks on one open file description (B1), by a break descriptor in the event loop.

import type { LeaseKind } from '../abi/kinds.js';
import type { Calls } from './calls.js';
import { type Notice, Notices } from './notices.js';

export interface LeaseBreak {
  /** What the lease must become; with `breakMs` 0, what it is now. */
  readonly must: LeaseKind;
  /** ms until that is forced (B2); 0: the break is over, by force or because another sharer answered it. */
  readonly breakMs: number;
}

export class BreakWatch implements Disposable {
  private readonly notices: Notices;
  private readonly tell: (notice: LeaseBreak) => void;
  private soon: NodeJS.Immediate | undefined;
  private isOpen = true;

  /**
   * Does not keep the event loop alive. Reports a break that is already pending, too.
   * @param tell is called at the end of the mount as at the end of a break: the lease is gone.
   * @throws FsError as Notices does.
   */
  constructor(calls: Calls, tell: (notice: LeaseBreak) => void) {
    this.notices = new Notices(calls);
    this.tell = tell;
    this.notices.wait(false, () => this.hear(this.notices.take()));
    this.tellSoon(this.notices.first);
  }

  /** To be called when this process has set the lease, which settles the earlier notices. */
  answered(): void {
    if (!this.isOpen) return;
    clearImmediate(this.soon);
    const last = this.notices.take();
    if (last === 'ended') this.hear(last);
    else if (last !== undefined) this.tellSoon(last);
  }

  /** Stops; idempotent. */
  close(): void {
    this.isOpen = false;
    clearImmediate(this.soon);
    this.notices.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  private tellSoon(notice: Notice): void {
    if (notice.breakMs > 0) this.soon = setImmediate(() => this.hear(notice)).unref();
  }

  private hear(notice: Notice | 'ended' | undefined): void {
    if (notice === undefined || !this.isOpen) return;
    if (notice === 'ended') this.close();
    this.tell(
      notice === 'ended' ? { must: 'none', breakMs: 0 } : { must: notice.kind, breakMs: notice.breakMs },
    );
  }
}
