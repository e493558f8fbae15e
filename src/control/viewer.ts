// Who looks, and what of another process he may see: what /proc would show him. Pid, command and start time everybody
// sees, as in /proc/PID/stat; files and ranges those whose uid is the same, or who have CAP_SYS_PTRACE, as in
// /proc/PID/fd and maps. Judged once, at open, as there.
import { CAP_SYS_PTRACE } from '../base/linux.js';
import type { Caller } from '../fs/operations.js';
import { isCapable } from '../process/proc.js';

export class Viewer {
  private readonly uid: number;
  private readonly privileged: boolean;

  constructor({ uid, tid }: Pick<Caller, 'uid' | 'tid'>) {
    this.uid = uid;
    this.privileged = isCapable(tid, CAP_SYS_PTRACE);
  }

  /** Whether he may look into a process of `uid`; -1: of an unknown user. */
  maySee(uid: number): boolean {
    return this.privileged || uid === this.uid;
  }
}
