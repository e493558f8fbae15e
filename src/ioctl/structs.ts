// What the ioctls of leasefs.h have in common: how a transport hands their structs over, what is checked of each, lease
// kinds and signals.

import type { FileHandle, InodeNumber } from '../base/units.js';
import type { Answer, Caller, Operations } from '../fs/operations.js';

/** Where the struct begins in the request (behind fuse_ioctl_in) and in the reply (behind fuse_ioctl_out). */
export const IN = 32;
export const OUT = 16;

/** The struct as it came; positions (`at`) count from `IN`, fields of 32 and 64 bits lie at multiples of 4. */
export interface IoctlRequest {
  readonly caller: Caller;
  /** Of the file that the descriptor is of. */
  readonly ino: InodeNumber;
  u32(at: number): number;
  i32(at: number): number;
  /** Exact to 2^53-1; what is larger comes out as some number above that. */
  u64(at: number): number;
  big(at: number): bigint;
  data(at: number, length: number): Uint8Array;
}

/** The struct as it goes; positions count from `OUT`. Written only after the operation has answered (see wire/reply.ts). */
export interface IoctlReply {
  setU32(at: number, value: number): void;
  set64(at: number, value: number): void;
  setBig(at: number, value: bigint): void;
  /** Zeros in [from, to), both multiples of 4. */
  clear(from: number, to: number): void;
  data(at: number, length: number): Uint8Array;
}

/** What of a transport the ioctls need. */
export interface IoctlTransport {
  readonly operations: Operations;
  readonly reply: IoctlReply;
  /** The text that a description reads by REPORT, piece by piece; the transport lets it go at the description's end. */
  readonly reports: Map<FileHandle, Uint8Array>;
}

const NSIG = 64;

export interface Command {
  readonly bytes: number;
  /** Bits that `flags` (at 4 or 8) may have; undefined: the struct has no flags. */
  readonly flags: { readonly at: number; readonly known: number } | undefined;
  /** The reserved fields: [from, to). */
  readonly reserved: readonly [from: number, to: number];
  /** 0, with the struct in the reply; `-errno`; PARKED. */
  readonly run: (transport: IoctlTransport, request: IoctlRequest, fh: FileHandle) => Answer;
}

/** Puts the struct's first `bytes`, a multiple of 4, into the reply as they came. After the operation. */
export function echo({ reply }: IoctlTransport, request: IoctlRequest, bytes: number): void {
  for (let at = 0; at < bytes; at += 4) reply.setU32(OUT + at, request.u32(IN + at));
}

/** Of 0 (none) to 64; undefined for what is no signal. */
export const readSignal = (signal: number): number | undefined =>
  signal < 0 || signal > NSIG ? undefined : signal;
