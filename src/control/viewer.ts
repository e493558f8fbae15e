// What a process that reads `.leasefs` may see of other processes: what /proc would show it. Every user sees pid, command
// and start time, as in /proc/PID/stat. Files and ranges need the same uid or CAP_SYS_PTRACE, as /proc/PID/fd and maps do.
// Checked once, at open, as in /proc.
import type { Opener } from '../fs/vfs/virtual.js';

export class Viewer {
  private readonly uid: number;
  private readonly privileged: boolean;

  constructor({ uid, privileged }: Pick<Opener, 'uid' | 'privileged'>) {
    this.uid = uid;
    this.privileged = privileged;
  }

  /** Whether the viewer may see the files of a process of `uid`; -1: of an unknown user. */
  maySee(uid: number): boolean {
    return this.privileged || uid === this.uid;
  }
}
