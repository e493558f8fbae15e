// Looks at descriptors of processes (descriptor-look.ts), in a thread for each user that asks at the time: a user who makes
// a look wait (K30) waits alone.
import { errno } from '../base/errno.js';
import type { Log } from '../base/guarded.js';
import { Aside } from '../process/aside.js';
import type { DescriptorLook } from './descriptor-look.js';

/** Threads at once; one of them is root's. */
const THREADS_MAX = 8;

interface Looker {
  readonly aside: Aside<DescriptorLook, number>;
  /** The last look got no answer in time: the thread may still wait. */
  isStuck: boolean;
}

export class DescriptorLooks {
  private readonly log: Log;
  private readonly byUid = new Map<number, Looker>();

  constructor(log: Log) {
    this.log = log;
  }

  /** Calls `answered` once, later, with what `lookAt` says; -EAGAIN where there was no look. */
  ask(look: DescriptorLook, answered: (access: number) => void): void {
    const looker = this.byUid.get(look.uid) ?? this.newLooker(look.uid);
    if (looker === undefined) {
      setImmediate(() => answered(-errno.EAGAIN));
      return;
    }
    looker.aside.ask(look, access => {
      looker.isStuck = access === undefined;
      answered(access ?? -errno.EAGAIN);
    });
  }

  close(): void {
    for (const { aside } of this.byUid.values()) aside.close();
    this.byUid.clear();
  }

  /** A thread that no user waits for, or a new one; undefined when there are too many. */
  private newLooker(uid: number): Looker | undefined {
    const others = this.byUid.size - (this.byUid.has(0) ? 1 : 0);
    const looker = uid !== 0 && others >= THREADS_MAX - 1 ? this.takeIdle() : this.started();
    if (looker !== undefined) this.byUid.set(uid, looker);
    return looker;
  }

  private started(): Looker {
    const thread = new URL('./descriptor-look-thread.js', import.meta.url);
    return {
      aside: new Aside(thread, 'the look at a descriptor of a connection', this.log),
      isStuck: false,
    };
  }

  private takeIdle(): Looker | undefined {
    for (const [uid, looker] of this.byUid) {
      if (uid === 0 || looker.isStuck || looker.aside.isAsked) continue;
      this.byUid.delete(uid);
      return looker;
    }
    return undefined;
  }
}
