// The processes whose calls are stopped: the process of a thread, its descriptors and its memory, as far as ptrace(2)
// allows. A pidfd identifies a process, so that a recycled pid is never mistaken for it.
import { LRUCache } from 'lru-cache';
import { errno } from '../base/errno.js';
import { POLLIN } from '../base/linux.js';
import { type Descriptor, native } from '../native/binding.js';
import { identityOf } from '../process/identity.js';
import { commandOf, startTimeIn } from '../process/proc.js';
import { field, readText } from '../process/proc-text.js';
import type { StoppedThread } from './mount-link.js';

/** Beyond this number the least recently stopped thread is dropped: each costs a descriptor. */
const KEPT = 64;

export interface Target extends StoppedThread {
  readonly command: string;
  /** Of the thread, or before Linux 6.9 of the process. */
  readonly pidfd: Descriptor;
  readonly isOfThread: boolean;
  /** What its last F_UNLCK released, if it did not get the answer: it begins that call again. */
  released: Released | undefined;
}

/** A descriptor and the inode that it was of. */
export interface Released {
  readonly fd: number;
  readonly ino: number;
}

/** Why a call cannot be judged. */
export class Blind {
  readonly why: string;
  /** What a refused lease call answers. */
  readonly code: number;

  constructor(why: string, code: number) {
    this.why = why;
    this.code = code;
  }
}

/** PR_SET_DUMPABLE, a program that its user may not read, or the end of the process. */
export const HIDDEN = new Blind(
  'the supervisor may not look into the process (prctl PR_SET_DUMPABLE, or its program is not readable): run leasefs as root',
  errno.EPERM,
);
const NO_DESCRIPTOR = new Blind(
  'the supervisor has no descriptor left: raise the hard limit of open files',
  errno.ENOLCK,
);

export class Targets {
  private readonly byThread = new LRUCache<number, Target>({
    max: KEPT,
    dispose: target => target.pidfd.close(),
  });

  constructor() {
    // While there is a descriptor left: it finds out what this kernel numbers.
    const own = native.pidfdOpen(process.pid);
    identityOf(own.fd);
    own.close();
  }

  /** Undefined when the thread is gone. */
  of(tid: number): Target | Blind | undefined {
    const known = this.byThread.get(tid);
    if (known !== undefined && isStill(known)) return known;
    return this.withRoom(() => this.made(tid));
  }

  private made(tid: number): Target | undefined {
    const pid = Number(field(readText(`/proc/${tid}/status`), 'Tgid'));
    const stat = pid === 0 ? '' : readText(`/proc/${pid}/stat`);
    if (stat === '') return undefined;
    const start = startTimeIn(stat);
    const command = commandOf(pid);
    const { pidfd, isOfThread } = openThread(tid, pid);
    const identity = identityOf(pidfd.fd);
    const target = { tid, pid, start, identity, command, pidfd, isOfThread, released: undefined };
    this.byThread.set(tid, target);
    return target;
  }

  /** The thread's descriptor `fd`, the same description; undefined when there is none. */
  take(target: Target, fd: number): Descriptor | Blind | undefined {
    return this.withRoom(() => native.pidfdGetfd(target.pidfd.fd, fd), target);
  }

  close(): void {
    this.byThread.clear();
  }

  /** Once more without the other threads' descriptors where none is left. */
  withRoom<T>(open: () => T, but?: Target): T | Blind | undefined {
    try {
      return open();
    } catch (error) {
      if (!isShort(error)) return blindBy(error);
    }
    for (const target of [...this.byThread.values()]) if (target !== but) this.byThread.delete(target.tid);
    try {
      return open();
    } catch (error) {
      return blindBy(error);
    }
  }
}

/** The thread's own: its leader may have ended, or have other descriptors. Before Linux 6.9 only processes have one. */
function openThread(tid: number, pid: number): Pick<Target, 'pidfd' | 'isOfThread'> {
  try {
    return { pidfd: native.pidfdOpenThread(tid), isOfThread: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
    return { pidfd: native.pidfdOpen(pid), isOfThread: false };
  }
}

/** Its pidfd is readable once it has ended; until then its number is no other's. */
const isStill = ({ tid, pid, pidfd, isOfThread }: Target): boolean =>
  native.pollWait(pidfd.fd, POLLIN, 0) === 0 && (isOfThread || native.threadOf(pid, tid) === 0);

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

const isShort = (error: unknown): boolean => ['EMFILE', 'ENFILE', 'ENOMEM'].includes(codeOf(error) ?? '');

/** Undefined: there is nothing to look at. */
export function blindBy(error: unknown): Blind | undefined {
  if (isShort(error)) return NO_DESCRIPTOR;
  return codeOf(error) === 'EPERM' || codeOf(error) === 'EACCES' ? HIDDEN : undefined;
}

/** Bytes of the process's memory, undefined unless all are there. */
export function memoryOf(target: Target): (address: number, length: number) => DataView | undefined {
  return (address, length) => {
    if (!Number.isSafeInteger(address) || address <= 0) return undefined;
    const into = new ArrayBuffer(length);
    return native.readMemory(target.tid, address, into) === length ? new DataView(into) : undefined;
  };
}
