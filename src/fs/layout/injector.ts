// Faults on demand, for those who test their programs (`leasefs inject`): breaks, refusals, delays and deaths that would
// else need the right moment. Off unless the mount was started with --allow-inject. Whatever it brings about is told in
// the events as injected; nothing it does frees a block that is pinned. Kernel counterpart: lib/fault-inject.c.
import { type ErrnoName, errno, errnoText } from '../../base/errno.js';
import {
  type InodeNumber,
  NO_WAITER,
  type ProcessId,
  UNIDENTIFIED,
  type WaiterId,
} from '../../base/units.js';
import type { Verdict } from '../../lease/types.js';
import { type Answer, type Caller, PARKED } from '../operations.js';
import type { Superblock } from '../vfs/superblock.js';
import { carryOut, fileName, processName } from './ask.js';

const RULE = 'inject';
const SIGKILL = 9;

export class Injector {
  private readonly sb: Superblock;
  private pins: { left: number; errno: ErrnoName } = { left: 0, errno: 'ENOMEM' };
  private space = 0;
  private grants: { left: number; ms: number } = { left: 0, ms: 0 };
  /** Lease calls that are held back; undefined: their time is over. */
  private readonly held = new Map<WaiterId, NodeJS.Timeout | undefined>();

  constructor(sb: Superblock) {
    this.sb = sb;
  }

  /** Breaks the file's breakable leases now, as a stranger's truncate under O_NONBLOCK would. -ESRCH: it has none. */
  break(asker: ProcessId, ino: InodeNumber): Answer {
    const { sb } = this;
    if (sb.leases.leases(ino).length === 0) return -errno.ESRCH;
    return this.change(asker, ino, 0, 0, 'break');
  }

  /** Judges a stranger's change of the blocks [start, end) of the file, and changes nothing: the verdict is an event. */
  change(asker: ProcessId, ino: InodeNumber, start: number, end: number, call: string): Answer {
    const { sb } = this;
    return this.recorded(asker, ino, call, () => {
      const verdict = sb.leases.change(sb.monotonic(), {
        ...{ process: UNIDENTIFIED, description: 0, file: ino, waiter: NO_WAITER, nonblock: true },
        range: { empty: false, pinStart: start, pinEnd: end },
      });
      carryOut(sb);
      if (verdict.kind === 'refused') this.tell(UNIDENTIFIED, ino, verdict, call);
    });
  }

  /** Lets the time of the file's breaks run out. -ESRCH: none is pending. */
  expire(asker: ProcessId, ino: InodeNumber): Answer {
    const { sb } = this;
    if (!sb.leases.leases(ino).some(({ breaking }) => breaking !== undefined)) return -errno.ESRCH;
    return this.recorded(asker, ino, 'expire', () => sb.leases.expire(ino));
  }

  /** Kills the owners of the file's leases. -ESRCH: none lives. */
  end(asker: ProcessId, ino: InodeNumber): Answer {
    const { sb } = this;
    const owners = new Set(sb.leases.leases(ino).map(({ owner }) => owner));
    const killed = [...owners].filter(owner => sb.processes.signal(owner, SIGKILL, 0n, 0));
    if (killed.length === 0) return -errno.ESRCH;
    return this.recorded(
      asker,
      ino,
      `end ${killed.map(owner => processName(sb, owner)).join(', ')}`,
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

  /** 0: go on; PARKED: the lease call runs again when its delay is over. */
  grantAnswer(caller: Caller): Answer {
    const { sb, grants, held } = this;
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
      sb.host?.retry(waiter);
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
  }

  private recorded(asker: ProcessId, ino: InodeNumber | 0, call: string, run: () => void): Answer {
    const { sb } = this;
    const { recorder } = sb;
    sb.log(`injected: ${call}${ino === 0 ? '' : ` on ${fileName(sb, ino)}`} by ${processName(sb, asker)}`);
    recorder.injecting = true;
    try {
      recorder.injected(sb, ino, asker, call);
      run();
      carryOut(sb);
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
    const { sb } = this;
    const { injecting } = sb.recorder;
    sb.recorder.injecting = true;
    sb.recorder.refused(sb, process, ino, verdict, call);
    sb.recorder.injecting = injecting;
    const name = verdict.errno;
    sb.log(
      `refused: ${call} of ${fileName(sb, ino)} by ${processName(sb, process)}: ${name} (${errnoText(errno[name])}) [${verdict.rule}], injected`,
    );
    return -errno[name];
  }
}
