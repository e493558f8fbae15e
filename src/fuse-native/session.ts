// The filesystem behind the fuse-native package (libfuse 2 by path), a second opinion on our own protocol code. It obeys
// the rules of truncate and of O_TRUNC; leases and pins come by a socket (control-socket.ts), since the package carries no
// ioctl. It has the interface of src/fuse's session, so that the daemon serves either.
import { fstatSync, readdirSync } from 'node:fs';
import { errno, FsError } from '../base/errno.js';
import { guarded, type Log, oneLine } from '../base/guarded.js';
import { ownUid } from '../base/owner.js';
import type { InodeNumber, WaiterId } from '../base/units.js';
import { type Answer, Caller, type Host, type Operations } from '../fs/operations.js';
import { Parked } from '../fs/parked.js';
import { CALL_BYTES, type Call } from './call.js';
import { ControlSocket } from './control-socket.js';
import { nativeOperations } from './operations.js';
import { loadFuseNative, type NativeOperations } from './package.js';

/** How often to look whether the package still serves. */
const LOOK_MS = 250;
/** st_rdev of /dev/fuse. */
const FUSE_DEVICE = (10 << 8) | 229;

export interface NativeSessionOptions {
  readonly mountPoint: string;
  readonly operations: Operations;
  readonly allowOther: boolean;
  /** MAJOR:MINOR of the mount, decimal; undefined while it is not known. */
  readonly device: () => string | undefined;
  /** Whether leases or pins are held. */
  readonly isHeld: () => boolean;
  readonly log: (line: string) => void;
}

export class NativeSession implements Host {
  readonly passthrough = false;
  readonly reason = 'the fuse-native package has none';
  /** The protocol is libfuse 2's business. */
  readonly kernel = undefined;
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;

  private readonly log: (line: string) => void;
  private readonly caller = new Caller();
  private readonly parked: Parked<Call>;
  private readonly control: ControlSocket;
  private readonly counts: Record<string, number> = {};

  /** @throws FsError ENOPKG: the package is not there. */
  constructor({ mountPoint, operations, allowOther, device, isHeld, log }: NativeSessionOptions) {
    this.log = log;
    // The package does not report the caller: the user who mounted owns each new file.
    this.caller.uid = ownUid;
    this.caller.gid = process.getgid?.() ?? 0;
    const Fuse = loadFuseNative();
    this.parked = new Parked(
      operations,
      call => this.answerOf(call),
      (call, answer) => call.done(answer),
      log,
    );
    this.control = new ControlSocket(operations, this.parked, device, log);
    operations.attach(this);
    const { caller, parked, control } = this;
    const translated = nativeOperations(operations, {
      caller,
      run: (operation, done) => parked.start({ caller, cost: CALL_BYTES, operation, done }),
      control: ino => control.address(ino),
    });
    const fuse = new Fuse(mountPoint, this.guarded(translated), {
      allowOther,
      defaultPermissions: true,
      fsname: 'leasefs',
      // use_ino, for which the package has no option, keeps our inode numbers instead of libfuse's.
      subtype: 'leasefs,use_ino',
      // A store may have changed the file through a mapping: nothing is kept.
      attrTimeout: '0',
      // An operation may wait for a lease break.
      timeout: false,
    });
    this.ready = new Promise((resolve, reject) => {
      fuse.mount(error => {
        if (error === null) return resolve();
        const why = `${error.message}: the fuse-native package cannot mount on ${mountPoint}; 'leasefs doctor' says what it takes`;
        reject(new FsError(errno.EIO, why));
      });
    });
    this.ended = this.ready
      .then(() => over(isHeld, log))
      .then(() => {
        this.control.close();
        operations.destroy();
      });
    this.ended.catch(() => {});
  }

  get waiting(): number {
    return this.parked.size;
  }

  requestCounts(): Record<string, number> {
    return { ...this.counts };
  }

  retry(waiter: WaiterId): void {
    this.parked.retry(waiter);
  }

  answer(waiter: WaiterId, error: number): void {
    this.parked.answer(waiter, error);
  }

  /** No poll comes through the package. */
  notifyPoll(): void {}

  /** Nothing is kept. */
  invalidateAttrs(): void {}

  invalidateAttrsAsync(): void {}

  /** libfuse 2 shows no way. */
  afterInodeLock(_ino: InodeNumber, _uid: number, passed: () => void): void {
    passed();
  }

  readonly writesDirectly = false;
  /** The package does not name the caller. */
  readonly cutsAfterOpen = false;

  backingGone(): void {}

  /** EIO with a line in the log when it throws, and the mount lives. */
  private answerOf({ operation }: Call): Answer {
    try {
      return operation();
    } catch (error) {
      this.log(`a call failed, EIO: ${error instanceof Error ? error.stack : error}`);
      return -errno.EIO;
    }
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
          this.log(`${name} of ${args[0]} failed, EIO: ${oneLine(error)}`);
          (args.at(-1) as (answer: number) => void)(-errno.EIO);
        }
      };
    }
    return safe as unknown as NativeOperations;
  }
}

/**
 * Resolves when the last user of the mount is gone, after a lazy unmount too (A4). The package does not report that, but
 * closes the device then. The kernel does not count a lease or a pin, whose holder needs no open file: we do.
 */
function over(isHeld: () => boolean, log: Log): Promise<void> {
  const device = readdirSync('/proc/self/fd').map(Number).find(isFuseDevice);
  return new Promise(resolve => {
    const look = (): void => {
      if ((device !== undefined && isFuseDevice(device)) || isHeld()) return;
      clearInterval(timer);
      resolve();
    };
    const timer = setInterval(guarded(log, 'device look', look), LOOK_MS);
  });
}

function isFuseDevice(fd: number): boolean {
  try {
    return fstatSync(fd).rdev === FUSE_DEVICE;
  } catch {
    return false;
  }
}
