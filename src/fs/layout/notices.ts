// What comes once for each holder of a file when a break begins or is forced (a notice, a signal, an event, a line of the log)
// is carried out some at a time, in order, and requests are served in between: a file has up to 1024 leases (L10).
import type { LeaseId } from '../../base/units.js';
import type { Effect } from '../../lease/types.js';

/** Of one call into the lease machine, and of one turn of the event loop: 10 to 50 us each. */
const AT_ONCE = 32;

type ToHolder = Extract<Effect, { effect: 'tell' | 'removed' | 'lowered' }>;

const isToHolder = ({ effect }: Effect): boolean =>
  effect === 'tell' || effect === 'removed' || effect === 'lowered';

export class Notices {
  private due: (() => void)[] = [];
  private turn: NodeJS.Immediate | undefined;
  /** Leases whose holder is to be notified in a later turn. */
  private readonly owed = new Set<LeaseId>();

  /** Whether some are left for later turns. */
  get arePending(): boolean {
    return this.due.length > 0;
  }

  /** Whether the holder of the lease has not been notified of its break yet. */
  isOwed(lease: LeaseId): boolean {
    return this.owed.size > 0 && this.owed.has(lease);
  }

  /**
   * Carries out the effects of one call into the machine. @param carry must not throw. @param isStale a break that was
   * answered since needs no notice.
   */
  carryOut(
    effects: readonly Effect[],
    carry: (effect: Effect) => void,
    isStale: (effect: Extract<ToHolder, { effect: 'tell' }>) => boolean,
  ): void {
    let now = 0;
    for (const effect of effects) {
      if (!isToHolder(effect) || (!this.arePending && now++ < AT_ONCE)) carry(effect);
      else {
        if (effect.effect === 'tell') this.owed.add(effect.lease);
        this.add(() => {
          if (effect.effect === 'tell') this.owed.delete(effect.lease);
          if (effect.effect !== 'tell' || !isStale(effect)) carry(effect);
        });
      }
    }
  }

  /** Runs it, behind what is left. */
  after(run: () => void): void {
    if (this.arePending) this.add(run);
    else run();
  }

  close(): void {
    clearImmediate(this.turn);
    this.due = [];
  }

  private add(run: () => void): void {
    this.due.push(run);
    this.turn ??= setImmediate(() => this.next());
  }

  private next(): void {
    const now = this.due.splice(0, AT_ONCE);
    this.turn = this.arePending ? setImmediate(() => this.next()) : undefined;
    for (const run of now) run();
  }
}
