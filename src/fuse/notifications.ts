// Notifications to the kernel about inodes. Kernel counterpart: fuse_notify, fs/fuse/dev.c.
import { write } from 'node:fs';
import type { InodeNumber } from '../base/units.js';
import type { Channel } from '../native/binding.js';
import { NOTIFY_INVAL_ENTRY, NOTIFY_INVAL_INODE } from './flags.js';
import { InodeLocks } from './inode-locks.js';
import type { Reply } from './wire/reply.js';

const INVAL_INODE_OUT = 24;
const INVAL_ENTRY_OUT = 16;
const NAME = 'x'.charCodeAt(0);

export class Notifications {
  /** Those that are being written on another thread. */
  pending = 0;
  private readonly channel: Channel;
  private readonly reply: Reply;
  private readonly idle: () => void;
  private readonly locks = new InodeLocks((ino, done) => this.writeAside(this.putEntryBelow(ino), done));

  /** @param idle is called when `pending` has come down to 0. */
  constructor(channel: Channel, reply: Reply, idle: () => void) {
    this.channel = channel;
    this.reply = reply;
    this.idle = idle;
  }

  /** The record that makes the kernel drop the inode's attributes; its length. */
  putInvalidation(ino: InodeNumber): number {
    // fuse_notify_inval_inode_out: 0 ino, 8 off, 16 len. An `off` below 0 means the attributes alone.
    this.reply.set64(0, ino);
    this.reply.set64(8, -1);
    this.reply.set64(16, 0);
    return this.reply.notify(NOTIFY_INVAL_INODE, INVAL_INODE_OUT);
  }

  /** The same, written on another thread. */
  invalidateAside(ino: InodeNumber, done: () => void): void {
    this.writeAside(this.putInvalidation(ino), done);
  }

  /** As InodeLocks.pass. */
  passLock(ino: InodeNumber, uid: number, done: () => void): void {
    this.locks.pass(ino, uid, done);
  }

  /** fuse_notify_inval_entry_out: 0 parent, 8 namelen, 12 flags; the name. Of an entry below a regular file. */
  private putEntryBelow(ino: InodeNumber): number {
    this.reply.clear(0, INVAL_ENTRY_OUT + 4);
    this.reply.set64(0, ino);
    this.reply.setU32(8, 1);
    this.reply.setU32(INVAL_ENTRY_OUT, NAME);
    return this.reply.notify(NOTIFY_INVAL_ENTRY, INVAL_ENTRY_OUT + 2);
  }

  /** The kernel refuses a notification about an inode or entry that it does not have. */
  private writeAside(length: number, done: () => void): void {
    this.pending++;
    write(this.channel.fd, this.reply.bytes.slice(0, length), () => {
      done();
      this.pending--;
      if (this.pending === 0) this.idle();
    });
  }
}
