// Extended attributes. A reader that gives no buffer asks for the length.
import type { Answer } from '../fs/operations.js';
import { type Connection, MALFORMED } from './connection.js';
import { OUT_HEADER, type Reply } from './wire/reply.js';
import type { Request } from './wire/request.js';

/** fuse_getxattr_out: 0 size, 4 padding. */
const GETXATTR_OUT = 8;

/** fuse_setxattr_in: 0 size, 4 flags; the name, the value. */
export function setxattr({ operations }: Connection, request: Request): Answer {
  const size = request.u32(0);
  const { nameBegin } = request;
  if (request.length !== nameBegin + size) return MALFORMED;
  const value = request.data(nameBegin, size);
  return operations.setxattr(request.caller, request.ino, request.name(8), value, request.u32(4));
}

/** fuse_getxattr_in: 0 size; the name. */
export function getxattr({ operations, reply }: Connection, request: Request): Answer {
  const { caller, ino } = request;
  const size = room(reply, request);
  const name = request.name(8);
  return sized(reply, size, operations.getxattr(caller, ino, name, reply.bytes, OUT_HEADER, size));
}

/** fuse_getxattr_in: 0 size. */
export function listxattr({ operations, reply }: Connection, request: Request): Answer {
  const size = room(reply, request);
  return sized(reply, size, operations.listxattr(request.caller, request.ino, reply.bytes, OUT_HEADER, size));
}

export function removexattr({ operations }: Connection, request: Request): Answer {
  return operations.removexattr(request.caller, request.ino, request.name(0));
}

const room = (reply: Reply, request: Request): number => Math.min(request.u32(0), reply.capacity);

/** The bytes themselves, or their number when no buffer was given. */
function sized(reply: Reply, size: number, answer: Answer): Answer {
  if (answer < 0 || size > 0) return answer;
  reply.setU32(0, answer);
  reply.setU32(4, 0);
  return GETXATTR_OUT;
}
