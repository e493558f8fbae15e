// The directory of segments that lie too far out, or too far apart, for a flat array: a radix tree of arena pages of
// 512 entries with four levels, so a lone block at the end of 2^53 bytes costs 8 KiB. Counterpart: the upper levels
// of a page table (PGD, P4D, PUD, PMD).
//
//   segment number, 32 bits:   31..27 │ 26..18 │ 17..9 │ 8..0
//
// An inner slot is the first word of the page below it, 0 for none; a slot of the last level is a segment's entry.
import { type ExtentArena, PAGE } from './arena.js';
import { HOLE } from './entry.js';

const BITS = 9;
const SLOT = PAGE - 1;
const TOP_SHIFT = 3 * BITS;

/** 2^53 bytes. */
export const MAX_SEGMENTS = 2 ** 32;
const NO_PAGE = 0;
const slotOf = (segment: number, shift: number): number => (segment >>> shift) & SLOT;

export class FarDirectory {
  private readonly arena: ExtentArena;
  private top = NO_PAGE;

  constructor(arena: ExtentArena) {
    this.arena = arena;
  }

  get(segment: number): number {
    const { words } = this.arena;
    let at = this.top;
    for (let shift = TOP_SHIFT; at !== NO_PAGE && shift >= 0; shift -= BITS)
      at = words[at + slotOf(segment, shift)]!;
    return at;
  }

  /** Precondition: arena.room >= 4, a page for each level, or the entry is HOLE. */
  set(segment: number, entry: number): void {
    if (entry === HOLE) {
      if (this.top !== NO_PAGE && this.clear(this.top, TOP_SHIFT, segment)) {
        this.arena.give(this.top, PAGE);
        this.top = NO_PAGE;
      }
      return;
    }
    const { words } = this.arena;
    if (this.top === NO_PAGE) this.top = this.newPage();
    let page = this.top;
    for (let shift = TOP_SHIFT; shift > 0; shift -= BITS) {
      const at = page + slotOf(segment, shift);
      if (words[at] === NO_PAGE) words[at] = this.newPage();
      page = words[at]!;
    }
    words[page + slotOf(segment, 0)] = entry;
  }

  /** The first segment at or behind `segment` that has an entry, -1 if there is none. */
  next(segment: number): number {
    const { words } = this.arena;
    let candidate = segment;
    while (this.top !== NO_PAGE && candidate < MAX_SEGMENTS) {
      let at = this.top;
      let shift = TOP_SHIFT;
      for (; shift >= 0; shift -= BITS) {
        at = words[at + slotOf(candidate, shift)]!;
        if (at === NO_PAGE) break;
      }
      if (shift < 0) return candidate;
      const span = 2 ** shift;
      candidate = (Math.floor(candidate / span) + 1) * span;
    }
    return -1;
  }

  /** Pages that it holds. O(pages). */
  get pages(): number {
    return this.top === NO_PAGE ? 0 : this.pagesBelow(this.top, TOP_SHIFT);
  }

  private pagesBelow(page: number, shift: number): number {
    let pages = 1;
    for (let slot = 0; shift > 0 && slot < PAGE; slot++) {
      const below = this.arena.words[page + slot]!;
      if (below !== NO_PAGE) pages += this.pagesBelow(below, shift - BITS);
    }
    return pages;
  }

  /** Clears a segment's slot and frees the pages that become empty; answers whether `page` did. */
  private clear(page: number, shift: number, segment: number): boolean {
    const { words } = this.arena;
    const at = page + slotOf(segment, shift);
    if (words[at] === 0) return false;
    if (shift > 0) {
      const below = words[at]!;
      if (!this.clear(below, shift - BITS, segment)) return false;
      this.arena.give(below, PAGE);
    }
    words[at] = 0;
    for (let i = page; i < page + PAGE; i++) if (words[i] !== 0) return false;
    return true;
  }

  private newPage(): number {
    const page = this.arena.take(PAGE);
    this.arena.words.fill(0, page, page + PAGE);
    return page;
  }
}
