// Which mount a path lies on, without a stat of the path: the mount may be dead.
import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Mount } from '../fuse/mountinfo.js';

/** The mount that `path` (absolute, no symlinks) lies on: the deepest target, the last of those mounted there. */
export function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    const under = mount.target === '/' || path === mount.target || path.startsWith(`${mount.target}/`);
    if (under && mount.target.length >= (best?.target.length ?? 0)) best = mount;
  }
  return best;
}

/**
 * Absolute, with every symlink resolved; the last component as it is if it cannot be looked at (a dead mount
 * answers ENOTCONN).
 */
export function absolute(path: string): string {
  const full = resolve(path);
  try {
    return realpathSync(full);
  } catch {
    try {
      return join(realpathSync(dirname(full)), basename(full));
    } catch {
      return full;
    }
  }
}
