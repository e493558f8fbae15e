// Messages of the control socket, as leasefs-private.h has them: struct leasefs_message, then the struct of its code.

import * as abi from '../abi/leasefs.js';
import { StructView } from '../abi/struct.js';
import type { InodeNumber } from '../base/units.js';
import { Caller } from '../fs/operations.js';
import type { IoctlReply, IoctlRequest } from '../ioctl/structs.js';

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
  readonly struct: StructView;

  /** @param message HEAD bytes or more; stays as it is as long as the request. */
  constructor(message: ArrayBuffer) {
    const head = new StructView(message);
    this.id = head.u32(abi.message.id);
    this.code = head.u32(abi.message.code);
    this.length = message.byteLength - HEAD;
    this.struct = new StructView(message, HEAD);
  }
}

export class MessageReply implements IoctlReply {
  readonly buffer = new ArrayBuffer(MESSAGE_MAX);
  readonly struct = new StructView(this.buffer, HEAD);
  private readonly message = new StructView(this.buffer);

  /** The message's length. @param struct bytes of the struct behind it. */
  head(id: number, code: number, struct: number): number {
    this.message.setU32(abi.message.id, id);
    this.message.setU32(abi.message.code, code);
    return HEAD + struct;
  }
}
