// Subordinate users (subuid(5)): adduser gives a user 65,536 of them, each of which one of its processes may become in a
// user namespace, without any right. A share by user is that of the user to whom they belong, or one user would have all.
import { readFileSync } from 'node:fs';

interface Range {
  readonly start: number;
  readonly end: number;
  readonly owner: number;
}

/**
 * Of the texts of /etc/subuid and /etc/passwd: the owner of a subordinate user, the same of all others. Root's, which are its
 * containers', have no owner: they are users as any.
 */
export function ownersOf(subuid: string, passwd: string): (uid: number) => number {
  const uids = new Map<string, number>();
  for (const line of passwd.split('\n')) {
    const [name = '', , uid = ''] = line.split(':');
    if (/^\d+$/.test(uid)) uids.set(name, Number(uid));
  }
  const ranges: Range[] = [];
  for (const line of subuid.split('\n')) {
    const [name = '', start = '', count = ''] = line.trim().split(':');
    const owner = uids.get(name) ?? (/^\d+$/.test(name) ? Number(name) : 0);
    if (owner === 0 || !/^\d+$/.test(start) || !/^\d+$/.test(count)) continue;
    ranges.push({ start: Number(start), end: Number(start) + Number(count), owner });
  }
  ranges.sort((a, b) => a.start - b.start);
  const least = ranges[0]?.start ?? Number.POSITIVE_INFINITY;
  return uid => (uid < least ? uid : (rangeOf(ranges, uid)?.owner ?? uid));
}

/** The last that begins no later, if the user is in it. */
function rangeOf(ranges: readonly Range[], uid: number): Range | undefined {
  let [from, to] = [0, ranges.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (ranges[middle]!.start <= uid) from = middle + 1;
    else to = middle;
  }
  const range = ranges[from - 1];
  return range !== undefined && uid < range.end ? range : undefined;
}

let owners = (uid: number): number => uid;

/** The user whose share it is. */
export const userOf = (uid: number): number => owners(uid);

/** From now on; before the first share is taken, since what was taken from one user must go back to the same. */
export function countSubordinates(of = ownersOf(textOf('/etc/subuid'), textOf('/etc/passwd'))): void {
  owners = of;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
