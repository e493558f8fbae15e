// Which processes are seen to hold a file open, by descriptor or by mapping (A1): what the administrator must end. A
// scan of /proc, like fuser(1): a state of that instant, and of the processes that the caller may look into. A
// descriptor in flight inside a socket's queue or a ring is seen nowhere.
import { statSync } from 'node:fs';
import { commandOf } from './proc.js';
import { deviceNameOf, listOf, otherProcesses, textOf } from './proc-text.js';

export interface FileHolder {
  readonly pid: number;
  readonly command: string;
  /** Its descriptors of the file, in rising order. */
  readonly fds: readonly number[];
  readonly mapped: boolean;
}

/**
 * @param dev st_dev of the filesystem, its inodes being `inos`.
 * @returns by inode number, in the order of pids; inodes without a holder are absent. The calling process is left out.
 */
export function holdersOf(dev: number, inos: ReadonlySet<number>): Map<number, FileHolder[]> {
  const found = new Map<number, FileHolder[]>();
  if (inos.size === 0) return found;
  for (const pid of otherProcesses()) {
    const fds = descriptors(pid, dev, inos);
    const mapped = mappings(pid, dev);
    for (const ino of inos) {
      if (!fds.has(ino) && !mapped.has(ino)) continue;
      const holders = found.get(ino) ?? [];
      holders.push({ pid, command: commandOf(pid), fds: fds.get(ino) ?? [], mapped: mapped.has(ino) });
      found.set(ino, holders);
    }
  }
  return found;
}

/** The processes that keep a mount busy: a descriptor, a mapping or the working directory on it. */
export function usersOf(dev: number): { readonly pid: number; readonly command: string }[] {
  return otherProcesses()
    .filter(pid => {
      const links = [
        `/proc/${pid}/cwd`,
        `/proc/${pid}/root`,
        ...listOf(`/proc/${pid}/fd`).map(fd => `/proc/${pid}/fd/${fd}`),
      ];
      return mappings(pid, dev).size > 0 || links.some(link => inodeOf(link, dev) !== undefined);
    })
    .map(pid => ({ pid, command: commandOf(pid) }));
}

function descriptors(pid: number, dev: number, inos: ReadonlySet<number>): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (const fd of listOf(`/proc/${pid}/fd`)) {
    // The inode number first, which asks no filesystem: a stat would hang on a descriptor of a hung mount.
    const line = /^ino:\s*(\d+)$/m.exec(textOf(`/proc/${pid}/fdinfo/${fd}`));
    if (line !== null && !inos.has(Number(line[1]))) continue;
    const ino = inodeOf(`/proc/${pid}/fd/${fd}`, dev);
    if (ino === undefined || !inos.has(ino)) continue;
    found.set(
      ino,
      [...(found.get(ino) ?? []), Number(fd)].sort((a, b) => a - b),
    );
  }
  return found;
}

/** The inodes of the filesystem that the process has mapped. */
function mappings(pid: number, dev: number): Set<number> {
  const found = new Set<number>();
  const device = ` ${deviceNameOf(dev)} `;
  for (const line of textOf(`/proc/${pid}/maps`).split('\n')) {
    const at = line.indexOf(device);
    if (at >= 0) found.add(Number.parseInt(line.slice(at + device.length), 10));
  }
  return found;
}

function inodeOf(path: string, dev: number): number | undefined {
  try {
    const stat = statSync(path);
    return stat.dev === dev ? stat.ino : undefined;
  } catch {
    return undefined;
  }
}
