// The mount of a daemon, known by what it is and not by its path: that may lead to another mount by now, or the mount may
// have moved. It is asked about in mountinfo alone; a stat of it would wait for this very process.
import { POLLERR, POLLIN } from '../base/linux.js';
import { native } from '../native/binding.js';
import { deviceName } from '../process/proc-text.js';
import { type Mount, mountsNow } from './mountinfo.js';

export class OwnMount {
  private readonly made: Mount;
  private readonly connection: number;

  /** @param connection descriptor of /dev/fuse; -1: a library's. */
  constructor(made: Mount, connection: number) {
    this.made = made;
    this.connection = connection;
  }

  /** MAJOR:MINOR, decimal. */
  get number(): string {
    return this.made.device;
  }

  /** As /proc/PID/maps writes it. */
  get device(): string {
    const [major, minor] = this.made.device.split(':').map(Number);
    return deviceName(major!, minor!);
  }

  /** Where it is mounted now; undefined: it was detached, or ended. */
  now(): Mount | undefined {
    const found = mountsNow().find(({ id, device }) => id === this.made.id && device === this.made.device);
    // Both numbers may be another mount's once ours has ended: the look at the connection comes after that at the mounts.
    return this.isConnected() ? found : undefined;
  }

  isConnected(): boolean {
    return this.connection < 0 || (native.pollWait(this.connection, POLLIN, 0) & POLLERR) === 0;
  }

  /** What is mounted over it. */
  cover({ target, id }: Mount): Mount | undefined {
    const top = mountsNow().findLast(mount => mount.target === target);
    return top?.id === id ? undefined : top;
  }

  /** Whether a descriptor is of a file on it. @param mountId of the descriptor */
  has(mountId: number): boolean {
    return mountsNow().some(({ id, device }) => id === mountId && device === this.made.device);
  }
}
