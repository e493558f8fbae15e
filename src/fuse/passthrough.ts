// Which inodes the kernel serves by itself. An inode's backing id is registered at its first open and kept until the
// inode is gone, since all its opens must agree while any is alive: the kernel answers EIO to one that does not. So an
// inode whose registration failed is served through the daemon for good. Kernel counterpart: fs/fuse/backing.c.
import { errno, errnoName, errnoText } from '../base/errno.js';
import type { InodeNumber } from '../base/units.js';
import { type Channel, native, type Result } from '../native/binding.js';

/** No backing id: through the daemon. The kernel's ids begin at 1. */
export const THROUGH_DAEMON = 0;

export interface PassthroughOptions {
  readonly channel: Channel;
  /** Whether to serve files by passthrough where the kernel and the user can. */
  readonly passthrough: boolean;
  /** Makes a memfd immutable, with which passthrough is tried; FS_IOC_SETFLAGS by default. */
  readonly guard?: (fd: number) => Result;
  /** Makes the memory of the files that passthrough is to serve; why it cannot be had. */
  readonly memory?: () => string | undefined;
  readonly log: (line: string) => void;
}

const setImmutable = (fd: number): Result => native.setImmutable(fd, true);
const nothing = (): undefined => undefined;

/** One line for the log and for the user who mounts. */
export const noPassthrough = (reason: string): string =>
  `no passthrough: ${reason}; files are pooled: the daemon serves them, and the kernel pins no mapping of them`;

export class Passthrough {
  private readonly channel: Channel;
  private readonly log: (line: string) => void;
  private readonly guard: (fd: number) => Result;
  private readonly memory: () => string | undefined;
  private readonly ids = new Map<InodeNumber, number>();
  /** Notified of what it registers. */
  recorded: { backing(ino: InodeNumber, id: number): void; backingGone(ino: InodeNumber): void } | undefined;
  /** Why files are served through the daemon; undefined while passthrough is on. */
  reason: string | undefined;

  constructor({ channel, passthrough, guard = setImmutable, memory = nothing, log }: PassthroughOptions) {
    this.channel = channel;
    this.log = log;
    this.guard = guard;
    this.memory = memory;
    this.reason = passthrough ? undefined : 'it was not asked for';
  }

  /** By inode; also of those that are served through the daemon. */
  get registered(): ReadonlyMap<InodeNumber, number> {
    return this.ids;
  }

  /** What the last daemon has registered. */
  takeOver(enabled: boolean, reason: string, ids: ReadonlyMap<InodeNumber, number>): void {
    this.reason = enabled ? undefined : reason;
    for (const [ino, id] of ids) this.ids.set(ino, id);
  }

  get enabled(): boolean {
    return this.reason === undefined;
  }

  /** The id to answer an open with. @param fd of the file that is served, -1 when it has none. */
  idFor(ino: InodeNumber, fd: number): number {
    const known = this.ids.get(ino);
    if (known !== undefined) return known;
    if (!this.enabled || fd < 0) return THROUGH_DAEMON;
    const id = this.register(fd);
    this.ids.set(ino, id);
    this.recorded?.backing(ino, id);
    return id;
  }

  /** Whether the kernel serves the inode by itself, since its first open. */
  serves(ino: InodeNumber): boolean {
    return (this.ids.get(ino) ?? THROUGH_DAEMON) !== THROUGH_DAEMON;
  }

  /**
   * Finds out whether this user may, with a file of its own. Not without the guard (F14), which a container with
   * CAP_SYS_ADMIN alone cannot set: through the daemon MADV_REMOVE is asked for as a punch. @throws EMFILE, ENOMEM
   */
  probe(): void {
    if (!this.enabled) return;
    const file = native.memfdCreate('leasefs:probe');
    const id = this.register(file.fd);
    if (id !== THROUGH_DAEMON) {
      this.channel.backingClose(id);
      const guarded = this.guard(file.fd);
      if (guarded < 0)
        this.off(`${says(guarded)}: it needs CAP_LINUX_IMMUTABLE, the guard against MADV_REMOVE`);
    }
    file.close();
    const missing = this.enabled ? this.memory() : undefined;
    if (missing !== undefined) this.off(missing);
  }

  /** The inode is gone. */
  forget(ino: InodeNumber): void {
    const id = this.ids.get(ino);
    if (id === undefined) return;
    this.ids.delete(ino);
    this.recorded?.backingGone(ino);
    if (id !== THROUGH_DAEMON) this.channel.backingClose(id);
  }

  off(reason: string): void {
    if (!this.enabled) return;
    this.reason = reason;
    this.log(noPassthrough(reason));
  }

  private register(fd: number): number {
    const id = this.channel.backingOpen(fd);
    if (id > 0) return id;
    const why = says(id);
    // This user may never, this kernel cannot at all; anything else (ENOMEM) concerns this file.
    if (id === -errno.EPERM) this.off(`${why}: it needs CAP_SYS_ADMIN outside of user namespaces`);
    else if (id === -errno.EOPNOTSUPP || id === -errno.ENOTTY) this.off(`${why}: this kernel has none`);
    else this.log(`no passthrough for one file: ${why}`);
    return THROUGH_DAEMON;
  }
}

const says = (error: number): string => `${errnoName(error)} (${errnoText(error)})`;
