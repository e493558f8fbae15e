// Waits until the kernel has taken and released an inode's lock once. After the answer to a truncate, a punch or a copy the
// kernel changes its page cache under that lock, so that change is then complete.
//
// A notification about an entry below a regular file takes the lock and is refused (ENOTDIR, fuse_reverse_inval_entry in
// fs/fuse/dir.c). It is written on another thread, since the task that holds the lock may be waiting for us. A user can hold
// the lock of a file for long (a buffer whose pages do not come), so one user has one thread at a time.
import type { InodeNumber } from '../base/units.js';

/** Of libuv's four threads. The others serve notifications that the holder of the lock may be waiting for. */
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
