// The pins of a file in the order of their ids, which is the order of their age.
import type { Lease, Pin } from './records.js';

/**
 * Merges the leases' pins; each lease keeps its own oldest first. Pins may come and go between two steps: a pin that ended
 * is left out, a new one may be.
 */
export function* pinsByAge(leases: readonly Lease[]): Generator<Pin> {
  const sources = leases.map(lease => lease.pins.values());
  const heads = sources.map(source => source.next().value as Pin | undefined);
  for (;;) {
    let first = -1;
    for (let i = 0; i < heads.length; i++) {
      const id = heads[i]?.id;
      if (id !== undefined && (first < 0 || id < heads[first]!.id)) first = i;
    }
    const pin = heads[first];
    if (pin === undefined) return;
    heads[first] = sources[first]!.next().value as Pin | undefined;
    if (pin.lease.pins.has(pin)) yield pin;
  }
}
