// The open files whose readiness the kernel waits for, and the notifications to it; kh is its name for the open file.
import type { FileHandle } from '../base/units.js';
import type { Channel } from '../native/binding.js';
import { NOTIFY_POLL } from './flags.js';
import type { Reply } from './wire/reply.js';

/** fuse_notify_poll_wakeup_out: kh. */
const WAKEUP_OUT = 8;

/** Notified of what is polled. */
interface PollRecords {
  poll(fh: FileHandle, kh: number): void;
  pollGone(fh: FileHandle): void;
}

/** The descriptions whose changes the kernel wants to be notified of. */
export class Polls {
  private readonly channel: Channel;
  private readonly reply: Reply;
  private readonly recorded: PollRecords | undefined;
  private readonly kernelHandles = new Map<FileHandle, number>();

  constructor(channel: Channel, reply: Reply, recorded: PollRecords | undefined) {
    this.channel = channel;
    this.reply = reply;
    this.recorded = recorded;
  }

  get all(): ReadonlyMap<FileHandle, number> {
    return this.kernelHandles;
  }

  /** The last daemon's. Processes may wait: they ask this one. */
  takeOver(kernelHandles: ReadonlyMap<FileHandle, number>): void {
    for (const [fh, kh] of kernelHandles) {
      this.kernelHandles.set(fh, kh);
      this.notify(fh);
    }
  }

  /** @param kh below 2^53: the kernel counts its open files, and has one number for each. */
  add(fh: FileHandle, kh: number): void {
    if (this.kernelHandles.has(fh)) return;
    this.kernelHandles.set(fh, kh);
    this.recorded?.poll(fh, kh);
  }

  delete(fh: FileHandle): void {
    if (this.kernelHandles.delete(fh)) this.recorded?.pollGone(fh);
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
