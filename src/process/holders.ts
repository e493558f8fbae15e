// Which processes are seen to hold a file open, by descriptor or by mapping (A1): what the administrator must end. A
// scan of /proc, like fuser(1): a state of that instant, and of the processes that the caller may look into. A
// descriptor in flight inside a socket's queue or a ring is seen nowhere.
//
// Nothing here asks a filesystem, whose server may not answer: which file a descriptor is of, fdinfo and mountinfo say.
import { closeSync, openSync } from 'node:fs';
import { O_PATH } from '../base/linux.js';
import { commandOf } from './proc.js';
import {
  deviceNameOf,
  deviceNumbersOf,
  type FileId,
  fileIdOf,
  linkOf,
  listOf,
  otherProcesses,
  textOf,
  uidOf,
} from './proc-text.js';
import { parseMappings } from './registered-buffers.js';

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

export interface Mapper {
  readonly pid: number;
  readonly command: string;
  readonly uid: number;
  /** Of the files that it has mapped; 0 where it has a descriptor alone. */
  readonly bytes: number;
}

/** The processes that have one of the files open or mapped, by pid. @param dev st_dev of their filesystem. */
export function mappersOf(dev: number, inos: ReadonlySet<number>): Mapper[] {
  const pids = new Map<number, string>();
  for (const holders of holdersOf(dev, inos).values())
    for (const { pid, command } of holders) pids.set(pid, command);
  return [...pids]
    .sort(([a], [b]) => a - b)
    .map(([pid, command]) => {
      const mapped = parseMappings(textOf(`/proc/${pid}/maps`), deviceNameOf(dev), inos);
      const bytes = mapped.reduce((sum, { begin, end }) => sum + end - begin, 0);
      return { pid, command, uid: uidOf(pid), bytes };
    });
}

/** The processes that keep a mount busy: a descriptor, a mapping or the working directory on it. */
export function usersOf(dev: number): { readonly pid: number; readonly command: string }[] {
  return otherProcesses()
    .filter(pid => {
      if (mappings(pid, dev).size > 0) return true;
      const isOn = mountedOf(pid, dev);
      if (['cwd', 'root'].some(link => isOn(directoryOf(`/proc/${pid}/${link}`)))) return true;
      return listOf(`/proc/${pid}/fd`).some(fd => isOn(fileOf(pid, fd)));
    })
    .map(pid => ({ pid, command: commandOf(pid) }));
}

function descriptors(pid: number, dev: number, inos: ReadonlySet<number>): Map<number, number[]> {
  const found = new Map<number, number[]>();
  const isOn = mountedOf(pid, dev);
  for (const fd of listOf(`/proc/${pid}/fd`)) {
    const file = fileOf(pid, fd);
    if (file === undefined || !inos.has(file.ino) || !isOn(file)) continue;
    found.set(
      file.ino,
      [...(found.get(file.ino) ?? []), Number(fd)].sort((a, b) => a - b),
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

/** The file of a descriptor that has a path; the fdinfo of an epoll may wait for a server (K30). */
const fileOf = (pid: number, fd: string): FileId | undefined =>
  linkOf(`/proc/${pid}/fd/${fd}`).startsWith('/') ? fileIdOf(pid, Number(fd)) : undefined;

function directoryOf(link: string): FileId | undefined {
  let fd: number;
  try {
    fd = openSync(link, O_PATH);
  } catch {
    return undefined;
  }
  try {
    return fileIdOf('self', fd);
  } finally {
    closeSync(fd);
  }
}

/** Whether a file is on the filesystem, as the mounts that the process sees say. A mount that is detached is not seen. */
function mountedOf(pid: number, dev: number): (file: FileId | undefined) => boolean {
  let mounts: ReadonlySet<number> | undefined;
  return file => {
    if (file === undefined) return false;
    mounts ??= mountsOf(pid, deviceNumbersOf(dev).join(':'));
    return mounts.has(file.mount);
  };
}

/** The ids of the mounts of a device, MAJOR:MINOR. */
function mountsOf(pid: number, device: string): ReadonlySet<number> {
  const lines = textOf(`/proc/${pid}/mountinfo`).split('\n');
  // ID PARENT DEVICE ...
  const found = lines.map(line => line.split(' ', 3)).filter(([, , its]) => its === device);
  return new Set(found.map(([id]) => Number(id)));
}
