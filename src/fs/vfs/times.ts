// Times of an inode. The kernel itself moves a memfd's times at passthrough reads and writes, of which we hear
// nothing; we move ours at everything else. A time of the store counts when it has changed since we last saw it,
// and where the store counts its changes, when there was one.
import type { FileStat } from '../../store/file-store.js';
import type { Inode, Time } from './inode.js';

/** Whether it was news. @param changed that it is, whatever the time says. */
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
 * Takes over what the store's times say; whether the file was written since they were last seen.
 * @param accessTimes whether that of access counts; it is seen anyway, since it tells of mappings.
 */
export function adoptTimes(inode: Inode, stat: FileStat, accessTimes: boolean): boolean {
  const { seenAtime } = inode;
  adopt(accessTimes ? inode.atime : seenAtime, seenAtime, stat.atime, stat.atimeNsec, false);
  const changed = inode.seenChanges !== stat.changes;
  inode.seenChanges = stat.changes;
  adopt(inode.ctime, inode.seenCtime, stat.ctime, stat.ctimeNsec, true, changed);
  return adopt(inode.mtime, inode.seenMtime, stat.mtime, stat.mtimeNsec, false, changed);
}

/** From here on the store's present times are not news: our own, set next, stand until it changes again. */
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
