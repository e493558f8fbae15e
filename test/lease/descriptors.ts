// The processes of a world of test/lease and their descriptors: what dup, fork and SCM_RIGHTS share is a description,
// and it is gone with its last descriptor.
import { type ProcessId, UNIDENTIFIED } from '../../src/base/units.js';
import { USER } from './world-files.js';

export interface ProcessSpec {
  readonly p: number;
  readonly uid?: number;
  readonly caps?: readonly string[];
  readonly memlock?: number;
  /** Outside the daemon's pid namespace. */
  readonly hidden?: boolean;
  /** In another user namespace: its capabilities do not count. */
  readonly foreign?: boolean;
}

export interface Process {
  readonly id: ProcessId;
  readonly uid: number;
  readonly caps: readonly string[];
  readonly memlock: number;
  /** Descriptors by description. */
  readonly fds: Map<number, number>;
}

export interface Description {
  readonly f: number;
  readonly write: boolean;
  readonly nonblock: boolean;
  references: number;
}

export function makeProcess(spec: ProcessSpec): Process {
  const { p, uid = USER, caps = [], memlock = Number.POSITIVE_INFINITY, hidden, foreign } = spec;
  const id = hidden ? UNIDENTIFIED : (p as ProcessId);
  return { id, uid, caps: foreign ? [] : caps, memlock, fds: new Map() };
}

export class Descriptors {
  private readonly processes = new Map<number, Process>();
  private readonly descriptions = new Map<number, Description>();

  constructor(specs: readonly ProcessSpec[]) {
    for (const spec of specs) this.processes.set(spec.p, makeProcess(spec));
  }

  process(p: number): Process {
    let process = this.processes.get(p);
    if (process === undefined) {
      process = makeProcess({ p });
      this.processes.set(p, process);
    }
    return process;
  }

  description(d: number): Description {
    const description = this.descriptions.get(d);
    if (description === undefined) throw new Error(`description ${d} is not open`);
    return description;
  }

  open(p: number, d: number, f: number, write: boolean, nonblock: boolean): void {
    this.descriptions.set(d, { f, write, nonblock, references: 0 });
    this.add(p, d, 1);
  }

  add(p: number, d: number, n: number): void {
    const { fds } = this.process(p);
    fds.set(d, (fds.get(d) ?? 0) + n);
    this.description(d).references += n;
  }

  fork(p: number, child: number): void {
    for (const [d, n] of this.process(p).fds) this.add(child, d, n);
  }

  /** Whether it was the last one. */
  close(p: number, d: number): boolean {
    const { fds } = this.process(p);
    const left = fds.get(d)! - 1;
    if (left === 0) fds.delete(d);
    else fds.set(d, left);
    const description = this.description(d);
    description.references--;
    if (description.references > 0) return false;
    this.descriptions.delete(d);
    return true;
  }

  /** All descriptors of a process, one entry for each. */
  held(p: number): number[] {
    return [...this.process(p).fds].flatMap(([d, n]) => Array<number>(n).fill(d));
  }
}
