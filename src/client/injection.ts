// Asks a mount for faults (src/abi/injection.ts).

import { closeSync, constants, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Injection, TimedInjection } from '../abi/injection.js';
import { errno, FsError } from '../base/errno.js';

function inodeOf(mountPoint: string, file: string): number {
  const { dev, ino } = statSync(join(mountPoint, file));
  if (dev !== statSync(mountPoint).dev) throw new FsError(errno.EXDEV, `${file} is not below ${mountPoint}`);
  return ino;
}

/**
 * Returns when it is done.
 * @throws ErrnoException ENOENT: no such file, or the mount allows no injections; EXDEV: the file is of another mount;
 * EPERM: the caller is neither root nor the mount's user; ESRCH: there is no lease, break or owner to do it to.
 */
export function inject(mountPoint: string, injection: Injection): void {
  let wire: object = injection;
  if ('file' in injection) {
    const { file, ...rest } = injection;
    wire = { ...rest, ino: inodeOf(mountPoint, file) };
  }
  const fd = openSync(join(mountPoint, '.leasefs/inject'), constants.O_WRONLY);
  try {
    writeSync(fd, JSON.stringify(wire));
  } finally {
    closeSync(fd);
  }
}

/**
 * Injects each at its time; the returned function cancels those that are still due.
 * @param failed is called with each injection that failed.
 */
export function injectAll(
  mountPoint: string,
  injections: readonly TimedInjection[],
  failed: (injection: TimedInjection, error: Error) => void,
): () => void {
  const timers = injections.map(injection => {
    const run = (): void => {
      const { after: _, ...now } = injection;
      try {
        inject(mountPoint, now as Injection);
      } catch (error) {
        failed(injection, error as Error);
      }
    };
    return setTimeout(run, injection.after ?? 0);
  });
  return () => {
    for (const timer of timers) clearTimeout(timer);
  };
}
