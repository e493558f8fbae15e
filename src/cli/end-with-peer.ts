// A mount that its supervisor alone uses ends with the supervisor, however that ends: they have two ends of a pipe or of a
// socket (--while-fd).
import { rmdirSync } from 'node:fs';
import { guarded, type Log, oneLine } from '../base/guarded.js';
import { POLLIN } from '../base/linux.js';
import { unmount } from '../fuse/mount.js';
import type { OwnMount } from '../fuse/own-mount.js';
import { native } from '../native/binding.js';

/**
 * When the other end is closed, detaches the mount and removes its directory. Processes that have its files go on with
 * them. The function that is returned forgets it.
 */
export function endWithPeer(fd: number, own: () => OwnMount | undefined, log: Log): () => void {
  const ended = guarded(log, 'signal', () => {
    poller.close();
    void detach(own(), log);
  });
  const poller = native.poll(fd, POLLIN, ended);
  return () => poller.close();
}

async function detach(own: OwnMount | undefined, log: Log): Promise<void> {
  try {
    const at = own?.now();
    if (at === undefined) return;
    const failed = await unmount(at, true);
    if (failed === undefined) rmdirSync(at.target);
    else log(`the other end of --while-fd is closed, and it cannot be unmounted: ${failed.message}`);
  } catch (error) {
    log(`the other end of --while-fd is closed: ${oneLine(error)}`);
  }
}
