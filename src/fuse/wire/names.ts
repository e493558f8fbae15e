// A cache of recent names, so that a repeated name is not decoded again: a lookup hit allocates nothing, and the string
// already has its hash for the directory's map. Bounded: a slot keeps the last name that hashed to it. Kernel counterpart:
// the hash of full_name_hash in fs/namei.c.
import type { Name } from '../../base/units.js';

const SLOTS = 1024;
/** Bytes; longer names are decoded each time. */
const LONGEST = 64;

const slots: Name[] = new Array<Name>(SLOTS).fill('' as Name);

/** The bytes [from, to) of `text`, one character a byte. `bytes` is the same memory: typed arrays are read faster. */
export function nameOf(text: Buffer, bytes: Uint8Array, from: number, to: number): Name {
  const length = to - from;
  if (length > LONGEST) return text.toString('latin1', from, to) as Name;
  // FNV-1a
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  const slot = (hash ^ (hash >>> 16)) & (SLOTS - 1);
  const known = slots[slot]!;
  if (known.length === length) {
    let same = 0;
    while (same < length && known.charCodeAt(same) === bytes[from + same]) same++;
    if (same === length) return known;
  }
  const name = text.toString('latin1', from, to) as Name;
  slots[slot] = name;
  return name;
}
