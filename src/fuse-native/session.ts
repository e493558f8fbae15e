// The filesystem behind the fuse-native package (libfuse 2 by path), for those who want nothing of the kernel's protocol
// from us. It obeys the rules of truncate and of O_TRUNC; leases, pins and holes cannot come through it (operations.ts).
// One object as src/fuse's session has, so that the daemon serves either.
import { errno } from '../base/errno.js';
import { NO_WAITER, type WaiterId } from '../base/units.js';
import { type Answer, Caller, type Host, type Operations, PARKED } from '../fs/operations.js';
import { nativeOperations } from './operations.js';
import { loadFuseNative, type NativeOperations } from './package.js';

/** How often to look whether the mount is still there. */
const LOOK_MS = 250;

export interface NativeSessionOptions {
  readonly mountPoint: string;
  readonly operations: Operations;
  readonly allowOther: boolean;
  /** Whether the mount is still there, by /proc/self/mountinfo. */
  readonly isMounted: () => boolean;
  readonly log: (line: string) => void;
}

interface Parked {
  readonly operation: () => Answer;
  readonly done: (answer: Answer) => void;
}

export class NativeSession implements Host {
  readonly passthrough = false;
  readonly reason = 'the fuse-native package has none';
  /** The protocol is libfuse 2's business. */
  readonly kernel = { major: 0, minor: 0 };
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;

  private readonly log: (line: string) => void;
  private readonly caller = new Caller();
  private readonly parked = new Map<WaiterId, Parked>();
  private readonly counts: Record<string, number> = {};
  private lastWaiter = 0;

  /** @throws FsError ENOPKG: the package is not there. */
  constructor({ mountPoint, operations, allowOther, isMounted, log }: NativeSessionOptions) {
    this.log = log;
    // Who asks is not told: whoever mounted owns what is made.
    this.caller.uid = process.getuid?.() ?? 0;
    this.caller.gid = process.getgid?.() ?? 0;
    const Fuse = loadFuseNative();
    operations.attach(this);
    const translated = nativeOperations(operations, this.caller, (operation, done) =>
      this.run(operation, done),
    );
    const fuse = new Fuse(mountPoint, this.guarded(translated), {
      allowOther,
      defaultPermissions: true,
      fsname: 'leasefs',
      subtype: 'leasefs',
      // A store may have changed the file through a mapping: nothing is kept.
      attrTimeout: '0',
      // A lease break lasts as long as it lasts.
      timeout: false,
    });
    this.ready = new Promise((resolve, reject) => {
      fuse.mount(error => (error === null ? resolve() : reject(error)));
    });
    this.ended = this.ready.then(() => unmounted(isMounted)).then(() => operations.destroy());
    this.ended.catch(() => {});
  }

  get waiting(): number {
    return this.parked.size;
  }

  requestCounts(): Record<string, number> {
    return { ...this.counts };
  }

  retry(waiter: WaiterId): void {
    const parked = this.parked.get(waiter);
    if (parked === undefined) return;
    this.parked.delete(waiter);
    this.attempt(parked, waiter);
  }

  answer(waiter: WaiterId, error: number): void {
    this.parked.get(waiter)?.done(-error);
    this.parked.delete(waiter);
  }

  notifyPoll(): void {}

  backingGone(): void {}

  private run(operation: () => Answer, done: (answer: Answer) => void): void {
    this.attempt({ operation, done }, ++this.lastWaiter as WaiterId);
  }

  private attempt(parked: Parked, waiter: WaiterId): void {
    this.caller.waiter = waiter;
    const answer = parked.operation();
    this.caller.waiter = NO_WAITER;
    if (answer === PARKED) this.parked.set(waiter, parked);
    else parked.done(answer);
  }

  /** Counts; an operation that throws answers EIO with a line in the log, and the mount lives. */
  private guarded(operations: NativeOperations): NativeOperations {
    const safe: Record<string, (...args: unknown[]) => void> = {};
    for (const [name, operation] of Object.entries(operations)) {
      safe[name] = (...args: unknown[]) => {
        this.counts[name] = (this.counts[name] ?? 0) + 1;
        try {
          (operation as (...all: unknown[]) => void)(...args);
        } catch (error) {
          this.log(`${name} of ${args[0]} failed, EIO: ${error instanceof Error ? error.stack : error}`);
          (args.at(-1) as (answer: number) => void)(-errno.EIO);
        }
      };
    }
    return safe as unknown as NativeOperations;
  }
}

/** Resolves when the mount is gone, which the package tells nobody. */
function unmounted(isMounted: () => boolean): Promise<void> {
  return new Promise(resolve => {
    const timer = setInterval(() => {
      if (isMounted()) return;
      clearInterval(timer);
      resolve();
    }, LOOK_MS);
  });
}
