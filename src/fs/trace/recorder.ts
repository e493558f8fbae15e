// Writes events (event-ring.ts) of what the lease machine decided: adds names of files and processes as they are at that
// moment, and distinguishes an answered break from a plain release.
import type { EventFacts, EventName, EventProcess, ReportedHolder } from '../../abi/events.js';
import { type Kind, kindName, NONE } from '../../abi/kinds.js';
import { type ErrnoName, errnoName } from '../../base/errno.js';
import { BLOCK, type InodeNumber, type LeaseId, type ProcessId } from '../../base/units.js';
import type { Effect, Holder, LeaseHolder, PinHolder, Rule, Verdict } from '../../lease/types.js';
import { EventRing } from './event-ring.js';
import { remedyOf } from './remedies.js';
import { endOf, KEPT_BYTES, type Names } from './words.js';

/** Events that are kept for readers; some 400 bytes each. */
const KEPT = 4096;

/** A lease as its events so far leave it. */
interface Known {
  kind: Kind;
  owner: ProcessId;
  /** ms of the monotonic clock; undefined when no break is pending. */
  breakingSince: number | undefined;
}

export class Recorder {
  readonly ring = new EventRing(KEPT);
  /** What is being done now was asked for by `leasefs inject`. */
  injecting = false;
  private readonly leases = new Map<LeaseId, Known>();
  private lastPath: string | undefined;
  private readonly names: Names;
  private readonly breakTime: number;

  /** @param breakTime B2, ms. */
  constructor(names: Names, breakTime: number) {
    this.names = names;
    this.breakTime = breakTime;
  }

  refused(
    process: ProcessId,
    ino: InodeNumber,
    verdict: Extract<Verdict, { kind: 'refused' }>,
    call: string,
  ): void {
    const { errno, rule, holder } = verdict;
    const inTheWay =
      holder === undefined ? {} : { holder: holderOf(this.names, holder), ends: endOf(holder) };
    const remedy = remedyOf(verdict);
    this.add('refused', rule, ino, process, { call, errno, ...inTheWay, ...(remedy && { remedy }) });
  }

  /** An admitted pin got no blocks (N7). An injected refusal is already an event. */
  noSpace(process: ProcessId, ino: InodeNumber, answer: number, call: string): void {
    const verdict = { kind: 'refused', errno: errnoName(answer) as ErrnoName, rule: 'N7' } as const;
    this.refused(process, ino, verdict, call);
  }

  /** Something was asked for by `leasefs inject`. */
  injected(ino: InodeNumber | 0, process: ProcessId, call: string): void {
    this.add('injected', 'inject', ino, process, { call });
  }

  died(process: ProcessId): void {
    this.add('died', 'B5', 0, process, {});
  }

  /** A lease of the last daemon's. @param breakingSince of a pending break, ms of the monotonic clock. */
  knows(lease: LeaseId, kind: Kind, owner: ProcessId, breakingSince: number | undefined): void {
    this.leases.set(lease, { kind, owner, breakingSince });
  }

  /** This daemon has taken over from one that died. */
  restarted(): void {
    const by = { pid: process.pid, command: 'leasefs', uid: process.getuid?.() ?? 0 };
    const { injecting: injected } = this;
    const what = { event: 'restarted', rule: 'restart', ino: 0, path: undefined, facts: {} } as const;
    this.ring.add({ time: Date.now(), ...what, by, injected });
  }

  notified(effect: Extract<Effect, { effect: 'tell' }>, notified: string): void {
    const known = this.leases.get(effect.lease);
    if (known !== undefined) known.breakingSince ??= performance.now();
    const { lease, file, owner, breaker: breaking, must, rule } = effect;
    const breaker = processOf(this.names, breaking);
    const kind = known && kindName(known.kind);
    const ms = this.breakTime;
    this.add('break', rule, file, owner, {
      lease,
      ...(kind && { kind }),
      must: kindName(must),
      breaker,
      ms,
      notified,
    });
  }

  /** Records an effect other than `tell` and `wake`, when it is carried out. */
  effect(effect: Exclude<Effect, { effect: 'tell' | 'wake' }>): void {
    switch (effect.effect) {
      case 'granted': {
        const { lease, file, owner, to, rule } = effect;
        this.leases.set(lease, { kind: to, owner, breakingSince: undefined });
        this.add('grant', rule, file, owner, { lease, kind: kindName(to) });
        return;
      }
      case 'pinned':
      case 'unpinned': {
        const { pin, lease, file, process, start, end, byDescription, rule } = effect;
        const owner = byDescription ? 'description' : 'process';
        const off = start * BLOCK;
        const len = (end - start) * BLOCK;
        const name = effect.effect === 'pinned' ? 'pin' : 'unpin';
        this.add(name, rule, file, process, { lease, pin, off, len, owner });
        return;
      }
      default:
        this.changed(effect);
    }
  }

  private changed(
    effect: Exclude<Effect, { effect: 'tell' | 'wake' | 'granted' | 'pinned' | 'unpinned' }>,
  ): void {
    const { lease, file, rule } = effect;
    const known = this.leases.get(lease);
    if (known === undefined) return;
    const { kind: before, owner, breakingSince } = known;
    const facts = { lease, kind: kindName(before) };
    const became = (kind: Kind): EventFacts => {
      const ms = breakingSince === undefined ? {} : { ms: Math.round(performance.now() - breakingSince) };
      return { lease, kind: kindName(kind), from: kindName(before), ...ms };
    };
    switch (effect.effect) {
      case 'converted':
        known.kind = effect.to;
        known.breakingSince = undefined;
        this.add(breakingSince === undefined ? 'convert' : 'answered', rule, file, owner, became(effect.to));
        return;
      case 'owner':
        known.owner = effect.owner;
        this.add('owner', rule, file, effect.owner, facts);
        return;
      case 'zombie':
        this.add('zombie', rule, file, owner, facts);
        return;
      case 'lowered':
        known.kind = effect.to;
        known.breakingSince = undefined;
        this.add('forced', rule, file, owner, became(effect.to));
        return;
      case 'removed':
        this.leases.delete(lease);
        this.add('forced', rule, file, owner, became(NONE));
        return;
      case 'ended': {
        this.leases.delete(lease);
        if (breakingSince !== undefined) {
          this.add('answered', rule, file, owner, became(NONE));
          return;
        }
        this.add(rule === 'N5' ? 'zombie-end' : 'release', rule, file, owner, facts);
        return;
      }
      default:
        effect satisfies never;
    }
  }

  private add(
    event: EventName,
    rule: Rule,
    ino: InodeNumber | 0,
    process: ProcessId,
    facts: EventFacts,
  ): void {
    const path = ino === 0 ? undefined : this.names.pathOf(ino, KEPT_BYTES);
    // Often the same file again: share one string, since events live long.
    if (path !== this.lastPath) this.lastPath = path;
    const by = this.names.process(process);
    const { lastPath, injecting: injected } = this;
    this.ring.add({ time: Date.now(), event, rule, ino, path: lastPath, by, injected, facts });
  }
}

function processOf(names: Names, process: ProcessId): EventProcess {
  const { pid, command, uid } = names.process(process);
  return { pid, command, uid };
}

/** Of a kernel pin, which has no id and no lease, the record has 0 for both. */
function holderOf(names: Names, holder: Holder): ReportedHolder {
  const process = processOf(names, holder.process);
  if (holder.by === 'lease') return { ...process, ...leaseOf(holder) };
  const range = { off: holder.start * BLOCK, len: (holder.end - holder.start) * BLOCK };
  if (holder.by === 'pin') return { ...process, ...leaseOf(holder), pin: holder.pin, ...range };
  return { ...process, kind: kindName(NONE), lease: 0, zombie: false, pin: 0, ...range };
}

const leaseOf = ({ lease, leaseKind, zombie }: LeaseHolder | PinHolder) => ({
  kind: kindName(leaseKind),
  lease,
  zombie,
});
