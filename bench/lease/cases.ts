// The layout changes that are timed.
export const CASES = [
  'allowed: owner of the exclusive lease, beside its pins (X3)',
  'refused: on a pin of its own (X1, EDEADLK)',
  'refused: on a pin of another process (X1, ETXTBSY)',
  'refused: beside the pins, by the exclusive lease of another (X2, ETXTBSY)',
  'refused: on a page that the kernel holds (X1, N10)',
  'allowed: a file without a lease (X5)',
] as const;
export type Case = (typeof CASES)[number];

export interface LeaseAsk {
  readonly case: Case;
  readonly pins: number;
  readonly ms: number;
}
export interface LeaseAnswer {
  readonly ns: number;
}
