// The record of an event (`.leasefs/events`), one a line of JSON. In the daemon paths and commands are bytes, a char
// (U+0000 to U+00FF) each; in the JSON they are text.
import type { LeaseKind } from './kinds.js';

export type EventName =
  | 'grant'
  | 'convert'
  | 'owner'
  | 'release'
  | 'pin'
  | 'unpin'
  | 'break'
  | 'answered'
  | 'forced'
  | 'refused'
  | 'zombie'
  | 'zombie-end'
  | 'died'
  | 'injected'
  | 'restarted';

/** `pid` 0: a process that could not be identified. */
export interface EventProcess {
  readonly pid: number;
  readonly command: string;
  /** The real uid when the process was first seen, -1 when unknown. */
  readonly uid: number;
}

/** The lease that refuses a call, or with `pin` the pin under it. */
export interface ReportedHolder extends EventProcess {
  readonly kind: LeaseKind;
  readonly lease: number;
  readonly zombie: boolean;
  readonly pin?: number;
  /** Bytes. */
  readonly off?: number;
  readonly len?: number;
}

/** The members of an event besides `seq`, `time` and its name, by kind of event. */
export interface EventFacts {
  readonly lease?: number;
  readonly kind?: LeaseKind;
  /** What the lease was before it was converted. */
  readonly from?: LeaseKind;
  /** What a lease that is being broken must become. */
  readonly must?: LeaseKind;
  /** ms. Of a break: until it is forced. Of an answer or a force: since the break began. */
  readonly ms?: number;
  /**
   * The process that began the break, or made it demand more; pid 0: an injection, or a process that could not be
   * identified.
   */
  readonly breaker?: EventProcess;
  /** How the holder was notified. */
  readonly notified?: string;
  readonly pin?: number;
  /** Bytes. */
  readonly off?: number;
  readonly len?: number;
  /** What a pin ends with. */
  readonly owner?: 'process' | 'description';
  /** The call that was refused or injected, and its errno's name. */
  readonly call?: string;
  readonly errno?: string;
  readonly holder?: ReportedHolder;
  /** What ends the lease or pin that refuses. */
  readonly ends?: string;
  /** What the caller of a refused call can do. */
  readonly remedy?: string;
}

/** Of another user's process, which the reader may not ptrace(2), only the members up to `uid`, `errno` and `injected`. */
export interface ReportedEvent extends EventProcess, EventFacts {
  /** From 1, without gaps. */
  readonly seq: number;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly event: EventName;
  /** The rule behind it, 'X1'; 'inject' for what `leasefs inject` did, 'restart' when a daemon took over. */
  readonly rule: string;
  readonly ino?: number;
  /** From the root of the mount; null: deleted. */
  readonly path?: string | null;
  /** Asked for by `leasefs inject`. */
  readonly injected?: true;
}

/** `count` events were gone before they could be read; `seq` was the last of them. */
export interface LostEvents {
  readonly seq: number;
  readonly event: 'lost';
  readonly count: number;
}
