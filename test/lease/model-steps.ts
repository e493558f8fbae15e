// One step of a random history, made by the machine and by the model, and what must agree after it.

import fc from 'fast-check';
import * as assert from 'uvu/assert';
import {
  EXCLUSIVE,
  EXCLUSIVE_BREAKABLE,
  type Kind,
  NONE,
  SHARED,
  SHARED_BREAKABLE,
} from '../../src/abi/kinds.js';
import {
  BLOCK,
  type FileHandle,
  type InodeNumber,
  NO_WAITER,
  type PinId,
  type ProcessId,
  type WaiterId,
} from '../../src/base/units.js';
import { isUnbreakable } from '../../src/lease/compatible.js';
import {
  type ChangeAsk,
  type Effect,
  type LeaseAsk,
  LeaseMachine,
  type PinAsk,
  type Verdict,
} from '../../src/lease/index.js';
import { BREAK_TIME, Model } from './model.js';

/** By `a` of a setLease. */
export const kinds: readonly Kind[] = [NONE, SHARED_BREAKABLE, EXCLUSIVE_BREAKABLE, SHARED, EXCLUSIVE];

/** Small numbers; `run` maps them to who and what there is. */
export interface Step {
  readonly op: (typeof ops)[number];
  readonly p: number;
  readonly d: number;
  readonly a: number;
  readonly b: number;
}
export const ops = [
  'setLease',
  'change',
  'pin',
  'unpin',
  'release',
  'died',
  'cancel',
  'tick',
  'getLease',
] as const;

/** Process 0 is one that cannot be identified. */
export const PROCESSES = 4;
export const DESCRIPTIONS = 6;
const FILES = 2;
const fileOf = (d: number): InodeNumber => (d <= 3 ? 1 : 2) as InodeNumber;

const ranges = [
  { empty: false, pinStart: 0, pinEnd: 9 },
  { empty: false, pinStart: 2, pinEnd: 9 },
  { empty: true, pinStart: 0, pinEnd: 1 },
  { empty: false, pinStart: 0, pinEnd: 0 },
] as const;

export class Run {
  machine = this.newMachine();
  readonly model = new Model();
  protected now = 0;
  private lastWaiter = 0;
  /** Numbers that calls are to wait under again. */
  protected readonly again: WaiterId[] = [];
  private count = 0;
  private log: string[] = [];
  /** A process that died is another one afterwards. */
  private readonly lives = Array<number>(PROCESSES).fill(0);
  protected readonly parked = new Map<number, (waiter: WaiterId, isAdmitted?: boolean) => Verdict>();

  protected newMachine(): LeaseMachine {
    const newWaiter = () => this.again.shift() ?? (++this.lastWaiter as WaiterId);
    return new LeaseMachine({ breakTime: BREAK_TIME, semantics: 'default' }, newWaiter);
  }

  step(step: Step): void {
    this.count++;
    const [got, expected] = this.perform(step);
    const where = `step ${this.count} ${JSON.stringify(step)}`;
    same(got, expected, where);
    same(this.log, this.model.log, where);
    same(this.seen(), this.expected(), where);
    this.machine.check();
    this.log = [];
    this.model.log = [];
  }

  private id(p: number): ProcessId {
    return (p === 0 ? 0 : p + PROCESSES * this.lives[p]!) as ProcessId;
  }

  private perform({ op, p, d, a, b }: Step): [string, string] {
    const { machine, model, now } = this;
    const process = this.id(p);
    const description = d as FileHandle;
    switch (op) {
      case 'setLease': {
        const ask = this.leaseAsk(process, description, kinds[a]!, b);
        const got = this.asking((waiter, isAdmitted) =>
          this.machine.setLease(this.now, { ...ask, waiter, isAdmitted: isAdmitted === true }),
        );
        return [got, model.setLease(now, ask)];
      }
      case 'change': {
        const ask = this.changeAsk(process, d, a, b);
        const got = this.asking(waiter => this.machine.change(this.now, { ...ask, waiter }));
        return [got, model.change(now, ask)];
      }
      case 'pin': {
        const ask = this.pinAsk(process, description, a, b);
        const { verdict, pin } = machine.pin(now, ask);
        this.carryOut();
        return [verdict.kind === 'ok' ? `ok N1 ${pin}` : said(verdict), model.pin(now, ask)];
      }
      case 'unpin': {
        const pin = (machine.pins()[a]?.pin ?? 1) as PinId;
        const verdict = machine.unpin({ process, description, pin });
        this.carryOut();
        return [said(verdict), model.unpin(now, { process, description, pin })];
      }
      case 'getLease':
        return [String(machine.getLease(description)), String(model.getLease(d))];
      default:
        this.happen(op, p, d, a);
        return ['', ''];
    }
  }

  private happen(op: string, p: number, d: number, a: number): void {
    const { machine, model } = this;
    if (op === 'release') {
      machine.release(d as FileHandle);
      model.release(this.now, d as FileHandle);
    } else if (op === 'died' && p > 0) {
      machine.died(this.id(p));
      model.died(this.now, this.id(p));
      this.lives[p]!++;
    } else if (op === 'cancel') {
      const waiter = ([...this.parked.keys()][a] ?? 999) as WaiterId;
      this.parked.delete(waiter);
      machine.cancel(waiter);
      model.cancel(waiter);
    } else if (op === 'tick') {
      this.now += [1, 10, 44, 45, 100][a]!;
      machine.tick(this.now);
      model.tick(this.now);
    }
    this.carryOut();
  }

  /** `b`: bit 0 O_NONBLOCK, higher ones the facts that are rarely against the caller. */
  private leaseAsk(process: ProcessId, description: FileHandle, kind: Kind, b: number): LeaseAsk {
    const rare = b >> 1;
    return {
      process,
      description,
      file: fileOf(description),
      kind,
      waiter: NO_WAITER,
      nonblock: (b & 1) !== 0,
      regular: rare !== 1,
      mayLease: rare !== 2,
      writable: rare !== 3,
      notice: rare === 4 ? undefined : { signal: this.count, cookie: 1n, uid: 0 },
    };
  }

  private changeAsk(process: ProcessId, d: number, a: number, b: number): ChangeAsk {
    const byPath = (b & 2) !== 0;
    const kernelPins = [{ process: this.id(1), start: 8, end: 9 }];
    return {
      process,
      description: byPath ? 0 : (d as FileHandle),
      file: fileOf(d),
      waiter: NO_WAITER,
      nonblock: (b & 1) !== 0,
      range: ranges[a % ranges.length]!,
      ...(b === 7 ? { kernelPins } : {}),
    };
  }

  private pinAsk(process: ProcessId, description: FileHandle, a: number, b: number): PinAsk {
    const owner = (b <= DESCRIPTIONS ? b : 0) as FileHandle | 0;
    return {
      process,
      description,
      file: fileOf(description),
      start: a,
      end: a + [1, 2, 1, 0, 5][a]!,
      owner,
      ownerHeld: b !== 7,
      sizeBlocks: 4,
      uid: Number(process) % 2,
      memlock: 4 * BLOCK,
      uncounted: b === 6,
    };
  }

  private asking(ask: (waiter: WaiterId, isAdmitted?: boolean) => Verdict): string {
    const verdict = ask(NO_WAITER);
    if (verdict.kind === 'wait') this.parked.set(verdict.waiter, ask);
    this.carryOut();
    return said(verdict);
  }

  private carryOut(): void {
    for (const effect of this.machine.drain()) {
      if (effect.effect === 'wake') this.wake(effect);
      else this.log.push(described(effect));
    }
  }

  private wake({ waiter, errno, rule }: Extract<Effect, { effect: 'wake' }>): void {
    const ask = this.parked.get(waiter);
    if (ask === undefined) throw new Error(`waiter ${waiter} is woken, but no call waits under it`);
    const verdict = errno === undefined ? ask(waiter) : undefined;
    if (verdict?.kind === 'wait') assert.is(verdict.waiter, waiter);
    else this.parked.delete(waiter);
    const effects = this.machine.drain();
    for (const effect of effects) if (effect.effect !== 'wake') this.log.push(described(effect));
    if (verdict === undefined) this.log.push(`woken ${waiter} ${errno} ${rule}`);
    else if (verdict.kind !== 'wait') this.log.push(`woken ${waiter} ${said(verdict)}`);
    for (const effect of effects) if (effect.effect === 'wake') this.wake(effect);
  }

  private seen(): object {
    const { machine } = this;
    return {
      leases: machine
        .leases()
        .map(one => ({ ...one, takenAt: 0 }))
        .sort((x, y) => x.lease - y.lease),
      pins: machine
        .pins()
        .map(({ pin, start, end, lease, process, owner }) => ({ pin, start, end, lease, process, owner }))
        .sort((x, y) => x.pin - y.pin),
      deadline: machine.deadline(),
      files: range(1, FILES).map(f => [
        machine.concerns(f as InodeNumber),
        machine.guarded(f as InodeNumber),
      ]),
      breaking: range(1, DESCRIPTIONS).map(d => machine.breaking(d as FileHandle)),
      known: range(1, PROCESSES - 1).map(p => machine.knows(this.id(p))),
    };
  }

  private expected(): object {
    const { leases, pins, waiting, forced } = this.model;
    const asks = waiting.map(waiter => ('lease' in waiter ? waiter.lease : waiter.change));
    return {
      leases: leases.map(one => ({
        lease: one.id,
        file: one.file,
        kind: one.kind,
        owner: one.owner,
        ownerDead: one.dead,
        description: one.zombie ? 0 : one.description,
        takenAt: 0,
        breaking: one.broken && { must: one.broken.must, until: one.broken.until },
        pins: pins.filter(pin => pin.lease === one).length,
      })),
      pins: pins.map(({ id, start, end, lease, process, owner }) => ({
        pin: id,
        start,
        end,
        lease: lease.id,
        process,
        owner,
      })),
      deadline: Math.min(...leases.map(one => one.broken?.until ?? Number.POSITIVE_INFINITY)),
      files: range(1, FILES).map(f => [
        leases.some(one => one.file === f) || asks.some(ask => ask.file === f),
        leases.some(one => one.file === f && isUnbreakable(one.kind)),
      ]),
      breaking: range(1, DESCRIPTIONS).map(
        d => forced.includes(d) || leases.some(one => !one.zombie && one.description === d && one.broken),
      ),
      known: range(1, PROCESSES - 1).map(p => {
        const id = this.id(p);
        const named = leases.some(one => one.owner === id || one.broken?.by[0] === id);
        return named || pins.some(pin => pin.process === id) || asks.some(ask => ask.process === id);
      }),
    };
  }
}

function same(got: unknown, expected: unknown, where: string): void {
  const [machine, model] = [JSON.stringify(got), JSON.stringify(expected)];
  if (machine !== model) throw new Error(`${where}\n  machine ${machine}\n  model   ${model}`);
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

function said(verdict: Verdict): string {
  if (verdict.kind === 'refused') return `${verdict.errno} ${verdict.rule}`;
  return verdict.kind === 'ok' ? `ok ${verdict.rule}` : `wait ${verdict.rule} ${verdict.waiter}`;
}

function described(effect: Exclude<Effect, { effect: 'wake' }>): string {
  switch (effect.effect) {
    case 'tell':
      return `tell ${effect.lease} ${effect.must} ${effect.notice?.signal ?? 0}`;
    case 'ended':
    case 'removed':
      return `${effect.effect} ${effect.lease} ${effect.rule}`;
    case 'lowered':
    case 'zombie':
      return `${effect.effect} ${effect.lease}`;
    case 'granted':
    case 'converted':
      return `${effect.effect} ${effect.lease} ${effect.to}`;
    case 'owner':
      return `owner ${effect.lease} ${effect.owner}`;
    case 'pinned':
      return `pinned ${effect.pin}`;
    case 'unpinned':
      return `unpinned ${effect.pin} ${effect.rule}`;
    default:
      return effect satisfies never;
  }
}

/** How often each operation is made: leases and changes most. */
export const weights: Readonly<Record<Step['op'], number>> = {
  setLease: 12,
  change: 8,
  pin: 6,
  unpin: 2,
  release: 2,
  died: 1,
  cancel: 1,
  tick: 2,
  getLease: 1,
};

export const randomSteps = (often: typeof weights): fc.Arbitrary<Step> =>
  fc.record({
    op: fc.oneof(...ops.map(op => ({ weight: often[op], arbitrary: fc.constant(op) }))),
    p: fc.nat(PROCESSES - 1),
    d: fc.integer({ min: 1, max: DESCRIPTIONS }),
    a: fc.nat(4),
    b: fc.nat(11),
  });
