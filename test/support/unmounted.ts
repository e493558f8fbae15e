// A filesystem on the pooled store without a mount and a kernel: a test calls its operations, and runs what waits again.
import type { InodeNumber, WaiterId } from '../../src/base/units.js';
import { Filesystem } from '../../src/fs/filesystem.js';
import { Caller, type Host } from '../../src/fs/operations.js';
import { PooledStore } from '../../src/store/pooled-store.js';

export interface Unmounted {
  readonly filesystem: Filesystem;
  /** This process. */
  readonly caller: Caller;
  /** What the filesystem calls when an operation may go on. */
  retry: (waiter?: WaiterId) => void;
}

export function unmounted(inodes: number): Unmounted {
  const filesystem = new Filesystem(() => new PooledStore(1 << 22), {
    ...{ mode: 0o755, uid: 0, gid: 0, inodes, descriptors: 100 },
    breakTime: 1000,
    semantics: 'default',
    log: () => {},
  });
  const caller = Object.assign(new Caller(), { tid: process.pid, uid: process.getuid!() });
  const made: Unmounted = { filesystem, caller, retry: () => {} };
  filesystem.attach({
    retry: (waiter: WaiterId) => made.retry(waiter),
    invalidateAttrs() {},
    afterInodeLock: (_ino: InodeNumber, _uid: number, passed: () => void) => passed(),
    backingGone() {},
  } as unknown as Host);
  return made;
}
