// SIGINT and SIGTERM end a daemon in order: they unmount its own mount and nothing else. What is in use is not unmounted:
// who holds what is said instead (A4), and the next signal detaches it; then the daemon serves those who have its files
// until the last of them is gone. One more ends that, where nothing is leased or pinned.
import { errno, type FsError } from '../base/errno.js';
import { guarded, type Log, oneLine } from '../base/guarded.js';
import { unmount } from '../fuse/mount.js';
import type { Mount } from '../fuse/mountinfo.js';
import type { OwnMount } from '../fuse/own-mount.js';

interface Stopped {
  /** undefined: not mounted yet. */
  readonly own: () => OwnMount | undefined;
  /** The holders of leases and pins, a phrase each. */
  readonly held: () => readonly string[];
  /** Ends the connection to the kernel, and with it the daemon. */
  readonly abort: () => void;
  readonly log: Log;
}

/** The function that is returned forgets the signals again. */
export function stopAtSignals(stopped: Stopped): () => void {
  const { log } = stopped;
  let asked = false;
  let busy = false;
  const stop = async (): Promise<void> => {
    const own = stopped.own();
    if (busy || own === undefined || !own.isConnected()) return;
    busy = true;
    try {
      if (await (asked ? insist(stopped, own) : ask(stopped, own))) asked = true;
    } catch (error) {
      log(`signal failed: ${oneLine(error)}`);
    } finally {
      busy = false;
    }
  };
  const signalled = guarded(log, 'signal', () => void stop());
  process.on('SIGINT', signalled);
  process.on('SIGTERM', signalled);
  return () => {
    process.off('SIGINT', signalled);
    process.off('SIGTERM', signalled);
  };
}

/** The first signal; whether it was in vain. */
async function ask({ held, log }: Stopped, own: OwnMount): Promise<boolean> {
  const at = own.now();
  const holders = held();
  if (at === undefined) {
    log(
      `it is detached already, and in use: ${reasons(holders)}; the next signal ends it if nothing is leased or pinned`,
    );
    return true;
  }
  const failed = holders.length > 0 ? undefined : await unmount(at, false);
  if (holders.length === 0 && failed === undefined) return false;
  const why =
    failed === undefined || failed.errno === errno.EBUSY ? reasons(holders) : inTheWay(own, at, failed);
  log(`${at.target} is busy: ${why}; it goes on, the next signal detaches it`);
  return true;
}

/** Each signal after that. */
async function insist({ held, abort, log }: Stopped, own: OwnMount): Promise<boolean> {
  const at = own.now();
  const failed = at === undefined ? undefined : await unmount(at, true);
  if (at !== undefined && failed === undefined) {
    log('detached');
    return true;
  }
  const why = at === undefined || failed === undefined ? 'it is detached' : inTheWay(own, at, failed);
  const holders = held();
  if (holders.length > 0) {
    log(`${why}, and in use: ${reasons(holders)}; it goes on`);
    return true;
  }
  log(`${why}: it ends now, those who have its files open get ENOTCONN`);
  abort();
  return true;
}

const reasons = (holders: readonly string[]): string =>
  holders.length > 0 ? holders.join('; ') : 'open files or working directories';

function inTheWay(own: OwnMount, at: Mount, failed: FsError): string {
  const cover = own.cover(at);
  return cover === undefined
    ? `cannot unmount ${at.target}: ${failed.message}`
    : `a ${cover.type} is mounted over it on ${at.target}`;
}
