// Waits until the kernel has had an inode's lock once. What the kernel does to its page cache after the answer to a
// truncate, a punch or a copy it does under that lock, so it is over then.
//
// A notification about an entry below a regular file takes the lock and is refused (ENOTDIR, fuse_reverse_inval_entry in
// fs/fuse/dir.c). It is written on another thread, since whoever has the lock may be waiting for us. A user can keep the
// lock of his file for long (a buffer whose pages do not come), so one user has one thread at a time.
import type { InodeNumber } from '../base/units.js';

/** Of libuv's four threads: the others serve notifications that whoever has the lock may be waiting for. */
const THREADS = 2;

interface Pass {
  readonly ino: InodeNumber;
  readonly uid: number;
  readonly done: (() => void)[];
}

export class InodeLocks {
  private readonly notify: (ino: InodeNumber, done: () => void) => void;
  private readonly waiting: Pass[] = [];
  private readonly running = new Set<Pass>();

  /** @param notify writes the notification on another thread; `done` is called when the kernel has taken it. */
  constructor(notify: (ino: InodeNumber, done: () => void) => void) {
    this.notify = notify;
  }

  /** Calls `done` when the kernel has taken and released the inode's lock after this call. */
  pass(ino: InodeNumber, uid: number, done: () => void): void {
    const same = this.waiting.find(pass => pass.ino === ino);
    if (same !== undefined) same.done.push(done);
    else this.waiting.push({ ino, uid, done: [done] });
    this.start();
  }

  private start(): void {
    while (this.running.size < THREADS) {
      const at = this.waiting.findIndex(next => ![...this.running].some(({ uid }) => uid === next.uid));
      if (at < 0) return;
      const [pass] = this.waiting.splice(at, 1);
      this.running.add(pass!);
      this.notify(pass!.ino, () => {
        this.running.delete(pass!);
        for (const done of pass!.done) done();
        this.start();
      });
    }
  }
}
