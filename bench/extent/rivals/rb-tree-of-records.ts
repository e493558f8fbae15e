// A red-black tree whose nodes are the extents, with a cache of the last one that was hit: ext4's extent status tree
// (fs/ext4/extents_status.c) in JavaScript. Insertion and removal as in Cormen, Leiserson, Rivest and Stein.
import type { Contestant } from '../contestant.js';
import { type Extent, OrderedExtents } from '../ordered-extents.js';

class Node implements Extent {
  start: number;
  length: number;
  blk: number;
  red = true;
  left: Node = this;
  right: Node = this;
  parent: Node = this;

  constructor(start: number, length: number, blk: number) {
    this.start = start;
    this.length = length;
    this.blk = blk;
  }
}

class RbTree extends OrderedExtents {
  /** Every leaf, and the parent of the root; black. */
  private readonly nil: Node;
  private root: Node;
  private last: Node;

  constructor() {
    super();
    this.nil = new Node(0, 0, 0);
    this.nil.red = false;
    this.root = this.nil;
    this.last = this.nil;
  }

  protected floor(pgoff: number): Extent | undefined {
    const { nil, last } = this;
    if (pgoff >= last.start && pgoff - last.start < last.length) return last;
    let found = nil;
    for (let node = this.root; node !== nil; ) {
      if (node.start <= pgoff) {
        found = node;
        node = node.right;
      } else {
        node = node.left;
      }
    }
    if (found === nil) return undefined;
    this.last = found;
    return found;
  }

  protected higher(pgoff: number): Extent | undefined {
    const node = this.above(pgoff);
    return node === this.nil ? undefined : node;
  }

  protected walk(start: number, visit: (extent: Extent) => boolean): void {
    for (let node = this.above(start - 1); node !== this.nil && visit(node); ) node = this.next(node);
  }

  protected put({ start, length, blk }: Extent): void {
    const { nil } = this;
    const added = new Node(start, length, blk);
    added.left = nil;
    added.right = nil;
    let parent = nil;
    for (let node = this.root; node !== nil; ) {
      parent = node;
      node = start < node.start ? node.left : node.right;
    }
    added.parent = parent;
    if (parent === nil) this.root = added;
    else if (start < parent.start) parent.left = added;
    else parent.right = added;
    this.mendRed(added);
  }

  protected drop(extent: Extent): void {
    const { nil } = this;
    const gone = extent as Node;
    if (this.last === gone) this.last = nil;
    let removedRed = gone.red;
    let mended: Node;
    if (gone.left === nil) {
      mended = gone.right;
      this.transplant(gone, mended);
    } else if (gone.right === nil) {
      mended = gone.left;
      this.transplant(gone, mended);
    } else {
      const heir = this.least(gone.right);
      removedRed = heir.red;
      mended = heir.right;
      if (heir.parent === gone) {
        mended.parent = heir;
      } else {
        this.transplant(heir, mended);
        heir.right = gone.right;
        heir.right.parent = heir;
      }
      this.transplant(gone, heir);
      heir.left = gone.left;
      heir.left.parent = heir;
      heir.red = gone.red;
    }
    if (!removedRed) this.mendBlack(mended);
  }

  /** The first node with a start > `pgoff`, or nil. */
  private above(pgoff: number): Node {
    let found = this.nil;
    for (let node = this.root; node !== this.nil; ) {
      if (node.start > pgoff) {
        found = node;
        node = node.left;
      } else {
        node = node.right;
      }
    }
    return found;
  }

  private next(of: Node): Node {
    if (of.right !== this.nil) return this.least(of.right);
    let node = of;
    while (node.parent !== this.nil && node === node.parent.right) node = node.parent;
    return node.parent;
  }

  private least(of: Node): Node {
    let node = of;
    while (node.left !== this.nil) node = node.left;
    return node;
  }

  private transplant(from: Node, to: Node): void {
    if (from.parent === this.nil) this.root = to;
    else if (from === from.parent.left) from.parent.left = to;
    else from.parent.right = to;
    to.parent = from.parent;
  }

  private rotateLeft(node: Node): void {
    const up = node.right;
    node.right = up.left;
    if (up.left !== this.nil) up.left.parent = node;
    this.transplant(node, up);
    up.left = node;
    node.parent = up;
  }

  private rotateRight(node: Node): void {
    const up = node.left;
    node.left = up.right;
    if (up.right !== this.nil) up.right.parent = node;
    this.transplant(node, up);
    up.right = node;
    node.parent = up;
  }

  private mendRed(added: Node): void {
    let node = added;
    while (node.parent.red) {
      const above = node.parent.parent;
      const onLeft = node.parent === above.left;
      const uncle = onLeft ? above.right : above.left;
      if (uncle.red) {
        node.parent.red = false;
        uncle.red = false;
        above.red = true;
        node = above;
        continue;
      }
      if (onLeft && node === node.parent.right) {
        node = node.parent;
        this.rotateLeft(node);
      } else if (!onLeft && node === node.parent.left) {
        node = node.parent;
        this.rotateRight(node);
      }
      node.parent.red = false;
      above.red = true;
      if (onLeft) this.rotateRight(above);
      else this.rotateLeft(above);
    }
    this.root.red = false;
  }

  private mendBlack(short: Node): void {
    let node = short;
    while (node !== this.root && !node.red) {
      const { parent } = node;
      const onLeft = node === parent.left;
      let sibling = onLeft ? parent.right : parent.left;
      if (sibling.red) {
        sibling.red = false;
        parent.red = true;
        if (onLeft) this.rotateLeft(parent);
        else this.rotateRight(parent);
        sibling = onLeft ? parent.right : parent.left;
      }
      const near = onLeft ? sibling.left : sibling.right;
      let far = onLeft ? sibling.right : sibling.left;
      if (!near.red && !far.red) {
        sibling.red = true;
        node = parent;
        continue;
      }
      if (!far.red) {
        near.red = false;
        sibling.red = true;
        if (onLeft) this.rotateRight(sibling);
        else this.rotateLeft(sibling);
        far = sibling;
        sibling = near;
      }
      sibling.red = parent.red;
      parent.red = false;
      far.red = false;
      if (onLeft) this.rotateLeft(parent);
      else this.rotateRight(parent);
      node = this.root;
    }
    node.red = false;
  }
}

export const create = (): Contestant => new RbTree();
