// Directories: OPENDIR, READDIR, READDIRPLUS, RELEASEDIR.
import { errno } from '../base/errno.js';
import { MAX_OFFSET } from '../base/units.js';
import { type Answer, PARKED } from '../fs/operations.js';
import type { Connection } from './connection.js';
import type { Request } from './wire/request.js';

const OPEN_OUT = 16;

/** fuse_open_in: 0 flags. */
export function opendir({ operations, reply }: Connection, request: Request): Answer {
  const answer = operations.opendir(request.caller, request.ino, request.u32(0), request.opened);
  if (answer !== 0) return answer;
  reply.set64(0, request.opened.fh);
  reply.clear(8, OPEN_OUT);
  return OPEN_OUT;
}

export function readdir(connection: Connection, request: Request): Answer {
  return list(connection, request, false);
}

/** Every entry that it answers, '.' and '..' apart, counts a lookup. */
export function readdirplus(connection: Connection, request: Request): Answer {
  return list(connection, request, true);
}

/** fuse_read_in: 0 fh, 8 offset (the cookie of the last entry seen), 16 size. */
function list({ operations, dirents }: Connection, request: Request, plus: boolean): Answer {
  const after = request.u64(8);
  if (after > MAX_OFFSET) return -errno.EINVAL;
  dirents.begin(request.u32(16), plus);
  const answer = operations.readdir(request.caller, request.ino, request.fh(0), after, plus, dirents);
  return answer < 0 || answer === PARKED ? answer : dirents.length;
}

export function releasedir(connection: Connection, request: Request): Answer {
  const fh = request.fh(0);
  connection.operations.release(fh);
  connection.forget(fh);
  return 0;
}
