// POLL. The kernel asks once with a request for a notification, and again after each one.
import { errno } from '../base/errno.js';
import type { Answer } from '../fs/operations.js';
import type { Connection } from './connection.js';
import { POLL_SCHEDULE_NOTIFY } from './flags.js';
import type { Request } from './wire/request.js';

const POLL_OUT = 8;

/** fuse_poll_in: 0 fh, 8 kh, 16 flags, 20 events. All revents are answered: the kernel masks them. */
export function poll({ operations, polls, reply }: Connection, request: Request): Answer {
  if (polls === undefined) return -errno.ENOSYS;
  const fh = request.fh(0);
  const wants = (request.u32(16) & POLL_SCHEDULE_NOTIFY) !== 0;
  const revents = operations.poll(fh, wants);
  if (revents < 0) return revents;
  if (wants) polls.add(fh, request.u64(8));
  reply.setU32(0, revents);
  reply.setU32(4, 0);
  return POLL_OUT;
}
