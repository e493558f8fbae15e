// The words of the lease machine (README.md): what is asked, what is answered, what follows.
// Pure data: times are ms of the caller's monotonic clock, ranges are blocks.
import type { Kind } from '../abi/kinds.js';
import type { ErrnoName } from '../base/errno.js';
import type { FileHandle, InodeNumber, LeaseId, PinId, ProcessId, WaiterId } from '../base/units.js';

/** The rule of src/lease/README.md that decided: 'X1', 'L5', or 'W' for the section Words. */
export type Rule = string;

/**
 * `ok`; an errno name with the rule that raised it and, for a refusal by somebody's lease or pin, who holds it, for a
 * pin without an unbreakable lease (N1) the kind that the caller has on the file;
 * or `wait`: park the operation under `waiter` and run it again from its beginning, with that waiter, when an
 * effect `wake` names it.
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

/** What is in the way, for the log line. `process`: whose it is. Blocks, half open. */
export type Holder = LeaseHolder | PinHolder | KernelPinHolder;

/** A lease, or that over a pin. */
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

/** N10: the kernel holds the pin, for an io_uring. It has no id and is under no lease. */
export interface KernelPinHolder {
  readonly by: 'kernel pin';
  readonly process: ProcessId;
  /** The descriptor of its ring, where that is known. */
  readonly ring: number | undefined;
  readonly start: number;
  readonly end: number;
}

export type Effect =
  /** B1: notice to the break descriptors of `description`, and the lease's signal to its owner. `must`: what it must become. */
  | {
      readonly effect: 'tell';
      readonly lease: LeaseId;
      readonly file: InodeNumber;
      readonly description: FileHandle;
      readonly owner: ProcessId;
      /** Who began the break, or made it demand more. */
      readonly breaker: ProcessId;
      readonly must: Kind;
      readonly notice: Notice | undefined;
      readonly rule: Rule;
    }
  /** Run the waiter's operation again now, in this order; or, with `errno`, answer it so. */
  | { readonly effect: 'wake'; readonly waiter: WaiterId; readonly errno?: ErrnoName; readonly rule: Rule }
  /** A lease is gone: by unlock or release (L2), by force (B2) or its owner's death (B5), a zombie by its last pin (N5). */
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
  /** L6: a sharer took the lease of a dead owner over. */
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
      /** Who made it. */
      readonly process: ProcessId;
      /** [start, end) in blocks. */
      readonly start: number;
      readonly end: number;
      readonly byDescription: boolean;
      readonly rule: Rule;
    };

/** What the owner's own lease call asked to be sent when the lease is broken (B1). `uid`: of that call. */
export interface Notice {
  readonly signal: number;
  readonly cookie: bigint;
  readonly uid: number;
}

/** F_SETLEASE. The facts about the caller are looked up by the layer above. */
export interface LeaseAsk {
  readonly process: ProcessId;
  readonly description: FileHandle;
  readonly file: InodeNumber;
  readonly kind: Kind;
  /** A waiting call that runs again; NO_WAITER the first time. */
  readonly waiter: WaiterId;
  readonly nonblock: boolean;
  readonly regular: boolean;
  /** The file's owner, or CAP_LEASE in the mount's user namespace (L7). */
  readonly mayLease: boolean;
  /** The description is open for writing (L7). */
  readonly writable: boolean;
  readonly notice: Notice | undefined;
}

export interface PinAsk {
  readonly process: ProcessId;
  /** The description through which it is asked. */
  readonly description: FileHandle;
  readonly file: InodeNumber;
  /** [start, end) in blocks. */
  readonly start: number;
  readonly end: number;
  /** The owning description, 0 for the process; EBADF is raised here when `ownerHeld` is false (N4). */
  readonly owner: FileHandle | 0;
  readonly ownerHeld: boolean;
  /** Blocks of the file up to and with that of the last byte (N7). */
  readonly sizeBlocks: number;
  readonly uid: number;
  /** RLIMIT_MEMLOCK in bytes, Infinity when exempt (N9). */
  readonly memlock: number;
  /** CAP_IPC_LOCK: neither judged nor counted. */
  readonly uncounted: boolean;
}

export interface UnpinAsk {
  readonly process: ProcessId;
  readonly description: FileHandle;
  readonly pin: PinId;
}

/** A layout change; what it touches is computed from the store at this instant (X0, X8), see range.ts. */
export interface ChangeAsk {
  readonly process: ProcessId;
  /** The description it is asked through; 0 for a change by path. */
  readonly description: FileHandle | 0;
  readonly file: InodeNumber;
  readonly waiter: WaiterId;
  readonly nonblock: boolean;
  readonly range: ChangeRange;
  /** Pins that the kernel holds though nobody told us (N10), as far as they were found; they count for X1 only. */
  readonly kernelPins?: readonly KernelPin[];
}

/** N10: blocks, half open. */
export interface KernelPin {
  /** Who has it; made it too, unless `inherited`. */
  readonly process: ProcessId;
  readonly inherited?: boolean | undefined;
  /** The descriptor of the io_uring that has it, where that is known. */
  readonly ring?: number | undefined;
  readonly start: number;
  readonly end: number;
}

/** Blocks, half open. */
export interface ChangeRange {
  /** No block gets, loses or changes its store block, and the size stays or is no layout (X0). */
  readonly empty: boolean;
  /** What pins are asked about (X1): start >= end asks about none. */
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
  /** What it must become and when it is forced, ms; undefined when no break is pending. */
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
}

export interface LeaseOptions {
  /** B2, ms. */
  readonly breakTime: number;
  /** rfc-v2: X3 refuses the exclusive owner too. */
  readonly semantics: 'default' | 'rfc-v2';
}

/**
 * The state machine. Nothing here waits, asks a clock or touches a process. After every call that may change something the caller
 * takes `drain()` and carries the effects out in order; a `wake` is carried out (the operation run again, which
 * calls in here again) before the next effect. A waiter whose operation does not ask here when it runs again (an
 * ordinary error came first) is given back by `cancel`.
 */
export interface Leases {
  setLease(now: number, ask: LeaseAsk): Verdict;
  /** L8: kind, or during a break what it must become; NONE without a lease. */
  getLease(description: FileHandle): Kind;
  /** The owner of the lease on this description; UNIDENTIFIED where there is none. */
  ownerOf(description: FileHandle): ProcessId;
  /** Whether POLLPRI is due: a break pending, or the lease taken or lowered by force and not yet asked about. */
  breaking(description: FileHandle): boolean;
  /** Judges and makes the pin; the id, or the refusal. When the store then has no blocks (N7), `unpin` is not used: `abandon`. */
  pin(now: number, ask: PinAsk): { readonly verdict: Verdict; readonly pin: PinId };
  /** Takes a pin back that was just made: ENOSPC leaves no pin. */
  abandon(pin: PinId): void;
  unpin(ask: UnpinAsk): Verdict;
  change(now: number, ask: ChangeAsk): Verdict;
  /** RELEASE: the description is gone (L2, N5). */
  release(description: FileHandle): void;
  died(process: ProcessId): void;
  /** Forgets a waiter: a signal came, and it has been answered EINTR (B5). An unknown one is no error. */
  cancel(waiter: WaiterId): void;
  /** Forces the breaks whose time has come. */
  tick(now: number): void;
  /** Forces the pending breaks of one file now, as if their time had come. */
  expire(file: InodeNumber): void;
  /** When `tick` is due, ms; Infinity when nothing is pending. */
  deadline(): number;
  drain(): readonly Effect[];
  /** False, at the cost of one look-up: no lease, pin or waiter on the file, so `change` would answer ok. */
  concerns(file: InodeNumber): boolean;
  /** The file has a pin or an unbreakable lease: its guard must not be lifted (F14). */
  guarded(file: InodeNumber): boolean;
  /** Whether any lease, pin, waiter or pending break names the process: its pidfd must be kept. */
  knows(process: ProcessId): boolean;
  leases(file?: InodeNumber): LeaseInfo[];
  pins(file?: InodeNumber): PinInfo[];
  /** Of one file, in the order of their ids; each is made when it is asked for, while pins come and go. */
  pinsByAge(file: InodeNumber): Iterator<PinInfo>;
  /** Invariants, for tests: throws Error on the first that does not hold. */
  check(): void;
}
