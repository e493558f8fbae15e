// What the filesystem knows of the supervisors of `leasefs run`: which processes are one, and the pins that they made for
// others, which live as long as the registration of memory that they are for.
import { timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { LEASEFS_SUPERVISE_TOKEN } from '../../abi/leasefs.js';
import { guarded, type Log } from '../../base/guarded.js';
import type { FileHandle, InodeNumber, PinId, ProcessId, WaiterId } from '../../base/units.js';
import type { KernelPin } from '../../lease/types.js';
import { type Descriptor, native } from '../../native/binding.js';
import { Aside } from '../../process/aside.js';
import { Descriptors } from '../../process/descriptors.js';
import { parentOf } from '../../process/proc.js';
import type { Registered, Registration } from '../../process/registration.js';
import type { Look, Looked } from '../../process/registrations-thread.js';

/** A pin that a supervisor made; `handle` is what owns it in place of a description. */
export interface SupervisedPin {
  readonly pin: PinId;
  readonly ino: InodeNumber;
  readonly handle: FileHandle;
  registration: Registration;
  /** Blocks, half open. */
  readonly start: number;
  readonly end: number;
}

/** Keeps them for the next daemon. */
interface SupervisionKeeper {
  supervisor(fh: FileHandle, process: ProcessId): void;
  supervisorGone(fh: FileHandle): void;
  registered(held: SupervisedPin): void;
}

/** Pins may end unnoticed: beyond this number plus twice the living ones, they are checked before more are made. */
const UNLOOKED = 16;

/** Lease calls that may be undone. */
const UNDONE = 1024;

/** Of parents that are looked at. */
const GENERATIONS = 256;

export class Supervision {
  keeper: SupervisionKeeper | undefined;
  private secret: Descriptor | undefined;
  private readonly token = crypto.getRandomValues(new Uint8Array(LEASEFS_SUPERVISE_TOKEN));
  private readonly supervisors = new Map<FileHandle, ProcessId>();
  /** Lease calls that wait for a break, by the thread that they are for. */
  readonly waiting = new Map<number, WaiterId>();
  /** The descriptions on which calls of threads succeeded last: those that may have to be undone, at once. */
  readonly leased = new LRUCache<number, FileHandle>({ max: UNDONE });
  private readonly held = new Map<PinId, SupervisedPin>();
  /** Calls that run again after a look, or wait for one. */
  private readonly lookers = new Set<WaiterId>();
  /** What calls that run again are about to register; undefined: it could not be found out. */
  private readonly named = new Map<WaiterId, Registration | undefined>();
  private readonly aside: Aside<Look, Looked>;
  private readonly descriptors: Descriptors;
  private readonly log: Log;
  private enough = UNLOOKED;
  /** What waits for the end of a process that is ending. */
  private readonly ends = new Map<ProcessId, (() => void)[]>();

  constructor(log: Log) {
    this.log = log;
    const url = new URL('../../process/registrations-thread.js', import.meta.url);
    this.aside = new Aside(url, 'the look at registered memory', log);
    this.descriptors = new Descriptors(log);
  }

  /** The descriptor of the file whose bytes a supervisor must show. */
  secretFd(): number {
    if (this.secret === undefined) {
      this.secret = native.memfdCreate('leasefs-supervisor');
      native.pwrite(this.secret.fd, this.token.buffer, 0, this.token.length, 0);
    }
    return this.secret.fd;
  }

  isSecret(token: Uint8Array): boolean {
    return this.secret !== undefined && timingSafeEqual(token, this.token);
  }

  /** Whether there is any. */
  get active(): boolean {
    return this.supervisors.size > 0;
  }

  isSupervisor(process: ProcessId): boolean {
    for (const supervisor of this.supervisors.values()) if (supervisor === process) return true;
    return false;
  }

  /** Whether the process descends from a supervisor. @param pidOf of a supervisor */
  isUnder(pid: number, pidOf: (supervisor: ProcessId) => number): boolean {
    const pids = new Set([...this.supervisors.values()].map(pidOf));
    let at = pid;
    for (let depth = 0; depth < GENERATIONS && at > 1; depth++) {
      if (pids.has(at)) return true;
      at = parentOf(at);
    }
    return false;
  }

  add(fh: FileHandle, process: ProcessId): void {
    this.supervisors.set(fh, process);
    this.keeper?.supervisor(fh, process);
  }

  /** The description through which a supervisor showed itself is closed. */
  closed(fh: FileHandle): void {
    if (this.supervisors.delete(fh)) this.keeper?.supervisorGone(fh);
  }

  /** Also when a call is about to end its registration. */
  hold(held: SupervisedPin): void {
    this.held.set(held.pin, held);
    this.keeper?.registered(held);
  }

  eachSupervisor(): Iterable<[FileHandle, ProcessId]> {
    return this.supervisors;
  }

  eachHeld(): Iterable<SupervisedPin> {
    return this.held.values();
  }

  forget(pin: PinId): void {
    this.held.delete(pin);
  }

  heldPin(pin: PinId): SupervisedPin | undefined {
    return this.held.get(pin);
  }

  /** Of one file or of all. */
  heldOf(ino: InodeNumber | undefined): SupervisedPin[] {
    if (this.held.size === 0) return [];
    return [...this.held.values()].filter(held => ino === undefined || held.ino === ino);
  }

  /**
   * Without those that a pin of a supervisor's stands for: the kernel's pins of the same memory, whichever process has the
   * ring.
   */
  unknown(ino: InodeNumber, pins: readonly KernelPin[]): readonly KernelPin[] {
    if (this.held.size === 0 || pins.length === 0) return pins;
    const ours = this.heldOf(ino);
    return pins.filter(pin => !ours.some(({ start, end }) => start <= pin.start && pin.end <= end));
  }

  /** Whether a look is under way: one that begins now ends after it. */
  get isLooking(): boolean {
    return this.aside.isAsked;
  }

  /** Whether there may be many pins that have ended unnoticed. */
  get isDue(): boolean {
    return this.held.size >= this.enough;
  }

  /**
   * Finds out which of the pins have ended, and which of the processes are ending. Calls `looked` later, without a result
   * if the check failed.
   * @param tid the thread that asks, 0 for none.
   */
  look(
    tid: number,
    pins: readonly SupervisedPin[],
    pids: readonly number[],
    looked: (gone: readonly SupervisedPin[], ending: readonly number[]) => void,
  ): void {
    const registrations = pins.map(({ registration }) => registration);
    // A thread that asks for something else has come back from its call.
    for (const registration of registrations) if (registration.tid === tid) registration.settled = true;
    const use = (answer: Looked | undefined): void => {
      const gone: SupervisedPin[] = [];
      for (const [index, held] of pins.entries()) {
        if (answer === undefined || !this.held.has(held.pin)) continue;
        held.registration = answer.registrations[index]!;
        if (answer.gone.includes(index)) gone.push(held);
      }
      if (pins.length === this.held.size) this.enough = UNLOOKED + 2 * (pins.length - gone.length);
      looked(gone, answer?.ending ?? []);
    };
    this.aside.ask({ registrations, pids }, guarded(this.log, 'pin search', use));
  }

  /** Finds out, for the call that waits, what is about to be registered. Calls `named` later; only then `nameFor` has it. */
  name(waiter: WaiterId, of: Registered, named: () => void): void {
    const use = (registration: Registration | undefined): void => {
      this.named.set(waiter, registration);
      named();
      this.named.delete(waiter);
    };
    this.descriptors.ask(
      { what: 'registration', of },
      guarded(this.log, 'pin search', answer => use(answer?.registration)),
    );
  }

  /** What `name` found out for the call that runs again; 'unasked' where it has not been asked. */
  nameFor(waiter: WaiterId): Registration | undefined | 'unasked' {
    return this.named.has(waiter) ? this.named.get(waiter) : 'unasked';
  }

  /** The call waits for a look, and runs again under the same waiter. */
  park(waiter: WaiterId): void {
    this.lookers.add(waiter);
  }

  /** Whether the call runs again after a look. */
  hasLooked(waiter: WaiterId): boolean {
    return this.lookers.has(waiter);
  }

  unpark(waiter: WaiterId): void {
    this.lookers.delete(waiter);
  }

  /** Calls `then` when the process, which is ending, has ended and its own pins with it. */
  atEnd(process: ProcessId, then: () => void): void {
    this.ends.set(process, [...(this.ends.get(process) ?? []), then]);
  }

  awaits(process: ProcessId): boolean {
    return this.ends.has(process);
  }

  ended(process: ProcessId): void {
    const waiting = this.ends.get(process) ?? [];
    this.ends.delete(process);
    for (const then of waiting) then();
  }

  close(): void {
    this.aside.close();
    this.descriptors.close();
    this.lookers.clear();
  }
}
