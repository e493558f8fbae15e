// What the ioctls of leasefs.h have in common: where their structs lie, what is checked of each, lease kinds and signals.
import type { FileHandle } from '../base/units.js';
import * as abi from '../client/abi.js';
import type { Answer } from '../fs/operations.js';
import {
  EXCLUSIVE,
  EXCLUSIVE_BREAKABLE,
  type Kind,
  NONE,
  SHARED,
  SHARED_UNBREAKABLE,
} from '../lease/types.js';
import type { Connection } from './connection.js';
import type { Request } from './wire/request.js';

/** Where the struct begins in the request and in the reply. */
export const IN = 32;
export const OUT = 16;

const NSIG = 64;

export interface Command {
  readonly bytes: number;
  /** Bits that `flags` (at 4 or 8) may have; undefined: the struct has no flags. */
  readonly flags: { readonly at: number; readonly known: number } | undefined;
  /** The reserved fields: [from, to). */
  readonly reserved: readonly [from: number, to: number];
  /** 0, with the struct in the reply; `-errno`; PARKED. */
  readonly run: (connection: Connection, request: Request, fh: FileHandle) => Answer;
}

/** Puts the struct's first `bytes` into the reply as they came. After the operation: see reply.ts. */
export function echo({ reply }: Connection, request: Request, bytes: number): void {
  reply.data(OUT, bytes).set(request.data(IN, bytes));
}

const kinds = new Map<number, Kind>([
  [abi.LEASEFS_UNLCK, NONE],
  [abi.LEASEFS_SHARED, SHARED],
  [abi.LEASEFS_EXCLUSIVE_BREAKABLE, EXCLUSIVE_BREAKABLE],
  [abi.LEASEFS_SHARED_UNBREAKABLE, SHARED_UNBREAKABLE],
  [abi.LEASEFS_EXCLUSIVE, EXCLUSIVE],
  // F_WRLCK | F_LAYOUT | F_UNBREAK says the same.
  [abi.LEASEFS_EXCLUSIVE_BREAKABLE | abi.LEASEFS_F_UNBREAK, EXCLUSIVE],
]);

/** The kind that the flags name; undefined for none of leasefs.h. */
export const readKind = (flags: number): Kind | undefined => kinds.get(flags);

/** Of 0 (none) to 64; undefined for what is no signal. */
export const readSignal = (signal: number): number | undefined =>
  signal < 0 || signal > NSIG ? undefined : signal;
