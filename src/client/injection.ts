// Asks a mount for faults (src/abi/injection.ts).

import { closeSync, constants, openSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Injection, TimedInjection } from '../abi/injection.js';
import { errno, FsError, failureOf } from '../base/errno.js';

/** Bytes of the line that says why an injection was refused. */
const REASON_MAX = 4096;

function inodeOf(mountPoint: string, file: string): number {
  const { dev, ino } = statSync(join(mountPoint, file));
  if (dev !== statSync(mountPoint).dev) throw new FsError(errno.EXDEV, `${file} is not below ${mountPoint}`);
  return ino;
}

/**
 * Returns when it is done.
 * @throws ErrnoException ENOENT: no such file, or the mount allows no injections; EPERM: the caller is neither root nor the
 * mount's user. FsError whose message says why: EXDEV: the file is of another mount; ESRCH: there is no lease, break or
 * owner to do it to; EINVAL: it is malformed.
 */
export function inject(mountPoint: string, injection: Injection): void {
  let wire: object = injection;
  if ('file' in injection) {
    const { file, ...rest } = injection;
    wire = { ...rest, ino: inodeOf(mountPoint, file) };
  }
  const fd = openSync(join(mountPoint, '.leasefs/inject'), constants.O_RDWR);
  try {
    writeSync(fd, JSON.stringify(wire));
  } catch (error) {
    const why = Buffer.alloc(REASON_MAX);
    const text = why.toString('utf8', 0, readSync(fd, why, 0, REASON_MAX, 0)).trimEnd();
    throw text === '' ? error : new FsError(failureOf(error), `injecting ${injection.do}: ${text}`);
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
