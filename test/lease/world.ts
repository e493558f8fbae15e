// A world for the lease machine, as small as the histories need it: processes with descriptors that dup, fork and
// SCM_RIGHTS share, files with sizes and blocks, a clock. It does what src/fs does: asks, carries out the effects in
// order, runs waiters again, and applies what was allowed.
import { kindName, kindValue, type LeaseKind } from '../../src/abi/kinds.js';
import type { ErrnoName } from '../../src/base/errno.js';
import {
  blockOf,
  blocksFor,
  type FileHandle,
  type InodeNumber,
  NO_WAITER,
  type PinId,
  type ProcessId,
  type WaiterId,
} from '../../src/base/units.js';
import {
  type ChangeRange,
  type Effect,
  fallocateRange,
  type KernelPin,
  LeaseMachine,
  sizeRange,
  type Verdict,
  writeRange,
} from '../../src/lease/index.js';
import { Descriptors, type ProcessSpec } from './descriptors.js';
import { File, type FileSpec, type Seen, seenOf } from './world-files.js';

export interface WorldSpec {
  readonly files?: readonly FileSpec[];
  readonly procs?: readonly ProcessSpec[];
  readonly options?: { readonly rfc_v2?: boolean; readonly capacity?: number };
}

export interface Outcome {
  /** 'ok', 'wait' or an errno name. */
  readonly verdict: string;
  readonly rule: string;
}

export const BREAK_TIME = 45;

export interface OpenHow {
  readonly write?: boolean;
  readonly nonblock?: boolean;
  readonly trunc?: boolean;
}

/** Of a layout change: `d` 0 asks by path. */
interface Asker {
  readonly p: number;
  readonly d: number;
  readonly f: number;
  readonly nonblock: boolean;
}

interface Waiting {
  readonly step: number;
  readonly p: number;
  again(waiter: WaiterId): Outcome;
}

const FREE: Outcome = { verdict: 'ok', rule: '-' };

export class World {
  readonly machine: LeaseMachine;
  now = 0;
  private readonly capacity: number;
  private readonly files = new Map<number, File>();
  private readonly table: Descriptors;
  private readonly pins = new Map<number, PinId>();
  private readonly kernelPins = new Map<number, { p: number; f: number; start: number; end: number }>();
  private readonly waiting = new Map<WaiterId, Waiting>();
  private readonly leased = new Map<number, number>();
  private seen: Seen[] = [];
  private steps = 0;

  constructor({ files = [{ f: 1 }, { f: 2 }], procs = [], options = {} }: WorldSpec = {}) {
    this.machine = new LeaseMachine({
      breakTime: BREAK_TIME,
      semantics: options.rfc_v2 ? 'rfc-v2' : 'default',
    });
    this.capacity = options.capacity ?? Number.POSITIVE_INFINITY;
    for (const file of files) this.files.set(file.f, new File(file));
    this.table = new Descriptors(procs);
  }

  /** Everything that was seen since the last call, in order. */
  effects(): Seen[] {
    const { seen } = this;
    this.seen = [];
    return seen;
  }

  /** One event; its number names the waiter that it makes. */
  private event(run: () => Outcome): Outcome {
    this.steps++;
    const outcome = run();
    this.machine.check();
    return outcome;
  }

  // Descriptors.

  open(p: number, d: number, f: number, how: OpenHow = {}): Outcome {
    const { write = true, nonblock = false, trunc = false } = how;
    const opened = () => this.table.open(p, d, f, write, nonblock);
    if (!trunc) {
      opened();
      return this.event(() => FREE);
    }
    return this.truncating({ p, d: 0, f, nonblock }, 0, opened);
  }

  dup(p: number, d: number): Outcome {
    return this.pass(p, d, p);
  }

  pass(_p: number, d: number, q: number): Outcome {
    this.table.add(q, d, 1);
    return this.event(() => FREE);
  }

  fork(p: number, child: number): Outcome {
    this.table.fork(p, child);
    return this.event(() => FREE);
  }

  close(p: number, d: number): Outcome {
    return this.event(() => {
      this.closeOne(p, d);
      return FREE;
    });
  }

  private closeOne(p: number, d: number): void {
    if (!this.table.close(p, d)) return;
    this.machine.release(d as FileHandle);
    this.carryOut();
  }

  /** The kernel closes the descriptors first. */
  exit(p: number): Outcome {
    return this.event(() => {
      for (const d of this.table.held(p)) this.closeOne(p, d);
      for (const [id, pin] of this.kernelPins) {
        if (pin.p !== p) continue;
        this.kernelPins.delete(id);
        this.seen.push({ unpinned: id, rule: 'N4' });
      }
      this.machine.died(p as ProcessId);
      this.carryOut();
      return FREE;
    });
  }

  // Leases and pins.

  setlease(p: number, d: number, kind: LeaseKind, notice?: { signal: number; cookie: bigint }): Outcome {
    const { f, write, nonblock } = this.table.description(d);
    const file = this.files.get(f)!;
    const { id, uid, caps } = this.table.process(p);
    return this.event(() =>
      this.asking(p, waiter =>
        this.machine.setLease(this.now, {
          process: id,
          description: d as FileHandle,
          file: f as InodeNumber,
          kind: kindValue(kind),
          waiter,
          nonblock,
          regular: file.regular,
          mayLease: uid === file.uid || caps.includes('LEASE'),
          writable: write,
          notice: notice && { ...notice, uid },
        }),
      ),
    );
  }

  getlease(_p: number, d: number): LeaseKind {
    this.steps++;
    return kindName(this.machine.getLease(d as FileHandle));
  }

  pin(p: number, d: number, lo: number, hi: number, own: 'p' | number, name: number): Outcome {
    const { f } = this.table.description(d);
    const file = this.files.get(f)!;
    const { id, uid, caps, memlock, fds } = this.table.process(p);
    const start = blockOf(lo);
    const end = hi > lo ? blocksFor(hi) : start;
    return this.event(() => {
      const uncounted = caps.includes('IPC_LOCK');
      const { verdict, pin } = this.machine.pin(this.now, {
        process: id,
        description: d as FileHandle,
        file: f as InodeNumber,
        start,
        end,
        owner: own === 'p' ? 0 : (own as FileHandle),
        ownerHeld: own === 'p' || fds.has(own),
        sizeBlocks: blocksFor(file.size),
        uid,
        memlock: uncounted ? Number.POSITIVE_INFINITY : memlock,
        uncounted,
      });
      if (verdict.kind === 'ok' && !this.fits(file, start, end)) {
        this.machine.abandon(pin);
        this.carryOut();
        return { verdict: 'ENOSPC', rule: 'N7' };
      }
      if (verdict.kind === 'ok') {
        file.fill(start, end);
        this.pins.set(name, pin);
      }
      this.carryOut();
      return outcomeOf(verdict);
    });
  }

  private fits(file: File, start: number, end: number): boolean {
    let used = 0;
    for (const { blocks } of this.files.values()) used += blocks.size;
    for (let block = start; block < end; block++) if (!file.blocks.has(block)) used++;
    return used <= this.capacity;
  }

  unpin(p: number, d: number, name: number): Outcome {
    return this.event(() => {
      const verdict = this.machine.unpin({
        process: this.table.process(p).id,
        description: d as FileHandle,
        pin: this.pins.get(name) ?? (999_999 as PinId),
      });
      this.carryOut();
      return outcomeOf(verdict);
    });
  }

  /** A pin that the kernel holds and that was not registered (N10). */
  kpin(p: number, f: number, lo: number, hi: number, name: number): Outcome {
    this.kernelPins.set(name, { p, f, start: blockOf(lo), end: blocksFor(hi) });
    return this.event(() => FREE);
  }

  // Layout changes.

  truncate(p: number, size: number, f: number): Outcome {
    return this.truncating({ p, d: 0, f, nonblock: false }, size);
  }

  ftruncate(p: number, size: number, d: number): Outcome {
    return this.truncating(this.through(p, d), size);
  }

  private through(p: number, d: number): Asker {
    const { f, nonblock } = this.table.description(d);
    return { p, d, f, nonblock };
  }

  private truncating(asker: Asker, size: number, then = () => {}): Outcome {
    const file = this.files.get(asker.f)!;
    const range = () => sizeRange(file.size, size);
    return this.changing(asker, range, () => {
      file.setSize(size);
      then();
    });
  }

  fallocate(p: number, d: number, mode: 'alloc' | 'punch' | 'zero', lo: number, hi: number): Outcome {
    const asker = this.through(p, d);
    const file = this.files.get(asker.f)!;
    const act = mode === 'alloc' ? 'allocate' : mode;
    const range = () => fallocateRange(act, file.size, lo, hi - lo, false, file);
    return this.changing(asker, range, () => {
      if (act === 'punch') file.free(blocksFor(lo), blockOf(hi));
      else file.write(lo, hi);
    });
  }

  write(p: number, d: number, lo: number, hi: number): Outcome {
    const asker = this.through(p, d);
    const file = this.files.get(asker.f)!;
    const range = () => writeRange(file.size, lo, hi - lo, file);
    if (file.pooled) return this.changing(asker, range, () => file.write(lo, hi));
    file.write(lo, hi);
    return this.event(() => FREE);
  }

  /** From the page cache: never asked (X8). */
  writeback(_p: number, d: number, lo: number, hi: number): Outcome {
    this.files.get(this.table.description(d).f)!.write(lo, hi);
    return this.event(() => FREE);
  }

  private changing({ p, d, f, nonblock }: Asker, range: () => ChangeRange, apply: () => void): Outcome {
    return this.event(() =>
      this.asking(p, waiter => {
        const verdict = this.machine.change(this.now, {
          process: this.table.process(p).id,
          description: d as FileHandle | 0,
          file: f as InodeNumber,
          waiter,
          nonblock,
          range: range(),
          ...this.foundPins(f),
        });
        if (verdict.kind === 'ok') apply();
        return verdict;
      }),
    );
  }

  private foundPins(f: number): { kernelPins?: KernelPin[] } {
    const kernelPins = [...this.kernelPins.values()]
      .filter(pin => pin.f === f)
      .map(({ p, start, end }) => ({ process: p as ProcessId, start, end }));
    return kernelPins.length > 0 ? { kernelPins } : {};
  }

  // The rest.

  chown(f: number, uid: number): Outcome {
    this.files.get(f)!.uid = uid;
    return this.event(() => FREE);
  }

  signal(p: number): Outcome {
    return this.event(() => {
      const [waiter, { step }] = [...this.waiting].find(([, one]) => one.p === p)!;
      this.waiting.delete(waiter);
      this.machine.cancel(waiter);
      this.carryOut();
      this.seen.push({ woken: step, p, verdict: 'EINTR', rule: 'B5' });
      return FREE;
    });
  }

  tick(dt: number): Outcome {
    return this.event(() => {
      this.now += dt;
      if (this.machine.deadline() <= this.now) this.machine.tick(this.now);
      this.carryOut();
      return FREE;
    });
  }

  /** A call that may wait: it is run again from its beginning, with its waiter. */
  private asking(p: number, ask: (waiter: WaiterId) => Verdict): Outcome {
    const { steps: step } = this;
    const again = (waiter: WaiterId): Outcome => {
      const verdict = ask(waiter);
      if (verdict.kind === 'wait') {
        if (waiter !== NO_WAITER && verdict.waiter !== waiter) throw new Error('a waiter changed its id');
        this.waiting.set(verdict.waiter, { step, p, again });
      } else {
        this.waiting.delete(waiter);
      }
      this.carryOut();
      return outcomeOf(verdict);
    };
    return again(NO_WAITER);
  }

  private carryOut(): void {
    for (const effect of this.machine.drain()) this.apply(effect);
  }

  private apply(effect: Effect): void {
    if (effect.effect === 'granted') this.leased.set(effect.lease, effect.description);
    if (effect.effect === 'wake') {
      this.wake(effect.waiter, effect.errno, effect.rule);
      return;
    }
    const seen = seenOf(
      effect,
      lease => this.leased.get(lease)!,
      pin => this.nameOf(pin),
    );
    if (seen !== undefined) this.seen.push(seen);
  }

  private wake(waiter: WaiterId, errno: ErrnoName | undefined, rule: string): void {
    const waiting = this.waiting.get(waiter);
    if (waiting === undefined) throw new Error(`waiter ${waiter} is woken, but no call waits under it`);
    if (errno !== undefined) this.waiting.delete(waiter);
    const { verdict, rule: by } = errno === undefined ? waiting.again(waiter) : { verdict: errno, rule };
    if (verdict !== 'wait') this.seen.push({ woken: waiting.step, p: waiting.p, verdict, rule: by });
  }

  private nameOf(pin: PinId): number {
    for (const [name, id] of this.pins) if (id === pin) return name;
    return -1;
  }
}

function outcomeOf(verdict: Verdict): Outcome {
  return { verdict: verdict.kind === 'refused' ? verdict.errno : verdict.kind, rule: verdict.rule };
}
