// Where the entries of a map's segments stand: a flat array from segment 0 on, as long as it is worth its memory, and
// a FarDirectory for the segments beyond. Like the array and the hash part of a Lua table.
//
//   segments   8       32      512      then an eighth more, up to 2^21 (4 TiB)
//   file    16 MiB   64 MiB   1 GiB
//   in      a unit of the arena         an Int32Array
//
// The flat part grows to a segment if it is then at least 1/32 full; up to 1 GiB it always does. So a map costs no
// more than 128 bytes a segment in use (8 KiB if alone far out), wherever in the file the blocks lie.
import { type ExtentArena, LARGE, PAGE, SMALL, type UnitSize } from './arena.js';
import { HOLE, SEGMENT } from './entry.js';
import { FarDirectory, MAX_SEGMENTS } from './far-directory.js';

const SPREAD = 32;
/** As many as an int32 can count blocks of: a number beyond is a heap object to V8, one load more. */
const MAX_FLAT = 2 ** 21;

/** The base of ExtentMap, not a member of it: its fields are one load nearer on the way of each look-up. */
export class SegmentDirectory {
  // declare: a field that is defined before it is assigned was once undefined, and V8 then checks it at every use.
  declare protected readonly arena: ExtentArena;
  declare protected readonly words: Int32Array;
  declare protected readonly starts: Int32Array;
  declare protected readonly window: DataView;
  declare protected flat: Int32Array;
  /** Index of segment 0's entry in `flat`. */
  protected flatAt = 0;
  /** Blocks that the flat part covers; 0 for an empty map. */
  protected flatEnd = 0;
  /** Segments that the flat part covers. */
  private length = 0;
  /** Segments in use, far ones too. */
  private segments = 0;
  private far: FarDirectory | undefined;

  protected constructor(arena: ExtentArena) {
    this.arena = arena;
    this.words = arena.words;
    this.starts = arena.starts;
    this.window = arena.window;
    this.flat = arena.words;
  }

  /** @param segment 0 to 2^32 - 1. */
  protected entryOf(segment: number): number {
    if (segment < this.length) return this.flat[this.flatAt + segment]!;
    return this.far === undefined ? HOLE : this.far.get(segment);
  }

  /**
   * Changes a segment's entry from `old`, which it has, to `entry`.
   * Precondition: arena.room > 4 (apart from pages that a move of far segments frees), or `old` is not HOLE.
   */
  protected setEntry(segment: number, old: number, entry: number): void {
    if (old === HOLE && entry !== HOLE) {
      this.segments++;
      if (segment >= this.length) this.reach(segment);
    }
    if (segment < this.length) this.flat[this.flatAt + segment] = entry;
    else this.far?.set(segment, entry);
    if (old !== HOLE && entry === HOLE && --this.segments === 0) this.resize(0);
  }

  /**
   * The first segment from `segment` to `limit` - 1 that is not a hole, -1 if there is none. Changes give a limit: what
   * lies behind their range must not cost them anything.
   */
  protected nextSegment(segment: number, limit: number = MAX_SEGMENTS): number {
    const { flat, flatAt, length } = this;
    const end = Math.min(limit, length);
    for (let i = segment; i < end; i++) if (flat[flatAt + i] !== HOLE) return i;
    if (this.far === undefined || limit <= length) return -1;
    const next = this.far.next(segment);
    return next < limit ? next : -1;
  }

  /** Bytes of entries and radix pages. */
  protected directoryBytes(): number {
    return this.length * 4 + (this.far?.pages ?? 0) * PAGE * 4;
  }

  /** Makes the flat part no longer than the first `segments` need. Precondition: those beyond are holes. */
  protected shrink(segments: number): void {
    if (segments < this.length) this.resize(flatLength(segments));
  }

  /** Throws Error on the first invariant that does not hold. */
  protected checkDirectory(): void {
    const must = (holds: boolean, what: string) => {
      if (!holds) throw new Error(`extent directory: ${what}`);
    };
    let used = 0;
    for (let segment = this.nextSegment(0); segment >= 0; segment = this.nextSegment(segment + 1)) used++;
    must(used === this.segments, `${used} segments in use, not ${this.segments}`);
    must(this.flatEnd === this.length * SEGMENT && this.length === flatLength(this.length), 'flat length');
    must(this.length <= PAGE || this.flat.length === this.length, 'flat array');
    const far = this.far?.next(0) ?? -1;
    must(far < 0 || far >= this.length, 'a far segment in reach of the flat part');
  }

  /** Makes room for a segment's entry, which may be HOLE still, in the flat part or the far one. */
  private reach(segment: number): void {
    const length = flatLength(segment + 1);
    if (length <= PAGE || (length <= MAX_FLAT && this.segments * SPREAD >= length)) {
      this.resize(length);
    } else {
      this.far ??= new FarDirectory(this.arena);
    }
  }

  /** Precondition: when it becomes shorter, the entries that are cut off are HOLE. */
  private resize(length: number): void {
    const { arena, flat, flatAt, length: old } = this;
    if (length === old) return;
    if (length === 0) this.far = undefined;
    this.flat = length > PAGE ? new Int32Array(length) : arena.words;
    this.flatAt = length > PAGE || length === 0 ? 0 : arena.take(length as UnitSize);
    const kept = Math.min(old, length);
    this.flat.set(flat.subarray(flatAt, flatAt + kept), this.flatAt);
    if (length <= PAGE) this.flat.fill(HOLE, this.flatAt + kept, this.flatAt + length);
    this.length = length;
    this.flatEnd = length * SEGMENT;
    if (old > 0 && old <= PAGE) arena.give(flatAt, old as UnitSize);
    if (length > old && this.far !== undefined) this.takeFromFar(this.far, length);
  }

  private takeFromFar(far: FarDirectory, length: number): void {
    for (let segment = far.next(0); segment >= 0 && segment < length; segment = far.next(segment)) {
      this.flat[this.flatAt + segment] = far.get(segment);
      far.set(segment, HOLE);
    }
    if (far.next(0) < 0) this.far = undefined;
  }
}

/** The length of the flat part that covers so many segments. */
function flatLength(segments: number): number {
  if (segments <= SMALL) return segments === 0 ? 0 : SMALL;
  if (segments <= LARGE) return LARGE;
  if (segments <= PAGE) return PAGE;
  if (segments > MAX_FLAT) return 2 * MAX_FLAT;
  // An eighth of the power of two below.
  const step = 1 << (28 - Math.clz32(segments - 1));
  return Math.ceil(segments / step) * step;
}
