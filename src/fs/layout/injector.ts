// Faults on demand, for those who test their programs (`leasefs inject`): breaks, refusals, delays and deaths that would
// else need the right moment. Off unless the mount was started with --allow-inject. The events mark its effects as
// injected; none of them frees a pinned block. Kernel counterpart: lib/fault-inject.c.
import type { Moment } from '../../abi/injection.js';
import { type ErrnoName, errno, errnoText } from '../../base/errno.js';
import { attempt, type Callback, faults } from '../../base/guarded.js';
import { SIGKILL } from '../../base/linux.js';
import {
  type InodeNumber,
  NO_WAITER,
  type ProcessId,
  UNIDENTIFIED,
  type WaiterId,
} from '../../base/units.js';
import { dying } from '../../journal/dying.js';
import type { Verdict } from '../../lease/types.js';
import { type Answer, type Caller, PARKED } from '../operations.js';
import { fileName, processName } from '../trace/words.js';
import { carryOut } from './ask.js';
import type { LeasePlane } from './plane.js';

const RULE = 'inject';

export class Injector {
  private readonly plane: LeasePlane;
  private pins: { left: number; errno: ErrnoName } = { left: 0, errno: 'ENOMEM' };
  private space = 0;
  private grants: { left: number; ms: number } = { left: 0, ms: 0 };
  /** Delayed lease calls; undefined: their delay is over. */
  private readonly held = new Map<WaiterId, NodeJS.Timeout | undefined>();

  constructor(plane: LeasePlane) {
    this.plane = plane;
  }

  /**
   * Breaks the file's breakable leases now, as a truncate of another process with O_NONBLOCK would. -ESRCH: it has none.
   */
  break(asker: ProcessId, ino: InodeNumber): Answer {
    const { plane } = this;
    if (plane.leases.leases(ino).length === 0) return -errno.ESRCH;
    return this.change(asker, ino, 0, 0, 'break');
  }

  /** Judges a change of the file's blocks [start, end) by another process. Changes nothing: the verdict is an event. */
  change(asker: ProcessId, ino: InodeNumber, start: number, end: number, call: string): Answer {
    const { plane } = this;
    return this.recorded(asker, ino, call, () => {
      const verdict = plane.leases.change(plane.monotonic(), {
        process: UNIDENTIFIED,
        description: 0,
        file: ino,
        waiter: NO_WAITER,
        nonblock: true,
        range: { empty: false, pinStart: start, pinEnd: end },
      });
      carryOut(plane);
      if (verdict.kind === 'refused') this.tell(UNIDENTIFIED, ino, verdict, call);
    });
  }

  /** Forces the file's pending breaks. -ESRCH: none is pending. */
  expire(asker: ProcessId, ino: InodeNumber): Answer {
    const { plane } = this;
    if (!plane.leases.leases(ino).some(({ breaking }) => breaking !== undefined)) return -errno.ESRCH;
    return this.recorded(asker, ino, 'expire', () => plane.leases.expire(ino));
  }

  /** Kills the owners of the file's leases. -ESRCH: none lives. */
  end(asker: ProcessId, ino: InodeNumber): Answer {
    const { plane } = this;
    const owners = new Set(plane.leases.leases(ino).map(({ owner }) => owner));
    const killed = [...owners].filter(owner => plane.processes.signal(owner, SIGKILL, 0n, 0));
    if (killed.length === 0) return -errno.ESRCH;
    return this.recorded(
      asker,
      ino,
      `end ${killed.map(owner => processName(plane, owner)).join(', ')}`,
      () => {},
    );
  }

  refusePins(asker: ProcessId, count: number, name: ErrnoName): Answer {
    this.pins = { left: count, errno: name };
    return this.recorded(asker, 0, `pins ${count} ${name}`, () => {});
  }

  refuseSpace(asker: ProcessId, count: number): Answer {
    this.space = count;
    return this.recorded(asker, 0, `enospc ${count}`, () => {});
  }

  delayGrants(asker: ProcessId, count: number, ms: number): Answer {
    this.grants = { left: count, ms };
    return this.recorded(asker, 0, `delay ${count} ${ms}`, () => {});
  }

  fail(asker: ProcessId, what: Callback, count: number): Answer {
    const answer = this.recorded(asker, 0, `throw ${what} ${count}`, () => {});
    if (count > 0) faults.set(what, count);
    else faults.delete(what);
    return answer;
  }

  /** -EOPNOTSUPP: no daemon would take over. */
  die(asker: ProcessId, at: Moment, count: number): Answer {
    const { journal } = this.plane.sb;
    if (journal === undefined) return -errno.EOPNOTSUPP;
    // This call is an entry too, and would come again.
    journal.afterCommit(() => {
      dying.at = at;
      dying.left = count;
    });
    return this.recorded(asker, 0, `die ${at} ${count}`, () => {});
  }

  // What the operations ask.

  /** 0, or how this pin is refused. */
  pinAnswer(process: ProcessId, ino: InodeNumber, call: string): Answer {
    const { pins } = this;
    if (pins.left === 0) return 0;
    pins.left--;
    return this.tell(process, ino, { kind: 'refused', errno: pins.errno, rule: RULE }, call);
  }

  /** 0 or -ENOSPC, where blocks are about to be taken. */
  spaceAnswer(process: ProcessId, ino: InodeNumber, call: string): Answer {
    if (this.space === 0) return 0;
    this.space--;
    return this.tell(process, ino, { kind: 'refused', errno: 'ENOSPC', rule: RULE }, call);
  }

  /** Whether the next lease call has to wait. */
  get delaysGrant(): boolean {
    return this.grants.left > 0;
  }

  /** 0: go on; PARKED: the lease call runs again when its delay is over. */
  grantAnswer(caller: Caller): Answer {
    const { grants, held } = this;
    const { sb } = this.plane;
    if (held.has(caller.waiter)) {
      held.delete(caller.waiter);
      caller.waiter = NO_WAITER;
      return 0;
    }
    if (grants.left === 0 || caller.waiter !== NO_WAITER) return 0;
    grants.left--;
    const waiter = sb.newWaiter();
    const over = () => {
      held.set(waiter, undefined);
      if (!attempt(sb.log, 'delayed grant', () => sb.host?.retry(waiter))) sb.host?.answer(waiter, errno.EIO);
    };
    held.set(waiter, setTimeout(over, grants.ms));
    caller.waiter = waiter;
    return PARKED;
  }

  cancel(waiter: WaiterId): void {
    clearTimeout(this.held.get(waiter));
    this.held.delete(waiter);
  }

  close(): void {
    for (const timer of this.held.values()) clearTimeout(timer);
    this.held.clear();
    faults.clear();
  }

  private recorded(asker: ProcessId, ino: InodeNumber | 0, call: string, run: () => void): Answer {
    const { plane } = this;
    const { recorder } = plane;
    plane.log(
      `injected: ${call}${ino === 0 ? '' : ` on ${fileName(plane, ino)}`} by ${processName(plane, asker)}`,
      plane.process(asker).uid,
    );
    recorder.injecting = true;
    try {
      recorder.injected(ino, asker, call);
      run();
      carryOut(plane);
    } finally {
      recorder.injecting = false;
    }
    return 0;
  }

  private tell(
    process: ProcessId,
    ino: InodeNumber,
    verdict: Extract<Verdict, { kind: 'refused' }>,
    call: string,
  ): Answer {
    const { plane } = this;
    const { injecting } = plane.recorder;
    plane.recorder.injecting = true;
    plane.recorder.refused(process, ino, verdict, call);
    plane.recorder.injecting = injecting;
    const name = verdict.errno;
    plane.log(
      `refused: ${call} of ${fileName(plane, ino)} by ${processName(plane, process)}: ${name} (${errnoText(errno[name])}) [${verdict.rule}], injected`,
      plane.process(process).uid,
    );
    return -errno[name];
  }
}
