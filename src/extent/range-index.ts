// The index of pinned ranges: which pins meet the blocks [start, end)? One stands beside each file that has pins.
//
// A B+tree of pins in the order (start, id); the slot of a subtree knows the greatest end below it. The first pin
// that meets a range is the first in order whose end lies beyond the range's start, if it begins before the range's
// end: all later pins begin later still. So a query is one walk from root to leaf and takes the first slot whose
// greatest end is beyond `start` at each step, for overlapping pins too.
// Counterpart: include/linux/interval_tree_generic.h, an rb-tree with the same rule, as a B+tree for the cache.
//
// Costs: a query O(log n), without garbage; insert and remove O(log n), amortized. No memory until it is used,
// about 0.8 KB up to 15 pins, also when they are gone, then about 50 bytes a pin, and as much again for the table of ids.
//
// A node is 512 bytes, 64 words of one Float64Array, leaf and inner alike:
//
//    0       1 .. 15    16 .. 30    31 .. 45   46 .. 60   61 .. 63
//   ┌───────┬──────────┬───────────┬──────────┬──────────┬────────┐
//   │ count │ end      │ 0, or kid │ start    │ id       │ unused │
//   └───────┴──────────┴───────────┴──────────┴──────────┴────────┘
//
// In a leaf a slot is a pin. In an inner node it is a subtree: start and id of its first pin, its greatest end, and
// the word at which its node begins. A query reads count and ends, two cache lines, and one kid. A free node keeps
// the next free one in word 0.
const WIDTH = 15;
const COUNT = 0;
const ENDS = 1;
const KIDS = ENDS + WIDTH;
const STARTS = KIDS + WIDTH;
const IDS = STARTS + WIDTH;
const NODE = 64;

/** Neighbours that hold no more than this together become one node: below WIDTH, so that the next insert does not split it. */
const MERGE = 11;

const NONE = -1;
const NO_WORDS = new Float64Array(0);

export interface PinnedRange {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

/** Ids are safe integers above 0; ranges are blocks, half open, 0 <= start < end <= 2^53 - 1, and may overlap. */
export class RangeIndex implements Iterable<PinnedRange> {
  private words = NO_WORDS;
  private root = NONE;
  /** 0: the root is a leaf. */
  private height = 0;
  /** Where the words that were never used begin. */
  private unused = 0;
  private free = NONE;
  private pins = 0;
  /** Start by id. Invariant: present if and only if height > 0; a single leaf is searched instead. */
  private starts: Map<number, number> | undefined;

  get size(): number {
    return this.pins;
  }

  /** @throws RangeError for an empty range, or an id that is present or no safe integer above 0. */
  insert(id: number, start: number, end: number): void {
    if (!(Number.isSafeInteger(id) && id > 0)) throw new RangeError(`pin id ${id}`);
    if (!(start >= 0 && start < end && Number.isSafeInteger(start) && Number.isSafeInteger(end))) {
      throw new RangeError(`pinned range [${start}, ${end})`);
    }
    if (this.startOf(id) !== NONE) throw new RangeError(`pin ${id} is present`);
    this.reserve();
    if (this.root === NONE) this.root = this.takeNode();
    const split = this.insertBelow(this.root, this.height, id, start, end);
    if (split !== NONE) this.grow(split);
    this.starts?.set(id, start);
    this.pins++;
  }

  /** False if there is no such pin. */
  remove(id: number): boolean {
    const start = this.startOf(id);
    if (start === NONE) return false;
    this.removeBelow(this.root, this.height, id, start);
    this.starts?.delete(id);
    this.pins--;
    if (this.pins === 0) {
      // Keep one node: memory outside the heap is expensive to allocate and to free.
      if (this.words.length > NODE) this.words = NO_WORDS;
      this.root = this.free = NONE;
      this.height = this.unused = 0;
      this.starts = undefined;
    } else {
      this.shrink();
    }
    return true;
  }

  /** Whether a pin meets [start, end); an empty range meets none. */
  overlaps(start: number, end: number): boolean {
    return this.firstOverlap(start, end) !== 0;
  }

  /** The id of the pin that meets [start, end) and comes first by start, then id; 0 if there is none. */
  firstOverlap(start: number, end: number): number {
    if (this.pins === 0 || start >= end) return 0;
    const words = this.words;
    let node = this.root;
    for (let height = this.height; ; height--) {
      let at = node + ENDS;
      const last = at + words[node + COUNT]!;
      while (at < last && words[at]! <= start) at++;
      if (at === last) return 0;
      if (height === 0) return words[at + STARTS - ENDS]! < end ? words[at + IDS - ENDS]! : 0;
      node = words[at + KIDS - ENDS]!;
    }
  }

  /** Visits the ids of all pins that meet [start, end) in order, until `visit` answers false. It must not change the index. */
  forEachOverlap(start: number, end: number, visit: (id: number) => boolean): void {
    if (this.pins > 0 && start < end) this.visitBelow(this.root, this.height, start, end, visit);
  }

  /** All pins by start, then id. The index must not change during the iteration. */
  *[Symbol.iterator](): IterableIterator<PinnedRange> {
    if (this.pins > 0) yield* this.below(this.root, this.height);
  }

  /** One line for console.log. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `RangeIndex { size: ${this.size} }`;
  }

  /** Throws Error on the first invariant that does not hold. For tests: O(n). */
  check(): void {
    const must = (holds: boolean, what: string) => {
      if (!holds) throw new Error(`pin index: ${what}`);
    };
    const { words } = this;
    let nodes = 0;
    let pins = 0;
    let previous = { start: NONE, id: 0 };
    const checkNode = (node: number, height: number): void => {
      nodes++;
      const count = words[node + COUNT]!;
      must(count >= 1 && count <= WIDTH, `node ${node} has ${count} slots`);
      for (let i = 0; i < count; i++) {
        const start = words[node + STARTS + i]!;
        const id = words[node + IDS + i]!;
        const end = words[node + ENDS + i]!;
        const kid = words[node + KIDS + i]!;
        if (height > 0) {
          must(words[kid + STARTS] === start && words[kid + IDS] === id, `first pin of ${kid}`);
          must(this.greatestEnd(kid) === end, `greatest end of ${kid}`);
          checkNode(kid, height - 1);
          continue;
        }
        pins++;
        must(start < end && kid === 0, `pin ${id} is empty or has a kid`);
        must(previous.start < start || (previous.start === start && previous.id < id), `order at pin ${id}`);
        must(this.startOf(id) === start, `start of pin ${id}`);
        previous = { start, id };
      }
    };
    if (this.root !== NONE) checkNode(this.root, this.height);
    must(pins === this.pins && (this.starts?.size ?? pins) === pins, 'size');
    must((this.root === NONE) === (pins === 0), 'an empty index has no root');
    must(this.height === 0 || words[this.root + COUNT]! > 1, 'the root has one kid');
    must((this.starts !== undefined) === this.height > 0, 'the table of ids is there when it is needed');
    for (let node = this.free; node !== NONE; node = words[node]!) nodes++;
    must(nodes * NODE === this.unused && this.unused <= words.length, 'a node is lost');
  }

  /** NONE if there is no such pin. */
  private startOf(id: number): number {
    if (this.starts !== undefined) return this.starts.get(id) ?? NONE;
    if (this.pins === 0) return NONE;
    const { words, root } = this;
    for (let i = 0; i < words[root + COUNT]!; i++) {
      if (words[root + IDS + i] === id) return words[root + STARTS + i]!;
    }
    return NONE;
  }

  private before(node: number, slot: number, start: number, id: number): boolean {
    const own = this.words[node + STARTS + slot]!;
    return own < start || (own === start && this.words[node + IDS + slot]! < id);
  }

  /** How many slots of the node come before (start, id). */
  private rank(node: number, start: number, id: number): number {
    const count = this.words[node + COUNT]!;
    let i = 0;
    while (i < count && this.before(node, i, start, id)) i++;
    return i;
  }

  /** The slot of an inner node below which (start, id) is or belongs: the last one that begins no later. */
  private slotFor(node: number, start: number, id: number): number {
    return Math.max(0, this.rank(node, start, id + 1) - 1);
  }

  private greatestEnd(node: number): number {
    const { words } = this;
    const last = node + ENDS + words[node + COUNT]!;
    let greatest = 0;
    for (let at = node + ENDS; at < last; at++) if (words[at]! > greatest) greatest = words[at]!;
    return greatest;
  }

  private refresh(node: number, slot: number): void {
    const { words } = this;
    const kid = words[node + KIDS + slot]!;
    words[node + STARTS + slot] = words[kid + STARTS]!;
    words[node + IDS + slot] = words[kid + IDS]!;
    words[node + ENDS + slot] = this.greatestEnd(kid);
  }

  /** The right half of `node` if it had to be split, else NONE. */
  private insertBelow(node: number, height: number, id: number, start: number, end: number): number {
    if (height === 0) return this.place(node, this.rank(node, start, id), start, end, id, 0);
    const slot = this.slotFor(node, start, id);
    const split = this.insertBelow(this.words[node + KIDS + slot]!, height - 1, id, start, end);
    this.refresh(node, slot);
    if (split === NONE) return NONE;
    const { words } = this;
    return this.place(
      node,
      slot + 1,
      words[split + STARTS]!,
      this.greatestEnd(split),
      words[split + IDS]!,
      split,
    );
  }

  /** Puts a slot into a node; answers the new right neighbour if that had to be split, else NONE. */
  private place(node: number, slot: number, start: number, end: number, id: number, kid: number): number {
    const { words } = this;
    let right = NONE;
    if (words[node + COUNT] === WIDTH) {
      right = this.takeNode();
      // Pins in rising order spill over into an empty node: the tree stays full behind them.
      const keep = slot === WIDTH ? WIDTH : (WIDTH + 1) >> 1;
      this.copy(node, keep, right, 0, WIDTH - keep);
      words[right + COUNT] = WIDTH - keep;
      words[node + COUNT] = keep;
      if (slot > keep || keep === WIDTH) {
        this.put(right, slot - keep, start, end, id, kid);
        return right;
      }
    }
    this.put(node, slot, start, end, id, kid);
    return right;
  }

  /** Precondition: the node has room. */
  private put(node: number, slot: number, start: number, end: number, id: number, kid: number): void {
    const { words } = this;
    const count = words[node + COUNT]!;
    for (let i = count; i > slot; i--) this.copy(node, i - 1, node, i, 1);
    words[node + STARTS + slot] = start;
    words[node + ENDS + slot] = end;
    words[node + IDS + slot] = id;
    words[node + KIDS + slot] = kid;
    words[node + COUNT] = count + 1;
  }

  private removeBelow(node: number, height: number, id: number, start: number): void {
    if (height === 0) {
      this.take(node, this.rank(node, start, id));
      return;
    }
    const slot = this.slotFor(node, start, id);
    const { words } = this;
    const kid = words[node + KIDS + slot]!;
    this.removeBelow(kid, height - 1, id, start);
    if (words[kid + COUNT] === 0) {
      this.take(node, slot);
      this.giveNode(kid);
      return;
    }
    this.refresh(node, slot);
    if (slot > 0 && this.merge(node, slot - 1)) return;
    if (slot + 1 < words[node + COUNT]!) this.merge(node, slot);
  }

  /** Joins the kids of `slot` and `slot + 1` when few slots are left in them. */
  private merge(node: number, slot: number): boolean {
    const { words } = this;
    const left = words[node + KIDS + slot]!;
    const right = words[node + KIDS + slot + 1]!;
    const count = words[left + COUNT]!;
    const moved = words[right + COUNT]!;
    if (count + moved > MERGE) return false;
    this.copy(right, 0, left, count, moved);
    words[left + COUNT] = count + moved;
    this.take(node, slot + 1);
    this.giveNode(right);
    this.refresh(node, slot);
    return true;
  }

  private take(node: number, slot: number): void {
    const count = this.words[node + COUNT]! - 1;
    this.copy(node, slot + 1, node, slot, count - slot);
    this.words[node + COUNT] = count;
  }

  /** Copies `n` slots, lowest first: within one node only downwards. */
  private copy(from: number, fromSlot: number, to: number, toSlot: number, n: number): void {
    const { words } = this;
    for (let i = 0; i < n; i++) {
      words[to + STARTS + toSlot + i] = words[from + STARTS + fromSlot + i]!;
      words[to + ENDS + toSlot + i] = words[from + ENDS + fromSlot + i]!;
      words[to + IDS + toSlot + i] = words[from + IDS + fromSlot + i]!;
      words[to + KIDS + toSlot + i] = words[from + KIDS + fromSlot + i]!;
    }
  }

  /** A new root over the old one and its right half. */
  private grow(split: number): void {
    const left = this.root;
    const root = this.takeNode();
    const { words } = this;
    this.put(root, 0, words[left + STARTS]!, this.greatestEnd(left), words[left + IDS]!, left);
    this.put(root, 1, words[split + STARTS]!, this.greatestEnd(split), words[split + IDS]!, split);
    this.root = root;
    this.height++;
    if (this.starts !== undefined) return;
    this.starts = new Map();
    for (const pin of this.below(root, this.height)) this.starts.set(pin.id, pin.start);
  }

  private shrink(): void {
    while (this.height > 0 && this.words[this.root + COUNT] === 1) {
      const old = this.root;
      this.root = this.words[old + KIDS]!;
      this.giveNode(old);
      this.height--;
    }
    if (this.height === 0) this.starts = undefined;
  }

  /**
   * Room for one insert, which takes a node on each level and a new root at most: so `words` stays put during it.
   * Fewer than WIDTH pins fill no node, so none is split.
   */
  private reserve(): void {
    const need = this.unused + (this.height + 2) * NODE;
    if (this.words.length > 0 && (need <= this.words.length || this.pins < WIDTH)) return;
    const words = new Float64Array(this.pins === 0 ? NODE : Math.max(need, 2 * this.words.length));
    words.set(this.words);
    this.words = words;
  }

  private takeNode(): number {
    let node = this.free;
    if (node === NONE) {
      node = this.unused;
      this.unused += NODE;
    } else {
      this.free = this.words[node]!;
    }
    this.words[node + COUNT] = 0;
    return node;
  }

  private giveNode(node: number): void {
    this.words[node] = this.free;
    this.free = node;
  }

  private visitBelow(
    node: number,
    height: number,
    start: number,
    end: number,
    visit: (id: number) => boolean,
  ): boolean {
    const { words } = this;
    const count = words[node + COUNT]!;
    for (let i = 0; i < count; i++) {
      if (words[node + STARTS + i]! >= end) return false;
      if (words[node + ENDS + i]! <= start) continue;
      const goOn =
        height === 0
          ? visit(words[node + IDS + i]!)
          : this.visitBelow(words[node + KIDS + i]!, height - 1, start, end, visit);
      if (!goOn) return false;
    }
    return true;
  }

  private *below(node: number, height: number): IterableIterator<PinnedRange> {
    const { words } = this;
    for (let i = 0; i < words[node + COUNT]!; i++) {
      if (height > 0) yield* this.below(words[node + KIDS + i]!, height - 1);
      else
        yield { id: words[node + IDS + i]!, start: words[node + STARTS + i]!, end: words[node + ENDS + i]! };
    }
  }
}
