// Files and directories of /proc as text, empty where the process is gone or we may not look. Plain reads and nothing
// else, so that a thread of its own may do them.
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';

/** Used again: a search reads hundreds of small files. */
let room = Buffer.allocUnsafe(1 << 16);

export function textOf(path: string): string {
  try {
    return readText(path);
  } catch {
    return '';
  }
}

/** The text, empty where the process is gone. @throws an Error with `code` where we could not look: EACCES, EMFILE. */
export function readText(path: string): string {
  return unlessGone('', () => {
    const fd = withSpare(() => openSync(path, 'r'));
    try {
      let length = 0;
      for (;;) {
        const n = readSync(fd, room, length, room.length - length, null);
        if (n === 0) return room.toString('latin1', 0, length);
        length += n;
        if (length === room.length) room = Buffer.concat([room], 2 * length);
      }
    } finally {
      closeSync(fd);
    }
  });
}

function unlessGone<T>(gone: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (isGone(error)) return gone;
    throw error;
  }
}

const isGone = (error: unknown): boolean => {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
};

/** A descriptor in reserve. */
let spare: number | undefined;

/** Keeps a descriptor in reserve for the reads of this thread, as far as there is one. */
export function keepSpare(): void {
  try {
    spare ??= openSync('/proc', 'r');
  } catch {
    // Then there is none.
  }
}

/** Tries again with the reserve where no descriptor is left. */
function withSpare<T>(open: () => T): T {
  try {
    return open();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (spare === undefined || (code !== 'EMFILE' && code !== 'ENFILE')) throw error;
    closeSync(spare);
    spare = undefined;
    return open();
  }
}

/** A field of the text of /proc/PID/status: the rest of its line, trimmed; empty when there is none. */
export function field(status: string, name: string): string {
  const at = status.indexOf(`\n${name}:`);
  if (at < 0) return '';
  const start = at + name.length + 2;
  return status.slice(start, status.indexOf('\n', start)).trim();
}

/**
 * Whether the thread's process has begun another program and not mapped it yet: its memory is new and has no code. Waits for
 * nothing.
 */
export const isInExec = (tid: number): boolean => field(textOf(`/proc/${tid}/status`), 'VmExe') === '0 kB';

/** The real uid of the process, as we see it; 0 when it is gone. Waits for nothing. */
export const uidOf = (pid: number): number =>
  Number(field(textOf(`/proc/${pid}/status`), 'Uid').split('\t')[0]);

export function listOf(dir: string): string[] {
  try {
    return readList(dir);
  } catch {
    return [];
  }
}

/** As readText. */
export const readList = (dir: string): string[] => unlessGone([], () => withSpare(() => readdirSync(dir)));

/** What a symbolic link says; of a descriptor the kernel answers without asking its filesystem. */
export function linkOf(path: string): string {
  try {
    return readLink(path);
  } catch {
    return '';
  }
}

/** As readText. */
export const readLink = (path: string): string => unlessGone('', () => readlinkSync(path));

/** Which file a descriptor is of; equal for one inode of one mount. */
export interface FileId {
  readonly mount: number;
  readonly ino: number;
}

/**
 * Of the process's descriptor, by fdinfo, which asks no filesystem: a stat of a file of a hung mount hangs, and of one's
 * own mount too. Undefined where there is none, we may not look, or the kernel is older than 5.14.
 */
export const fileIdOf = (pid: number | 'self', fd: number): FileId | undefined =>
  fileIdIn(textOf(`/proc/${pid}/fdinfo/${fd}`));

/** The same of the text of fdinfo. */
export function fileIdIn(fdinfo: string): FileId | undefined {
  const mount = mountIn(fdinfo);
  const ino = /^ino:\s*(\d+)$/m.exec(fdinfo);
  return mount === undefined || ino === null ? undefined : { mount, ino: Number(ino[1]) };
}

/** The id of the mount, which fdinfo names on every kernel. */
export function mountIn(fdinfo: string): number | undefined {
  const mount = /^mnt_id:\s*(\d+)$/m.exec(fdinfo);
  return mount === null ? undefined : Number(mount[1]);
}

/** The pids of all processes but the calling one, in rising order. */
export function otherProcesses(names = listOf('/proc')): number[] {
  const pids = names.map(Number);
  return pids.filter(pid => Number.isInteger(pid) && pid !== process.pid).sort((a, b) => a - b);
}

/** A device number as /proc/PID/maps writes it: two hexadecimal digits at least, 'fe:01'. */
export function deviceName(major: number, minor: number): string {
  return [major, minor].map(part => part.toString(16).padStart(2, '0')).join(':');
}

/** Major and minor of st_dev of stat(2). */
export function deviceNumbersOf(dev: number): readonly [major: number, minor: number] {
  const major = ((dev >>> 8) & 0xfff) | (Math.floor(dev / 2 ** 32) & 0xffff_f000);
  const minor = (dev & 0xff) | ((dev >>> 12) & 0xff_ff00);
  return [major, minor];
}

/** st_dev of stat(2) as /proc/PID/maps writes it. */
export const deviceNameOf = (dev: number): string => deviceName(...deviceNumbersOf(dev));
