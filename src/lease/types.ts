// The vocabulary of the lease machine (README.md): requests, verdicts, effects.
// Pure data: times are ms of the caller's monotonic clock, ranges are blocks.
import type { Kind } from '../abi/kinds.js';
import type { ErrnoName } from '../base/errno.js';
import type { FileHandle, InodeNumber, LeaseId, PinId, ProcessId, WaiterId } from '../base/units.js';
import type { Changes, Notebook } from './changes.js';
import type { Saved } from './restore.js';

/** The rule of src/lease/README.md that decided: 'X1', 'L5', or 'W' for the section Words. */
export type Rule = string;

/**
 * `ok`; or an errno name with the rule that raised it. A refusal by a lease or pin names its `holder`; a pin refused for
 * want of an unbreakable lease (N1) says in `own` the kind that the caller holds on the file.
 * Or `wait`: park the operation under `waiter` and run it again from its beginning, with that waiter, when an effect
 * `wake` names it.
 */
export type Verdict =
  | { readonly kind: 'ok'; readonly rule: Rule }
  | {
      readonly kind: 'refused';
      readonly errno: ErrnoName;
      readonly rule: Rule;
      readonly holder?: Holder;
      readonly own?: Kind;
    }
  | { readonly kind: 'wait'; readonly rule: Rule; readonly waiter: WaiterId };

/** The lease or pin that refuses the call, for the log. `process`: its owner. Blocks, half open. */
export type Holder = LeaseHolder | PinHolder | KernelPinHolder;

/** The lease that refuses, or the one above the pin that refuses. */
interface HeldLease {
  readonly process: ProcessId;
  readonly lease: LeaseId;
  readonly leaseKind: Kind;
  readonly zombie: boolean;
}

export interface LeaseHolder extends HeldLease {
  readonly by: 'lease';
}

export interface PinHolder extends HeldLease {
  readonly by: 'pin';
  readonly pin: PinId;
  readonly start: number;
  readonly end: number;
}

/** N10: a pin that the kernel holds for an io_uring. It has no id and is under no lease. */
export interface KernelPinHolder {
  readonly by: 'kernel pin';
  readonly process: ProcessId;
  /** What has it, 'io_uring' if nothing is said, and the descriptor of that, if known. */
  readonly with: string | undefined;
  readonly ring: number | undefined;
  /** N12. */
  readonly possible: boolean;
  readonly start: number;
  readonly end: number;
}

export type Effect =
  /** B1: notify the break descriptors of `description`, and send the lease's signal to its owner. `must`: the kind it must become. */
  | {
      readonly effect: 'tell';
      readonly lease: LeaseId;
      readonly file: InodeNumber;
      readonly description: FileHandle;
      readonly owner: ProcessId;
      /** The process that began the break, or made it demand more. */
      readonly breaker: ProcessId;
      readonly must: Kind;
      readonly notice: Notice | undefined;
      readonly rule: Rule;
    }
  /** Run the waiter's operation again, in this order for a file; with `errno`, answer it with that errno instead. */
  | {
      readonly effect: 'wake';
      readonly waiter: WaiterId;
      readonly file: InodeNumber;
      readonly errno?: ErrnoName;
      readonly rule: Rule;
    }
  /** A lease ended: by unlock or release (L2), by force (B2), by its owner's death (B5), or a zombie with its last pin (N5). */
  | {
      readonly effect: 'ended' | 'removed';
      readonly lease: LeaseId;
      readonly file: InodeNumber;
      readonly description: FileHandle;
      readonly rule: Rule;
    }
  /** B2: lowered by force to `to`. */
  | {
      readonly effect: 'lowered';
      readonly lease: LeaseId;
      readonly file: InodeNumber;
      readonly description: FileHandle;
      readonly to: Kind;
      readonly rule: Rule;
    }
  | {
      readonly effect: 'granted';
      readonly lease: LeaseId;
      readonly file: InodeNumber;
      readonly description: FileHandle;
      readonly owner: ProcessId;
      readonly to: Kind;
      readonly rule: Rule;
    }
  | {
      readonly effect: 'converted';
      readonly lease: LeaseId;
      readonly file: InodeNumber;
      readonly description: FileHandle;
      readonly to: Kind;
      readonly rule: Rule;
    }
  | { readonly effect: 'zombie'; readonly lease: LeaseId; readonly file: InodeNumber; readonly rule: Rule }
  /** L6: a sharer of the description took over the lease of a dead owner. */
  | {
      readonly effect: 'owner';
      readonly lease: LeaseId;
      readonly file: InodeNumber;
      readonly description: FileHandle;
      readonly owner: ProcessId;
      readonly rule: Rule;
    }
  | {
      readonly effect: 'pinned' | 'unpinned';
      readonly pin: PinId;
      readonly lease: LeaseId;
      readonly file: InodeNumber;
      /** The process that made it. */
      readonly process: ProcessId;
      /** [start, end) in blocks. */
      readonly start: number;
      readonly end: number;
      readonly byDescription: boolean;
      readonly rule: Rule;
    };

/** The signal that the owner's lease call asked for, sent when the lease is broken (B1). `uid`: the user of that call. */
export interface Notice {
  readonly signal: number;
  readonly cookie: bigint;
  readonly uid: number;
}

/** F_SETLEASE. The layer above looks up the facts about the caller. */
export interface LeaseAsk {
  readonly process: ProcessId;
  readonly description: FileHandle;
  readonly file: InodeNumber;
  readonly kind: Kind;
  /** The waiter of a parked call that runs again; NO_WAITER the first time. */
  readonly waiter: WaiterId;
  readonly nonblock: boolean;
  /** B3 does not refuse it: it was asked before others joined the break. */
  readonly isAdmitted?: boolean;
  readonly regular: boolean;
  /** The file's owner, or CAP_LEASE in the mount's user namespace (L7). */
  readonly mayLease: boolean;
  /** The description is open for writing (L7). */
  readonly writable: boolean;
  readonly notice: Notice | undefined;
}

export interface PinAsk {
  readonly process: ProcessId;
  /** The description that the call comes through. */
  readonly description: FileHandle;
  readonly file: InodeNumber;
  /** [start, end) in blocks. */
  readonly start: number;
  readonly end: number;
  /** The owning description, 0 for the process. With `ownerHeld` false the verdict is EBADF (N4). */
  readonly owner: FileHandle | 0;
  readonly ownerHeld: boolean;
  /** Blocks of the file up to and including that of its last byte (N7). */
  readonly sizeBlocks: number;
  readonly uid: number;
  /** RLIMIT_MEMLOCK in bytes, Infinity when exempt (N9). */
  readonly memlock: number;
  /** CAP_IPC_LOCK: the pin is neither checked against `memlock` nor counted. */
  readonly uncounted: boolean;
}

export interface UnpinAsk {
  readonly process: ProcessId;
  readonly description: FileHandle;
  readonly pin: PinId;
}

/** A layout change. range.ts computes what it touches from the store's present state (X0, X8). */
export interface ChangeAsk {
  readonly process: ProcessId;
  /** The description that the call comes through; 0 for a change by path. */
  readonly description: FileHandle | 0;
  readonly file: InodeNumber;
  readonly waiter: WaiterId;
  readonly nonblock: boolean;
  readonly range: ChangeRange;
  /** The kernel pins that the search found (N10: best effort; N12: possible ones); they count for X1 only. */
  readonly kernelPins?: readonly KernelPin[] | undefined;
}

/** N10, N12: blocks, half open. */
export interface KernelPin {
  /** The process that has it; it also made it, unless `inherited`. */
  readonly process: ProcessId;
  readonly inherited?: boolean | undefined;
  /** What has it, 'io_uring' if nothing is said, and the descriptor of that, if known. */
  readonly with?: string | undefined;
  readonly ring?: number | undefined;
  /** The process maps the range, and holds what pins memory at addresses that the kernel does not show (N12). */
  readonly possible?: boolean | undefined;
  readonly start: number;
  readonly end: number;
}

/** Blocks, half open. */
export interface ChangeRange {
  /** No block gets, loses or changes its store block, and the size stays or is not part of the layout (X0). */
  readonly empty: boolean;
  /** The range that is checked against pins (X1); empty when start >= end. */
  readonly pinStart: number;
  readonly pinEnd: number;
}

export interface LeaseInfo {
  readonly lease: LeaseId;
  readonly file: InodeNumber;
  readonly kind: Kind;
  readonly owner: ProcessId;
  readonly ownerDead: boolean;
  /** 0 for a zombie. */
  readonly description: FileHandle | 0;
  readonly takenAt: number;
  /** The kind that it must become and the deadline, ms; undefined when no break is pending. */
  readonly breaking: { readonly must: Kind; readonly until: number } | undefined;
  readonly pins: number;
}

export interface PinInfo {
  readonly pin: PinId;
  readonly file: InodeNumber;
  readonly start: number;
  readonly end: number;
  readonly lease: LeaseId;
  readonly process: ProcessId;
  readonly owner: FileHandle | 0;
  readonly uid: number;
  readonly pinnedAt: number;
  /** It is under a zombie. */
  readonly zombie: boolean;
}

/** How much there is, without a walk over it. */
export interface LeaseCounts {
  /** Zombies, and leases whose break is pending, are among them. */
  readonly leases: number;
  readonly zombies: number;
  readonly breaking: number;
  readonly pins: number;
  /** Of all pins, overlaps counted each. */
  readonly pinnedBlocks: number;
}

export interface LeaseOptions {
  /** The break time (B2), ms. */
  readonly breakTime: number;
  /** 'rfc-v2': X3 also refuses the owner of an exclusive lease. */
  readonly semantics: 'default' | 'rfc-v2';
  /** Pins that there may be, of which a user has a share (N9). By default any number. */
  readonly pins?: number;
}

/** What is left of the pins of a process or description that has ended. They are pins until their turn comes. */
export interface Rest {
  /** Ends so many more; whether some are left. After each call the caller carries out the effects. */
  end(most: number): boolean;
  /** The user who has made the next one. */
  readonly uid: number;
  /** Whether one of them may be on the file. */
  mayPin(file: InodeNumber): boolean;
}

/**
 * The state machine. It never waits, reads a clock or touches a process. After each call that may change something the
 * caller takes `drain()` and carries out the effects in order. A `wake` (the operation runs again, which calls this
 * machine again) may come later than those behind it, but not before an older one of its file, nor behind a call on the file
 * that waited for none. If an operation that runs again fails before it reaches the machine, the caller releases its
 * waiter by `cancel`.
 */
export interface Leases {
  setLease(now: number, ask: LeaseAsk): Verdict;
  /** L8: the lease's kind, or during a break the kind that it must become; NONE without a lease. */
  getLease(description: FileHandle): Kind;
  /** The owner of the lease on this description; UNIDENTIFIED if there is none. */
  ownerOf(description: FileHandle): ProcessId;
  /** Whether POLLPRI is due: a break is pending, or the lease was removed or lowered by force and no call has seen that yet. */
  breaking(description: FileHandle): boolean;
  /** Checks the rules and creates the pin. If the store then cannot allocate its blocks (N7), undo it with `abandon`, not `unpin`. */
  pin(now: number, ask: PinAsk): { readonly verdict: Verdict; readonly pin: PinId };
  /** Undoes a pin that was just made: a call that fails with ENOSPC leaves no pin. */
  abandon(pin: PinId): void;
  unpin(ask: UnpinAsk): Verdict;
  change(now: number, ask: ChangeAsk): Verdict;
  /**
   * RELEASE: the description is gone (L2, N5). At most so many of the pins that it owns end now, by default all.
   * @returns the rest: the description's lease ends, or is a zombie, with the last of them. undefined: there is none.
   */
  release(description: FileHandle, most?: number): Rest | undefined;
  /** The same of a process: its leases have no owner any more, even if some of its pins are left. */
  died(process: ProcessId, most?: number): Rest | undefined;
  /** Drops a waiter whose call was interrupted by a signal and answered EINTR (B5). An unknown waiter is no error. */
  cancel(waiter: WaiterId): void;
  /** Forces the breaks whose deadline has passed. */
  tick(now: number): void;
  /** Forces the pending breaks of one file now, as if their deadlines had passed. */
  expire(file: InodeNumber): void;
  /** When `tick` is due, ms; Infinity when nothing is pending. */
  deadline(): number;
  drain(): readonly Effect[];
  /** False if the file has no lease, pin or waiter, so that `change` would answer ok. One look-up. */
  concerns(file: InodeNumber): boolean;
  /** The file has a pin or an unbreakable lease: its guard must not be lifted (F14). */
  guarded(file: InodeNumber): boolean;
  /** Whether a lease, pin, waiter or pending break refers to the process, so that its pidfd must be kept. */
  knows(process: ProcessId): boolean;
  counts(): LeaseCounts;
  /** Of each process that has made a pin which is there, one of its pins. */
  pinners(): PinInfo[];
  leases(file?: InodeNumber): LeaseInfo[];
  pins(file?: InodeNumber): PinInfo[];
  /** The same one by one. They may come and go between two steps: one that did may be left out. */
  eachLease(file?: InodeNumber): Iterable<LeaseInfo>;
  eachPin(file?: InodeNumber): Iterable<PinInfo>;
  /** The pins of one file in the order of their ids. Each step makes one record; pins may come and go between steps. */
  pinsByAge(file: InodeNumber): Iterator<PinInfo>;
  /** From now on what changes is marked, to be written down. @param marked called with each change. */
  keepChanges(marked: () => void): Changes;
  /** More than the machine knows has changed of what is to be written: of the lease of a description, of a pin. */
  leaseChanged(description: FileHandle): void;
  pinChanged(pin: PinId): void;
  /** Writes all leases and pins, one a step (restore.ts). */
  sweep(to: Notebook): Iterator<void>;
  /** The last ids that were given. */
  readonly lastLease: number;
  readonly lastPin: number;
  /** Into a new machine: what another one had written down. No effect follows. @throws Error: a pin is under no lease. */
  restore(saved: Saved): void;
  /** Invariants, for tests: throws Error on the first that does not hold. */
  check(): void;
}
