// The open files whose readiness the kernel waits for, and the notifications to it; kh is its name for the open file.
import type { FileHandle } from '../base/units.js';
import type { Channel } from '../native/binding.js';
import { NOTIFY_POLL } from './flags.js';
import type { Reply } from './wire/reply.js';

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
