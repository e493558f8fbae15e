// The words of `mount -o`, for mount(2) and for fusermount3. Pure.
import { errno, FsError } from '../base/errno.js';
import { ownUid } from '../base/owner.js';
import type { AccessTimes } from '../fs/vfs/times.js';

const MS_RDONLY = 1;
const MS_NOATIME = 1024;
const MS_NODIRATIME = 2048;
const MS_STRICTATIME = 1 << 24;

/** MS_* of mount(2): what sets the flag, and what clears it. */
const flagWords: readonly (readonly [flag: number, on: string, off: string])[] = [
  [MS_RDONLY, 'ro', 'rw'],
  [2, 'nosuid', 'suid'],
  [4, 'nodev', 'dev'],
  [8, 'noexec', 'exec'],
  [16, 'sync', 'async'],
  [128, 'dirsync', 'nodirsync'],
  [MS_NOATIME, 'noatime', 'atime'],
  [MS_NODIRATIME, 'nodiratime', 'diratime'],
  [1 << 21, 'relatime', 'norelatime'],
  [MS_STRICTATIME, 'strictatime', 'nostrictatime'],
  [1 << 25, 'lazytime', 'nolazytime'],
];

/** Options that are on unless `no...` is the last word about them. */
const isOn = (words: readonly string[], on: string): boolean =>
  words.findLast(word => word === on || word === `no${on}`) !== `no${on}`;

/** What reads do to access times, of files and of directories: the kernel leaves that to the server. */
export function accessTimesOf(words: readonly string[]): {
  readonly accessTimes: AccessTimes;
  readonly directoryTimes: AccessTimes;
} {
  const { flags } = parseMountWords(words);
  if (flags & (MS_RDONLY | MS_NOATIME)) return { accessTimes: 'noatime', directoryTimes: 'noatime' };
  const accessTimes = flags & MS_STRICTATIME ? 'strictatime' : 'relatime';
  return { accessTimes, directoryTimes: flags & MS_NODIRATIME ? 'noatime' : accessTimes };
}

/** Whether files have extended attributes. */
export const keepsXattrs = (words: readonly string[]): boolean => isOn(words, 'xattr');

/** Whether files have POSIX ACLs, which are extended attributes. */
export const keepsAcls = (words: readonly string[]): boolean => isOn(words, 'acl') && keepsXattrs(words);

/** Whether poll(2) of a file reports breaks: off by default, since it costs buffered io_uring nearly all of its speed. */
export const answersPoll = (words: readonly string[]): boolean =>
  words.findLast(word => word === 'poll' || word === 'nopoll') === 'poll';

/** Whether file handles lead to files; undefined: nothing is said. */
export function exportsHandles(words: readonly string[]): boolean | undefined {
  const last = words.findLast(word => word === 'export' || word === 'noexport');
  return last === undefined ? undefined : last === 'export';
}

/**
 * Whether descriptions of pooled files that are open for writing use the page cache: off by default, since a refused write
 * then drops stores of other processes (files.ts).
 */
export const cachesWrites = (words: readonly string[]): boolean =>
  words.findLast(word => word === 'kernel_cache' || word === 'nokernel_cache') === 'kernel_cache';

/** MS_* of the words, without regard to others; undefined where none of them is of such a flag. */
export function flagsOf(words: readonly string[]): number | undefined {
  let flags: number | undefined;
  for (const word of words) {
    const row = flagWords.find(([, on, off]) => on === word || off === word);
    if (row !== undefined) flags = row[1] === word ? (flags ?? 0) | row[0] : (flags ?? 0) & ~row[0];
  }
  return flags;
}

export interface MountWords {
  readonly flags: number;
  /** Whether other users may enter. Into root's mounts they may. */
  readonly allowOther: boolean;
  /** What df shows as the source. */
  readonly source: string;
}

/** Words without effect: what always holds, what other programs read, and what /etc/fstab says to mount(8) and systemd. */
const isOthers = (word: string): boolean =>
  /^(defaults|default_permissions|_netdev|nofail|(no)?auto|(no)?users?|(no)?acl|(no)?xattr|(no)?poll|(no)?export|(no)?kernel_cache|owner|group|comment=.*|[xX]-.*)$/.test(
    word,
  );

/** @throws FsError EINVAL */
export function parseMountWords(words: readonly string[]): MountWords {
  let allowOther = false;
  let source = 'leasefs';
  for (const word of words) {
    if (flagsOf([word]) !== undefined) continue;
    if (word === 'allow_other') allowOther = true;
    else if (/^fsname=[^,]+$/.test(word)) source = word.slice('fsname='.length);
    else if (!isOthers(word)) {
      throw new FsError(
        errno.EINVAL,
        `unknown mount option '${word}': see mount(8) and 'leasefs mount --help'`,
      );
    }
  }
  return { flags: flagsOf(words) ?? 0, allowOther, source };
}

/** For mount(2). default_permissions: the kernel checks permissions by the modes that we answer. */
export function kernelOptions(
  words: MountWords,
  fd: number,
): { flags: number; data: string; source: string } {
  const data = [
    `fd=${fd}`,
    'rootmode=40000',
    `user_id=${ownUid}`,
    `group_id=${process.getgid?.() ?? 0}`,
    'default_permissions',
    'allow_other',
  ];
  return { flags: words.flags, data: data.join(','), source: words.source };
}

/** For fusermount3 -o: it adds nosuid and nodev, and allows allow_other only where /etc/fuse.conf does. */
export function fusermountOptions(words: MountWords): string {
  const list = [`fsname=${words.source.replace(/\\/g, '\\$&')}`, 'subtype=leasefs', 'default_permissions'];
  for (const [flag, on] of flagWords) if (words.flags & flag) list.push(on);
  if (words.allowOther) list.push('allow_other');
  return list.join(',');
}
