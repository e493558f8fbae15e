// What a world of test/lease is made of: the names of the histories for effects, and files
// with sizes and blocks.
import { kindName } from '../../src/abi/kinds.js';
import { BLOCK, blockOf, blocksFor, type LeaseId, type PinId } from '../../src/base/units.js';
import type { Blocks, Effect } from '../../src/lease/index.js';

export interface FileSpec {
  readonly f: number;
  readonly size?: number;
  readonly blocks?: readonly number[];
  readonly uid?: number;
  readonly regular?: boolean;
  readonly pooled?: boolean;
}

/** The user that owns files and runs processes unless a history says otherwise. */
export const USER = 10;

export class File implements Blocks {
  size: number;
  uid: number;
  readonly blocks: Set<number>;
  readonly regular: boolean;
  readonly pooled: boolean;

  constructor({ size = 4 * BLOCK, blocks = [0, 1, 2], uid = USER, regular = true, pooled = true }: FileSpec) {
    this.size = size;
    this.blocks = new Set(blocks);
    this.uid = uid;
    this.regular = regular;
    this.pooled = pooled;
  }

  hasData(start: number, end: number): boolean {
    for (let block = start; block < end; block++) if (this.blocks.has(block)) return true;
    return false;
  }

  hasHole(start: number, end: number): boolean {
    for (let block = start; block < end; block++) if (!this.blocks.has(block)) return true;
    return false;
  }

  fill(start: number, end: number): void {
    for (let block = start; block < end; block++) this.blocks.add(block);
  }

  /** Bytes [lo, hi) get their blocks; the file grows to hold them. */
  write(lo: number, hi: number): void {
    this.fill(blockOf(lo), blocksFor(hi));
    this.size = Math.max(this.size, hi);
  }

  free(start: number, end: number): void {
    for (const block of this.blocks) if (block >= start && block < end) this.blocks.delete(block);
  }

  setSize(size: number): void {
    if (size < this.size) this.free(blocksFor(size), Number.POSITIVE_INFINITY);
    this.size = size;
  }
}

/** Seen from outside; `d` is a description, `tell` and `owner` a process, `woken` the step that waited. */
export type Seen = Readonly<Record<string, string | number>>;

/** An effect in the words of the histories; undefined where they have none. */
export function seenOf(
  effect: Exclude<Effect, { effect: 'wake' }>,
  descriptionOf: (lease: LeaseId) => number,
  nameOf: (pin: PinId) => number,
): Seen | undefined {
  const { rule } = effect;
  switch (effect.effect) {
    case 'tell': {
      const { owner: tell, description: d, must, notice } = effect;
      return { tell, d, must: kindName(must), rule, ...(notice && { signal: notice.signal }) };
    }
    case 'ended':
    case 'removed':
    case 'lowered':
      return { [effect.effect]: effect.description, rule };
    case 'zombie':
      return { zombie: descriptionOf(effect.lease), rule };
    case 'owner':
      return { owner: effect.owner, d: effect.description, rule };
    case 'unpinned':
      return { unpinned: nameOf(effect.pin), rule };
    case 'granted':
    case 'converted':
    case 'pinned':
      return undefined;
    default:
      return effect satisfies never;
  }
}
