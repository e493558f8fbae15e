// The path of an inode, for people and records: bounded, for a tree of any depth.
import type { Name } from '../../base/units.js';
import type { Inode } from './inode.js';

/** Bytes of a path that is listed, the mark of a cut apart. */
const LISTED_BYTES = 4096;
/**
 * Directories that are looked at where a path is cut: a deeper file's path has no beginning. Some 20 ns each; 1.7 us among a
 * million directories, which no cache of the processor's holds.
 */
const STEPS = 512;
/** Stands for the names that are left out. No name is empty, so no path of a file reads like it. */
export const CUT = '//...//';

/**
 * The path below the root, a char a byte; undefined when no name is left. A path of over `limit` bytes is cut in the
 * middle, between two names, with CUT there; one of over 512 directories at its beginning.
 */
export function pathOf(root: Inode, inode: Inode, limit = LISTED_BYTES): string | undefined {
  if (inode === root) return '/';
  if (inode.dentry === undefined) return undefined;
  return wholePath(root, inode, limit) ?? cutPath(root, inode, limit);
}

/** The path where it has up to `limit` bytes: mostly, and then this costs the string alone. */
function wholePath(root: Inode, inode: Inode, limit: number): string | undefined {
  let path = '';
  let at = inode;
  while (at !== root && at.dentry !== undefined && path.length <= limit) {
    path = `/${at.dentry.name}${path}`;
    at = at.dentry.dir;
  }
  return at === root && path.length <= limit ? path : undefined;
}

function cutPath(root: Inode, inode: Inode, limit: number): string | undefined {
  // From the file upward: the last names, and then the latest names seen, which at the root are the first of the path.
  const last: Name[] = [];
  const first: Name[] = [];
  /** No more names than these fit into half of it. */
  const ring = limit / 4;
  let bytes = 0;
  let seen = 0;
  let at = inode;
  for (let steps = 0; at !== root && at.dentry !== undefined && steps < STEPS; steps++) {
    const { name, dir }: { name: Name; dir: Inode } = at.dentry;
    bytes += name.length + 1;
    if (bytes <= limit) last.push(name);
    else first[seen++ % ring] = name;
    at = dir;
  }
  if (seen === 0 && at.dentry === undefined) return undefined;
  const end = within(last, limit / 2)
    .reverse()
    .join('/');
  if (at !== root) return `${CUT}${end}`;
  // The ring, the name nearest to the root first.
  const count = Math.min(seen, ring);
  const names = Array.from({ length: count }, (_, n) => first[(seen - 1 - n) % ring]!);
  return `/${within([...names, ...last.reverse()], limit / 2).join('/')}${CUT}${end}`;
}

/** As many names from the start as take up to `bytes` with their slashes. */
function within(names: readonly Name[], bytes: number): Name[] {
  let taken = 0;
  let left = bytes;
  while (taken < names.length && names[taken]!.length < left) left -= names[taken++]!.length + 1;
  return names.slice(0, taken);
}
