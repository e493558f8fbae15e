// Which mount a path lies on, from /proc/self/mountinfo, without a stat of the path: the mount may be dead.
import { readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** The filesystem type of a leasefs mount. */
export const FS_TYPE = 'fuse.leasefs';

export interface Mount {
  /** Where, absolute. */
  readonly target: string;
  readonly type: string;
  readonly source: string;
  /** Within the filesystem: '/' unless it is a bind mount of a part. */
  readonly root: string;
}

/** The lines of mountinfo, later mounts last. */
export function parseMountinfo(text: string): Mount[] {
  return text.split('\n').flatMap(line => {
    // ID PARENT DEV ROOT TARGET OPTIONS [TAG]... - TYPE SOURCE SUPER
    const [left, right] = line.split(' - ');
    const fields = left!.split(' ');
    const [type, source] = right?.split(' ') ?? [];
    if (type === undefined || fields[4] === undefined) return [];
    return [
      { target: unoctal(fields[4]), type, source: unoctal(source ?? ''), root: unoctal(fields[3] ?? '/') },
    ];
  });
}

export const mountsNow = (): Mount[] => parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'));

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

/** mountinfo writes space, tab, newline and backslash in octal. */
function unoctal(field: string): string {
  return field.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
