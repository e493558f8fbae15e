// The thread in which a daemon looks at registrations of memory, and at processes that may be ending.
import { answerAside } from './aside.js';
import { listOf, textOf } from './proc-text.js';
import { goneOf, type Registration } from './registration.js';

export interface Look {
  readonly registrations: readonly Registration[];
  readonly pids: readonly number[];
}

export interface Looked {
  /** As they were sent, with what the look found out about each. */
  readonly registrations: readonly Registration[];
  /** By index: those whose memory the kernel does not hold any more. */
  readonly gone: readonly number[];
  /** Those of `pids` that are ending or have ended. */
  readonly ending: readonly number[];
}

/** A flag of a thread in /proc/PID/stat. */
const PF_EXITING = 4;
const FLAGS_FIELD = 6;

/** Whether every thread of the process has begun to end: it runs no program any more. */
function isEnding(pid: number): boolean {
  return listOf(`/proc/${pid}/task`).every(tid => {
    const stat = textOf(`/proc/${pid}/task/${tid}/stat`);
    // The command may hold spaces and brackets: fields are counted from the last bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return stat === '' || (Number(fields[FLAGS_FIELD]) & PF_EXITING) !== 0;
  });
}

answerAside<Look, Looked>(({ registrations, pids }) => ({
  gone: goneOf(registrations),
  registrations,
  ending: pids.filter(isEnding),
}));
