// Times of an inode. The kernel itself sets a memfd's times at passthrough reads and writes, which it does not report; the
// daemon sets its own at everything else. A time of the store counts when it has changed since the daemon last saw it, or,
// where the store counts its changes, when there was one.
import type { FileStat } from '../../store/file-store.js';
import type { Inode, Time } from './inode.js';

/** Takes over a time of the store; answers whether it has changed. @param changed it has, even if the time is the same. */
function adopt(
  own: Time,
  seen: Time,
  sec: number,
  nsec: number,
  onlyForward: boolean,
  changed = false,
): boolean {
  if (!changed && seen.sec === sec && seen.nsec === nsec) return false;
  seen.sec = sec;
  seen.nsec = nsec;
  if (onlyForward && (own.sec > sec || (own.sec === sec && own.nsec > nsec))) return true;
  own.sec = sec;
  own.nsec = nsec;
  return true;
}

/**
 * Takes over what the store's times say; whether the file was written since they were last seen. The last read alone shows in
 * them: it moves the access time where it would have done so as the first one.
 */
export function adoptTimes(inode: Inode, stat: FileStat, accessTimes: AccessTimes): boolean {
  const { atime, mtime, ctime, seenAtime } = inode;
  const read = adopt(seenAtime, seenAtime, stat.atime, stat.atimeNsec, false);
  const movesBefore = read && movesAtime(accessTimes, inode, seenAtime);
  const changed = inode.seenChanges !== stat.changes;
  inode.seenChanges = stat.changes;
  adopt(ctime, inode.seenCtime, stat.ctime, stat.ctimeNsec, true, changed);
  const written = adopt(mtime, inode.seenMtime, stat.mtime, stat.mtimeNsec, false, changed);
  const readLast = read && !isAfter(mtime, seenAtime) && !isAfter(ctime, seenAtime);
  if (movesBefore || (readLast && movesAtime(accessTimes, inode, seenAtime))) setTime(atime, seenAtime);
  return written;
}

/** What a read does to the access time, as mount(8) says. */
export type AccessTimes = 'relatime' | 'strictatime' | 'noatime';

const DAY = 24 * 60 * 60;

/** Whether a read at `now` moves the access time. Kernel counterpart: relatime_need_update, fs/inode.c. */
export function movesAtime(how: AccessTimes, { atime, mtime, ctime }: Inode, now: Time): boolean {
  if (how !== 'relatime') return how === 'strictatime';
  return !isAfter(atime, mtime) || !isAfter(atime, ctime) || now.sec - atime.sec >= DAY;
}

const isAfter = (one: Time, other: Time): boolean =>
  one.sec > other.sec || (one.sec === other.sec && one.nsec > other.nsec);

/** Takes the store's present times as seen: our own, set next, hold until the store's change again. */
export function ignoreTimes(inode: Inode, stat: FileStat): void {
  const { seenAtime, seenMtime, seenCtime } = inode;
  seenAtime.sec = stat.atime;
  seenAtime.nsec = stat.atimeNsec;
  seenMtime.sec = stat.mtime;
  seenMtime.nsec = stat.mtimeNsec;
  seenCtime.sec = stat.ctime;
  seenCtime.nsec = stat.ctimeNsec;
  inode.seenChanges = stat.changes;
}

export function setTime(time: Time, to: Time): void {
  time.sec = to.sec;
  time.nsec = to.nsec;
}
