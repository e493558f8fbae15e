// Paths of inodes, for people: the daemon's log, events and listings.
import type { Name } from '../../base/units.js';
import type { Inode } from './inode.js';

/** The path below the root, a char a byte; undefined when no name is left. */
export function pathOf(root: Inode, inode: Inode): string | undefined {
  if (inode === root) return '/';
  if (inode.nlink === 0) return undefined;
  const { parent, nameHint } = inode;
  if (parent !== undefined && nameHint !== undefined && parent.children?.get(nameHint)?.inode === inode) {
    const above = pathOf(root, parent);
    return above === undefined ? undefined : join(above, nameHint);
  }
  return findPath(root, '/', inode);
}

/** Where the hint went stale (one of several hard links removed): the whole tree is searched. */
function findPath(dir: Inode, path: string, wanted: Inode): string | undefined {
  for (const { name, inode } of dir.children?.values() ?? []) {
    if (inode === wanted) return join(path, name);
    const below = inode.children && findPath(inode, join(path, name), wanted);
    if (below !== undefined) return below;
  }
  return undefined;
}

function join(path: string, name: Name): string {
  return `${path === '/' ? '' : path}/${name}`;
}
