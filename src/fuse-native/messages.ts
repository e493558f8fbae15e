// Messages of the control socket, as leasefs-private.h has them: struct leasefs_message, then the struct of its code,
// where src/ioctl finds and leaves it.

import * as abi from '../abi/leasefs.js';
import type { InodeNumber } from '../base/units.js';
import { Caller } from '../fs/operations.js';
import { IN, type IoctlReply, type IoctlRequest, OUT } from '../ioctl/structs.js';

const HEAD = abi.message.bytes;
/** The longest struct. */
export const MESSAGE_MAX = HEAD + abi.report.bytes;

export class MessageRequest implements IoctlRequest {
  readonly caller = new Caller();
  ino = 0 as InodeNumber;
  readonly id: number;
  readonly code: number;
  /** Bytes of the struct. */
  readonly length: number;
  private readonly view: DataView;

  /** @param message stays as it is as long as the request. */
  constructor(message: ArrayBuffer) {
    this.view = new DataView(message);
    this.id = this.view.getUint32(abi.message.id, true);
    this.code = this.view.getUint32(abi.message.code, true);
    this.length = message.byteLength - HEAD;
  }

  u32(at: number): number {
    return this.view.getUint32(at - IN + HEAD, true);
  }

  i32(at: number): number {
    return this.view.getInt32(at - IN + HEAD, true);
  }

  u64(at: number): number {
    return Number(this.big(at));
  }

  big(at: number): bigint {
    return this.view.getBigUint64(at - IN + HEAD, true);
  }

  data(at: number, length: number): Uint8Array {
    return new Uint8Array(this.view.buffer as ArrayBuffer, at - IN + HEAD, length);
  }
}

export class MessageReply implements IoctlReply {
  readonly buffer = new ArrayBuffer(MESSAGE_MAX);
  private readonly view = new DataView(this.buffer);

  /** The message's length. @param struct bytes of the struct behind it. */
  head(id: number, code: number, struct: number): number {
    this.view.setUint32(abi.message.id, id, true);
    this.view.setInt32(abi.message.code, code, true);
    return HEAD + struct;
  }

  setU32(at: number, value: number): void {
    this.view.setUint32(at - OUT + HEAD, value, true);
  }

  set64(at: number, value: number): void {
    this.setBig(at, BigInt(value));
  }

  setBig(at: number, value: bigint): void {
    this.view.setBigUint64(at - OUT + HEAD, value, true);
  }

  clear(from: number, to: number): void {
    this.data(from, to - from).fill(0);
  }

  data(at: number, length: number): Uint8Array {
    return new Uint8Array(this.buffer, at - OUT + HEAD, length);
  }
}
