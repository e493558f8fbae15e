// POLL. The kernel asks once with a request for a notification, and again after each one; kh is its name for the open file.
import { errno } from '../base/errno.js';
import type { FileHandle } from '../base/units.js';
import type { Answer } from '../fs/operations.js';
import type { Channel } from '../native/binding.js';
import type { Connection } from './connection.js';
import { NOTIFY_POLL, POLL_SCHEDULE_NOTIFY } from './flags.js';
import type { Reply } from './wire/reply.js';
import type { Request } from './wire/request.js';

const POLL_OUT = 8;
/** fuse_notify_poll_wakeup_out: kh. */
const WAKEUP_OUT = 8;

/** The descriptions whose changes the kernel wants to be notified of. */
export class Polls {
  private readonly channel: Channel;
  private readonly reply: Reply;
  private readonly kernelHandles = new Map<FileHandle, number>();

  constructor(channel: Channel, reply: Reply) {
    this.channel = channel;
    this.reply = reply;
  }

  /** @param kh below 2^53: the kernel counts its open files. */
  add(fh: FileHandle, kh: number): void {
    this.kernelHandles.set(fh, kh);
  }

  delete(fh: FileHandle): void {
    this.kernelHandles.delete(fh);
  }

  /** Makes the kernel send POLL again for the processes that wait on the description. */
  notify(fh: FileHandle): void {
    const kh = this.kernelHandles.get(fh);
    if (kh === undefined) return;
    this.reply.set64(0, kh);
    // Refused only when the connection ends, and then no process waits.
    this.channel.send(this.reply.notify(NOTIFY_POLL, WAKEUP_OUT));
  }
}

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
