// Writes events (events.ts) of what the lease machine decided: adds names of files and processes as they are at that
// moment, and tells an answered break from a plain release.
import { type Kind, kindName, NONE } from '../../abi/kinds.js';
import { type ErrnoName, errnoName } from '../../base/errno.js';
import { BLOCK, type InodeNumber, type LeaseId, type ProcessId } from '../../base/units.js';
import type { Effect, Holder, Rule, Verdict } from '../../lease/types.js';
import { pathOf } from '../vfs/inode.js';
import type { Superblock } from '../vfs/superblock.js';
import { type EventFacts, type EventName, type EventProcess, EventRing } from './event-ring.js';

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

  refused(
    sb: Superblock,
    process: ProcessId,
    ino: InodeNumber,
    verdict: Extract<Verdict, { kind: 'refused' }>,
    call: string,
  ): void {
    const { errno, rule, holder } = verdict;
    const inTheWay = holder === undefined ? {} : { holder: holderOf(sb, holder), ends: endOf(holder) };
    this.add(sb, 'refused', rule, ino, process, { call, errno, ...inTheWay });
  }

  /** A pin that was judged rightly got no blocks (N7); injected refusals have told of themselves. */
  noSpace(sb: Superblock, process: ProcessId, ino: InodeNumber, answer: number, call: string): void {
    const verdict = { kind: 'refused', errno: errnoName(answer) as ErrnoName, rule: 'N7' } as const;
    this.refused(sb, process, ino, verdict, call);
  }

  /** Something was asked for by `leasefs inject`. */
  injected(sb: Superblock, ino: InodeNumber | 0, process: ProcessId, call: string): void {
    this.add(sb, 'injected', 'inject', ino, process, { call });
  }

  died(sb: Superblock, process: ProcessId): void {
    this.add(sb, 'died', 'B5', 0, process, {});
  }

  told(sb: Superblock, effect: Extract<Effect, { effect: 'tell' }>, told: string): void {
    const known = this.leases.get(effect.lease);
    if (known !== undefined) known.breakingSince ??= sb.monotonic();
    const { lease, file, owner, breaker: breaking, must, rule } = effect;
    const breaker = processOf(sb, breaking);
    const kind = known && kindName(known.kind);
    const ms = sb.breakTime;
    this.add(sb, 'break', rule, file, owner, {
      lease,
      ...(kind && { kind }),
      must: kindName(must),
      breaker,
      ms,
      told,
    });
  }

  /** Of every effect but `tell` and `wake`, as it is carried out. */
  effect(sb: Superblock, effect: Exclude<Effect, { effect: 'tell' | 'wake' }>): void {
    switch (effect.effect) {
      case 'granted': {
        const { lease, file, owner, to, rule } = effect;
        this.leases.set(lease, { kind: to, owner, breakingSince: undefined });
        this.add(sb, 'grant', rule, file, owner, { lease, kind: kindName(to) });
        return;
      }
      case 'pinned':
      case 'unpinned': {
        const { pin, lease, file, process, start, end, byDescription, rule } = effect;
        const owner = byDescription ? 'description' : 'process';
        const [off, len] = [start * BLOCK, (end - start) * BLOCK];
        const name = effect.effect === 'pinned' ? 'pin' : 'unpin';
        this.add(sb, name, rule, file, process, { lease, pin, off, len, owner });
        return;
      }
      default:
        this.changed(sb, effect);
    }
  }

  private changed(
    sb: Superblock,
    effect: Exclude<Effect, { effect: 'tell' | 'wake' | 'granted' | 'pinned' | 'unpinned' }>,
  ): void {
    const { lease, file, rule } = effect;
    const known = this.leases.get(lease);
    if (known === undefined) return;
    const { kind: before, owner, breakingSince } = known;
    const facts = { lease, kind: kindName(before) };
    const became = (kind: Kind): EventFacts => {
      const ms = breakingSince === undefined ? {} : { ms: Math.round(sb.monotonic() - breakingSince) };
      return { lease, kind: kindName(kind), from: kindName(before), ...ms };
    };
    switch (effect.effect) {
      case 'converted':
        known.kind = effect.to;
        known.breakingSince = undefined;
        this.add(
          sb,
          breakingSince === undefined ? 'convert' : 'answered',
          rule,
          file,
          owner,
          became(effect.to),
        );
        return;
      case 'owner':
        known.owner = effect.owner;
        this.add(sb, 'owner', rule, file, effect.owner, facts);
        return;
      case 'zombie':
        this.add(sb, 'zombie', rule, file, owner, facts);
        return;
      case 'lowered':
        known.kind = effect.to;
        known.breakingSince = undefined;
        this.add(sb, 'forced', rule, file, owner, became(effect.to));
        return;
      case 'removed':
        this.leases.delete(lease);
        this.add(sb, 'forced', rule, file, owner, became(NONE));
        return;
      case 'ended': {
        this.leases.delete(lease);
        if (breakingSince !== undefined) {
          this.add(sb, 'answered', rule, file, owner, became(NONE));
          return;
        }
        this.add(sb, rule === 'N5' ? 'zombie-end' : 'release', rule, file, owner, facts);
        return;
      }
      default:
        effect satisfies never;
    }
  }

  private add(
    sb: Superblock,
    event: EventName,
    rule: Rule,
    ino: InodeNumber | 0,
    process: ProcessId,
    facts: EventFacts,
  ): void {
    const inode = ino === 0 ? undefined : sb.inode(ino);
    const path = inode && pathOf(sb.root, inode);
    // Mostly of the same file again: one string for all, since events live long.
    if (path !== this.lastPath) this.lastPath = path;
    const by = sb.processes.info(process);
    const { lastPath, injecting: injected } = this;
    this.ring.add({ time: Date.now(), event, rule, ino, path: lastPath, by, injected, facts });
  }
}

function processOf(sb: Superblock, process: ProcessId): EventProcess {
  const { pid, command, uid } = sb.processes.info(process);
  return { pid, command, uid };
}

function holderOf(sb: Superblock, { process, lease, leaseKind, zombie, pin }: Holder) {
  const range = pin && { pin: pin.id, off: pin.start * BLOCK, len: (pin.end - pin.start) * BLOCK };
  return { ...processOf(sb, process), kind: kindName(leaseKind), lease, zombie, ...range };
}

/** What ends what is in the way, for people. */
export function endOf(holder: Holder): string {
  if (holder.pin?.id === 0) return 'the buffer is unregistered or that process ends';
  if (holder.pin !== undefined) return 'it is unpinned or its owner dies';
  return holder.zombie ? 'the last pin under it' : 'its unlock or last close';
}
