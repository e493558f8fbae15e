// What the ioctls of leasefs.h share: how a transport passes their structs, and the checks on each struct.

import { LEASEFS_ABI } from '../abi/leasefs.js';
import type { Reserved, StructView, U32, Versioned } from '../abi/struct.js';
import type { FileHandle, InodeNumber } from '../base/units.js';
import type { Answer, Caller, Operations } from '../fs/operations.js';
import type { ReportTexts } from './report-texts.js';

export interface IoctlRequest {
  readonly caller: Caller;
  /** Of the file that the descriptor is of. */
  readonly ino: InodeNumber;
  /** The struct as the caller sent it. */
  readonly struct: StructView;
}

export interface IoctlReply {
  /** The struct as it returns. Written only after the operation has answered (see wire/reply.ts). */
  readonly struct: StructView;
}

/** What the ioctls need from a transport. */
export interface IoctlTransport {
  readonly operations: Operations;
  readonly reply: IoctlReply;
  /** The text that a description reads piece by piece by REPORT; the transport frees it when the description ends. */
  readonly reports: ReportTexts;
}

const NSIG = 64;

/** A struct of a call, from src/abi/leasefs.ts. */
interface CallStruct extends Versioned {
  readonly flags?: U32;
  readonly reserved?: Reserved;
}

export interface Command {
  readonly struct: CallStruct;
  /** Bits that `flags` may have. */
  readonly flags: number;
  /** 0, with the struct in the reply; `-errno`; PARKED. */
  readonly run: (transport: IoctlTransport, request: IoctlRequest, fh: FileHandle) => Answer;
}

/** Checks the version, that no unknown flag is set, and that reserved fields are zero. */
export function isValid(
  { version, flags, reserved }: CallStruct,
  known: number,
  struct: StructView,
): boolean {
  if (struct.u32(version) !== LEASEFS_ABI) return false;
  if (flags !== undefined && struct.u32(flags) & ~known) return false;
  return reserved === undefined || struct.isZero(reserved);
}

/** Puts the struct's first `bytes`, a multiple of 4, into the reply as they came. After the operation. */
export function echo({ reply }: IoctlTransport, request: IoctlRequest, bytes: number): void {
  reply.struct.copy(request.struct, bytes);
}

/** Of 0 (none) to 64; undefined for what is no signal. */
export const readSignal = (signal: number): number | undefined =>
  signal < 0 || signal > NSIG ? undefined : signal;
