// `.leasefs/size`: the bytes that --size promises. A write changes them, as `mount -o remount,size=` does on tmpfs.
import { errno } from '../base/errno.js';
import { isOwner } from '../base/owner.js';
import type { Answer, Caller } from '../fs/operations.js';
import type { Superblock } from '../fs/vfs/superblock.js';
import type { VirtualFile } from '../fs/vfs/virtual.js';

export class SizeFile implements VirtualFile {
  readonly stream = false;
  private readonly sb: Superblock;
  private readonly isWritable: boolean;

  /**
   * @param opener must have the right too: a privileged program writes what it is made to write into a descriptor of another
   * user's.
   */
  constructor(sb: Superblock, opener: Pick<Caller, 'uid'>) {
    this.sb = sb;
    this.isWritable = isOwner(opener.uid);
  }

  ready(): boolean {
    return true;
  }

  read(off: number, out: Uint8Array): number {
    const text = new TextEncoder().encode(`${this.sb.store.capacity.total}\n`).subarray(off);
    const piece = text.subarray(0, out.length);
    out.set(piece);
    return piece.length;
  }

  /** Bytes in decimal. -EINVAL for anything else, below what is used, beyond what the store can count; -EPERM. */
  write(caller: Caller, data: Uint8Array): Answer {
    if (!this.isWritable || !isOwner(caller.uid)) return -errno.EPERM;
    const text = new TextDecoder().decode(data).trim();
    const size = /^\d{1,16}$/.test(text) ? Number(text) : 0;
    if (size < 4096 || !Number.isSafeInteger(size)) return -errno.EINVAL;
    const result = this.sb.store.resize(size);
    return result < 0 ? result : data.length;
  }

  listen(): void {}

  close(): void {}
}
