// MNT or FILE of `leasefs status|leases|pins|extents|stat`: opened, on a leasefs mount, and what to call the files there.
import { constants, fstatSync } from 'node:fs';
import { join, relative } from 'node:path';
import { FsError } from '../base/errno.js';
import { LeaseFile, type Reports } from '../client/index.js';
import { FS_TYPE, mountsNow } from '../fuse/mountinfo.js';
import { type FileHolder, holdersOf } from '../process/holders.js';
import { absolute, mountOf } from './mounts.js';
import { CommandError } from './verb.js';

interface MountedPath<What extends keyof Reports> {
  /** The mount's root directory. */
  readonly mountPoint: string;
  readonly report: Reports[What];
  /** st_dev of the mount. */
  readonly dev: number;
  /** Of a regular file. */
  readonly ino: number | undefined;
}

/** @throws CommandError when there is no such path or it is not on a live leasefs mount. */
export function readMounted<What extends keyof Reports>(path: string, what: What): MountedPath<What> {
  return onMounted(path, (file, mountPoint) => {
    const stat = fstatSync(file.fd);
    return {
      mountPoint,
      report: file.report(what),
      dev: stat.dev,
      ino: stat.isFile() ? stat.ino : undefined,
    };
  });
}

/** The mount that a path lies on, and the file's inode number there; undefined for a directory. @throws as readMounted. */
export function inodeOn(path: string): { readonly mountPoint: string; readonly ino: number | undefined } {
  return onMounted(path, (file, mountPoint) => {
    const stat = fstatSync(file.fd);
    return { mountPoint, ino: stat.isDirectory() ? undefined : stat.ino };
  });
}

/** The answer of `ask` about the file or directory, opened for reading. @throws CommandError as readMounted. */
export function onMounted<T>(path: string, ask: (file: LeaseFile, mountPoint: string) => T): T {
  const full = absolute(path);
  const mount = mountOf(full, mountsNow());
  if (mount?.type !== FS_TYPE) {
    throw new CommandError(`${path} is not on a leasefs mount; \`leasefs mount\` makes one`);
  }
  try {
    using file = LeaseFile.open(full, constants.O_RDONLY | constants.O_NONBLOCK);
    return ask(file, mount.target);
  } catch (error) {
    throw new CommandError(`${path}: ${why(error)}`);
  }
}

function why(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOTCONN' || code === 'ECONNABORTED') {
    return 'its daemon is gone; `leasefs umount` or the next `leasefs mount` there cleans up';
  }
  if (code === 'EINVAL') return 'not a regular file';
  if (error instanceof FsError)
    return `${error.code}, the daemon does not answer as this version of leasefs expects`;
  return (error as Error).message;
}

/** The path under which a reported file is known; without a name its inode number. */
export function pathText(mountPoint: string, file: { path: string | null; ino: number }): string {
  return file.path === null
    ? `(deleted, inode ${file.ino})`
    : join(mountPoint, relative('/', join('/', file.path)));
}

export type WithHolders<Row> = Row & { readonly holders: readonly FileHolder[] };

/**
 * A1: every process that is seen to hold the file of each row open; for a pin that a description owns, the file of that
 * description (A2: they must end).
 */
export function withHolders<Row extends { readonly ino: number; readonly ownerIno?: number | null }>(
  dev: number,
  rows: readonly Row[],
): WithHolders<Row>[] {
  const heldIno = (row: Row): number => row.ownerIno ?? row.ino;
  const holders = holdersOf(dev, new Set(rows.map(heldIno)));
  return rows.map(row => ({ ...row, holders: holders.get(heldIno(row)) ?? [] }));
}

/** One text a holder; 'mem': by a mapping alone, as lsof(8) says. */
export function holderTexts(holders: readonly FileHolder[]): string[] {
  if (holders.length === 0) return ['in flight or hidden'];
  return holders.map(({ pid, command, fds }) => `${pid} ${command}${fds.length === 0 ? ' mem' : ''}`);
}
