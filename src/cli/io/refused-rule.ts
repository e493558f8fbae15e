// Which rule refused a call of this process: the mount's events say so.
import { type ErrnoName, errno } from '../../base/errno.js';
import { events } from '../../client/index.js';
import { FS_TYPE, mountsNow } from '../../fuse/mountinfo.js';
import { absolute, mountOf } from '../mounts.js';

/** Events up to this number have been looked at. */
let seen = 0;

/** @param code errno, positive. undefined: it was no rule, or the mount of `path` tells no events. */
export async function refusedRule(path: string, code: number): Promise<string | undefined> {
  let rule: string | undefined;
  try {
    const mount = mountOf(absolute(path), mountsNow());
    if (mount?.type !== FS_TYPE) return undefined;
    for await (const event of events(mount.target)) {
      if (event.seq <= seen) continue;
      seen = event.seq;
      if (event.event !== 'refused' || event.pid !== process.pid) continue;
      rule = errno[event.errno as ErrnoName] === code ? event.rule : undefined;
    }
  } catch {
    // A mount by fuse-native, or none any more: the refusal itself is still printed.
  }
  return rule;
}
