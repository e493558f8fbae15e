// What /proc says of a process. Each answer is of this instant; the caller has the request unanswered or holds a pidfd.
import { constants } from 'node:fs';
import { O_PATH } from '../base/linux.js';
import { type Descriptor, native } from '../native/binding.js';
import { field, textOf } from './proc-text.js';

/** The process (thread group) of a thread, 0 when /proc does not show it. */
export function threadGroupOf(tid: number): number {
  return Number(field(textOf(`/proc/${tid}/status`), 'Tgid'));
}

/** Its parent's pid, 0 when there is none or the process is gone. */
export const parentOf = (pid: number): number => Number(field(textOf(`/proc/${pid}/status`), 'PPid'));

/** Clock ticks since boot when the process began; 0 when unknown. With the pid it names a process for good (A3). */
export function startTimeOf(pid: number): number {
  return startTimeIn(textOf(`/proc/${pid}/stat`));
}

/** The same in the text of /proc/PID/stat. */
export function startTimeIn(stat: string): number {
  return Number(statFields(stat)[19] ?? 0);
}

/** From the state on. The command before it may hold spaces and brackets: it ends with the last bracket. */
const statFields = (stat: string): string[] => stat.slice(stat.lastIndexOf(')') + 2).split(' ');

export function commandOf(pid: number): string {
  return textOf(`/proc/${pid}/comm`).trim();
}

/** Clock ticks of processor time that a thread has used; 0 when it is gone. Waits while its process is in exec(2) (K29). */
export function processorTimeOf(pid: number, tid: number): number {
  const [user, system] = statFields(textOf(`/proc/${pid}/task/${tid}/stat`))
    .slice(11, 13)
    .map(Number);
  return (user ?? 0) + (system ?? 0);
}

export interface Uids {
  /** Real and saved uid, which kill(2) compares. */
  readonly real: number;
  readonly saved: number;
  /** The uid that file permissions are checked against. */
  readonly fs: number;
}

/** Of a thread, as we see them. */
export function uidsOf(tid: number): Uids | undefined {
  const [real, , saved, fs] = field(textOf(`/proc/${tid}/status`), 'Uid')
    .split('\t')
    .map(Number);
  return fs === undefined ? undefined : { real: real!, saved: saved!, fs };
}

/** The link of the user namespace itself, for native.hasCapability; undefined where the process is gone. */
export function userNamespaceOf(pid: number): Descriptor | undefined {
  try {
    return native.open(`/proc/${pid}/ns/user`, O_PATH | constants.O_NOFOLLOW);
  } catch {
    return undefined;
  }
}

/** Supplementary groups of a thread. */
export function groupsOf(tid: number): number[] {
  const groups = field(textOf(`/proc/${tid}/status`), 'Groups').trim();
  return groups === '' ? [] : groups.split(' ').map(Number);
}

/** Whether the thread has the capability in our own user namespace; those of another one do not count (Words). */
export function isCapable(tid: number, capability: number): boolean {
  const namespace = userNamespaceOf(tid);
  const has = namespace !== undefined && native.hasCapability(tid, capability, namespace.fd) === 1;
  namespace?.close();
  return has;
}

/** Whether this process has the capability in the initial user namespace, as far as /proc shows which one it is in. */
export const isCapableInitially = (capability: number): boolean =>
  isCapable(process.pid, capability) && /^\s*0\s+0\s+4294967295\s*$/.test(textOf('/proc/self/uid_map'));

/** RLIMIT_NOFILE of this process, the soft one. */
export function openFileLimit(): number {
  const [, limit] = /^Max open files +(\d+)/m.exec(textOf('/proc/self/limits')) ?? [];
  return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
}
