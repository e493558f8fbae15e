// What the kernel made of the registrations that were judged, as the report needs it at the end.
import type { Judged, Outcome } from './asked.js';
import type { UnleasedRegistration } from './report.js';

export class Outcomes {
  /** Memory that was registered, or was to be, without a lease. */
  readonly unleased = new Set<UnleasedRegistration>();
  private readonly asked = new Set<number | UnleasedRegistration>();
  private readonly refused = new Set<number>();

  set({ pins, unleased }: Judged, outcome: Outcome): void {
    for (const one of [...pins, ...unleased]) {
      if (outcome === 'asked') this.asked.add(one);
      else this.asked.delete(one);
    }
    if (outcome !== 'refused') return;
    for (const pin of pins) this.refused.add(pin);
    for (const one of unleased) this.unleased.delete(one);
  }

  /** Whether it is not known what the kernel answered. */
  isAsked(one: number | UnleasedRegistration): boolean {
    return this.asked.has(one);
  }

  /** Whether the kernel refused what the pin was for. */
  isRefused(pin: number): boolean {
    return this.refused.has(pin);
  }
}
