// The extended attributes of one inode, and sums over them: what a user asks of many attributes costs no walk over them.
import type { Name } from '../../base/units.js';
import { xattrCost } from './inode-budget.js';

const TRUSTED = 'trusted.';

export class XattrMap {
  /** Bytes that they count (inode-budget.ts). */
  cost = 0;
  /** Whether names of the administrator's are among them. */
  get hasTrusted(): boolean {
    return this.trustedBytes > 0;
  }
  private readonly values = new Map<Name, Uint8Array>();
  /** Of the names, each with a NUL behind it: all, and those that only administrators see. */
  private nameBytes = 0;
  private trustedBytes = 0;

  entries(): IterableIterator<[Name, Uint8Array]> {
    return this.values.entries();
  }

  get(name: Name): Uint8Array | undefined {
    return this.values.get(name);
  }

  set(name: Name, value: Uint8Array): void {
    this.delete(name);
    this.values.set(name, value);
    this.count(name, value.length, 1);
  }

  delete(name: Name): void {
    const value = this.values.get(name);
    if (value === undefined) return;
    this.values.delete(name);
    this.count(name, value.length, -1);
  }

  /** Bytes of the list of names. @param hides without the administrator's. */
  listLength(hides: boolean): number {
    return this.nameBytes - (hides ? this.trustedBytes : 0);
  }

  /** Puts the list of names into `out` at `at`, which has room for it. */
  list(hides: boolean, out: Uint8Array, at: number): void {
    const end = at + this.listLength(hides);
    const list = Buffer.from(out.buffer, out.byteOffset, out.byteLength);
    for (const name of this.values.keys()) {
      if (at === end) return;
      if (hides && name.startsWith(TRUSTED)) continue;
      at += list.write(name, at, 'latin1');
      list[at++] = 0;
    }
  }

  private count(name: Name, valueLength: number, sign: 1 | -1): void {
    this.cost += sign * xattrCost(name.length, valueLength);
    const bytes = sign * (name.length + 1);
    this.nameBytes += bytes;
    if (name.startsWith(TRUSTED)) this.trustedBytes += bytes;
  }
}
