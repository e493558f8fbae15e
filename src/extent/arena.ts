// The memory of extent maps: one reservation of fixed size, shared by all maps of a filesystem, committed by the
// kernel as it is touched. It hands out units of three sizes and keeps free ones in lists that run through the units
// themselves, so that mutation makes no garbage. Counterpart: the slab caches behind XFS's and btrfs's extent maps.
//
//   starts   │ 64 bytes         │ 64     │ 64     │ ...      a bit a word of the page, used by dense pages only
//   words    │ page 0, all zero │ page 1 │ page 2 │ ...      2,048 bytes a page: 512 words of 32 bits
//
// A page is handed out whole or carved, once and for good, into 16 units of 32 words or 64 units of 8 words. Page 0
// is never handed out: a hole is looked up in it like any other segment (see segment.ts).
//
// The reservation is an ArrayBuffer of zeros: an anonymous one, or a mapping that the caller brings.
import { PAGE_WORDS } from './entry.js';

export const SMALL = 8;
export const LARGE = 32;
export const PAGE = PAGE_WORDS;
/** Words of a unit. */
export type UnitSize = typeof SMALL | typeof LARGE | typeof PAGE;

const STARTS_BYTES = PAGE / 8;
/** What a dense page costs. */
export const PAGE_BYTES = PAGE * 4 + STARTS_BYTES;
/** Offsets of words stay below 2^30, so that an entry holds one beside its tag. */
const MAX_PAGES = 2 ** 21;
const DEFAULT_PAGES = 2 ** 17;
/** Ends a free list: page 0 is not handed out. */
const END = 0;

export interface ArenaUse {
  /** Units that are handed out, by size. */
  readonly small: number;
  readonly large: number;
  readonly pages: number;
  /** Pages that can still be handed out. */
  readonly room: number;
}

export class ExtentArena {
  declare readonly words: Int32Array;
  declare readonly starts: Int32Array;
  /** The bytes of `starts` and of one word behind, to be read from any byte on: little-endian, as it is. */
  declare readonly window: DataView;
  /** Output of segment operations: how many blocks lost their mapping. The calling map sets it to 0 before. */
  dropped = 0;
  /** Pages that can still be handed out or carved. */
  declare room: number;
  private untouched = PAGE;
  private freePage = END;
  private freeLarge = END;
  private freeSmall = END;
  private usedPages = 0;
  private usedLarge = 0;
  private usedSmall = 0;

  /**
   * @param memory zeros, 8-byte aligned, that belong to the arena from now on; by default 264 MiB of address space, enough for 64 M blocks
   *   (256 GiB of files) however scattered within their segments.
   * @throws TypeError if it is no ArrayBuffer, RangeError if it has not room for two pages.
   */
  constructor(memory: ArrayBuffer = new ArrayBuffer(ExtentArena.bytesFor(DEFAULT_PAGES))) {
    if (!(memory instanceof ArrayBuffer))
      throw new TypeError(`an extent arena takes an ArrayBuffer of zeros, not ${typeof memory}`);
    const pages = Math.min(Math.floor(memory.byteLength / PAGE_BYTES), MAX_PAGES);
    if (pages < 2) {
      const least = ExtentArena.bytesFor(2);
      throw new RangeError(`an extent arena of ${memory.byteLength} bytes: it needs ${least} at least`);
    }
    const bitmaps = pages * STARTS_BYTES;
    this.starts = new Int32Array(memory, 0, bitmaps / 4);
    this.window = new DataView(memory, 0, bitmaps + 4);
    this.words = new Int32Array(memory, bitmaps, pages * PAGE);
    this.room = pages - 1;
  }

  /** Bytes of a reservation with so many pages, 2 to 2^21. A page holds a 2 MiB segment of more than 16 runs. */
  static bytesFor(pages: number): number {
    return pages * PAGE_BYTES;
  }

  /** One line for console.log. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const { small, large, pages, room } = this.use;
    return `ExtentArena { small: ${small}, large: ${large}, pages: ${pages}, room: ${room} }`;
  }

  get use(): ArenaUse {
    return { small: this.usedSmall, large: this.usedLarge, pages: this.usedPages, room: this.room };
  }

  /** Words that are handed out. */
  get taken(): number {
    return this.usedSmall * SMALL + this.usedLarge * LARGE + this.usedPages * PAGE;
  }

  /** Precondition: room > 0. The unit's words are not cleared. Answers the index of its first word. */
  take(size: UnitSize): number {
    let unit: number;
    if (size === SMALL) {
      if (this.freeSmall === END) this.freeSmall = this.carve(SMALL);
      unit = this.freeSmall;
      this.freeSmall = this.words[unit]!;
      this.usedSmall++;
    } else if (size === LARGE) {
      if (this.freeLarge === END) this.freeLarge = this.carve(LARGE);
      unit = this.freeLarge;
      this.freeLarge = this.words[unit]!;
      this.usedLarge++;
    } else {
      unit = this.takePage();
      this.usedPages++;
    }
    return unit;
  }

  give(unit: number, size: UnitSize): void {
    if (size === SMALL) {
      this.words[unit] = this.freeSmall;
      this.freeSmall = unit;
      this.usedSmall--;
    } else if (size === LARGE) {
      this.words[unit] = this.freeLarge;
      this.freeLarge = unit;
      this.usedLarge--;
    } else {
      this.words[unit] = this.freePage;
      this.freePage = unit;
      this.usedPages--;
      this.room++;
    }
  }

  /** Throws Error unless every page ever touched is handed out, carved or free. For tests: O(pages). */
  check(): void {
    const { words } = this;
    const must = (holds: boolean, what: string) => {
      if (!holds) throw new Error(`extent arena: ${what}`);
    };
    for (let i = 0; i < PAGE; i++) must(words[i] === 0, 'page 0 is not zero');
    const length = (head: number, size: number) => {
      let n = 0;
      for (let unit = head; unit !== END; unit = words[unit]!) {
        must(unit % size === 0 && unit < this.untouched, `unit ${unit} in the free list of ${size} words`);
        must(++n <= words.length / size, `the free list of ${size} words is a circle`);
      }
      return n;
    };
    const small = length(this.freeSmall, SMALL) + this.usedSmall;
    const large = length(this.freeLarge, LARGE) + this.usedLarge;
    const free = length(this.freePage, PAGE);
    must(
      (this.usedPages + free) * PAGE + small * SMALL + large * LARGE === this.untouched - PAGE,
      'a unit is lost',
    );
    must(this.room === free + (words.length - this.untouched) / PAGE, 'room');
  }

  private takePage(): number {
    this.room--;
    const page = this.freePage;
    if (page !== END) {
      this.freePage = this.words[page]!;
      return page;
    }
    const fresh = this.untouched;
    if (fresh === this.words.length) throw new RangeError('the extent arena is full');
    this.untouched = fresh + PAGE;
    return fresh;
  }

  /** Makes a list of units out of a page; answers its head. */
  private carve(size: number): number {
    const page = this.takePage();
    for (let unit = page; unit < page + PAGE; unit += size) this.words[unit] = unit + size;
    this.words[page + PAGE - size] = END;
    return page;
  }
}
