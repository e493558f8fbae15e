// The processes whose calls are stopped: the process of a thread, its descriptors and its memory, as far as ptrace(2)
// allows. A pidfd identifies a process, so that a recycled pid is never mistaken for it.
import { LRUCache } from 'lru-cache';
import { type Descriptor, native } from '../native/binding.js';
import { identityOf } from '../process/identity.js';
import { commandOf, startTimeOf, threadGroupOf } from '../process/proc.js';
import type { StoppedThread } from './mount-link.js';

/** Beyond this number the least recently stopped process is dropped: each costs a descriptor. */
const KEPT = 64;

export interface Target extends StoppedThread {
  readonly command: string;
  readonly pidfd: Descriptor;
  /** Its descriptor whose lease was released by a call that it begins again, since it did not get the answer. */
  released: number | undefined;
}

export class Targets {
  private readonly byThread = new LRUCache<number, Target>({
    max: KEPT,
    dispose: target => target.pidfd.close(),
  });

  /** Undefined when the process is gone, or the supervisor may not ptrace(2) it. */
  of(tid: number): Target | undefined {
    const known = this.byThread.get(tid);
    if (
      known !== undefined &&
      native.pidfdSignal(known.pidfd.fd, 0) === 0 &&
      native.threadOf(known.pid, tid) === 0
    ) {
      return known;
    }
    const pid = threadGroupOf(tid);
    if (pid === 0) return undefined;
    try {
      const pidfd = openThread(tid, pid);
      const start = startTimeOf(pid);
      const identity = identityOf(pidfd.fd);
      const command = commandOf(pid);
      const target = { tid, pid, start, identity, command, pidfd, released: undefined };
      this.byThread.set(tid, target);
      return target;
    } catch {
      return undefined;
    }
  }

  close(): void {
    this.byThread.clear();
  }
}

/** The thread's own: its leader may have ended, or have other descriptors. Before Linux 6.9 only processes have one. */
function openThread(tid: number, pid: number): Descriptor {
  try {
    return native.pidfdOpenThread(tid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
    return native.pidfdOpen(pid);
  }
}

/** The thread's descriptor `fd`, the same description; undefined when there is none or it may not be taken. */
export function take(target: Target, fd: number): Descriptor | undefined {
  try {
    return native.pidfdGetfd(target.pidfd.fd, fd);
  } catch {
    return undefined;
  }
}

/** Bytes of the process's memory, undefined unless all are there. */
export function memoryOf(target: Target): (address: number, length: number) => DataView | undefined {
  return (address, length) => {
    if (!Number.isSafeInteger(address) || address <= 0) return undefined;
    const into = new ArrayBuffer(length);
    return native.readMemory(target.tid, address, into) === length ? new DataView(into) : undefined;
  };
}
